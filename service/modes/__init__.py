"""Modes: what becomes of a rule's cards for one client. They can be changed while the service runs."""
