"""FHIR to Chart: the one room that reads records."""
