"""CDS Hooks JSON in and out; no other package knows the wire format."""
