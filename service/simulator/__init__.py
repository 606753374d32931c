"""The simulator: an EHR in a web page, which calls the service through its public endpoints as any client does."""
