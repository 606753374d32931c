"""A real HAPI FHIR server for the tests of this folder and for the sandbox (`python -m tests.hapi`)."""
