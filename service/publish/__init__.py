"""The rules, published for others to read: FHIR resources, a page for each rule, and the source attributes."""
