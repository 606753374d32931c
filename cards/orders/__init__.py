"""What a suggestion orders, as FHIR."""
