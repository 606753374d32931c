"""How we are asked: CDS Hooks over HTTP, and the command line."""
