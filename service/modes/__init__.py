"""Modes: what becomes of a rule's cards for one client, changed while the service runs."""
