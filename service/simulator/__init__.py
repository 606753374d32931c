"""The simulator: an EHR in a web page. It calls the service through its public endpoints, as any client does."""
