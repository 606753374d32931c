"""CDS Hooks JSON in and out; nothing else knows the wire format."""
