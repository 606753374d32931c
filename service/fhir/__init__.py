"""What prefetch lacks, read from FHIR servers."""
