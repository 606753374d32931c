"""Reading the data that prefetch lacks from FHIR servers."""
