"""The simulator: an EHR in a page, which plays the client of the service through its public endpoints."""
