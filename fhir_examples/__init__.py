"""Whole synthetic patients: a Bundle for a FHIR server, the hook request about it, and the exact answer."""
