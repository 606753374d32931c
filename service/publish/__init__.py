"""What the rules know, for others to read: FHIR resources, a page for each rule, and its source attributes."""
