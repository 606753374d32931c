"""Authentication of callers: registered clients, their keys and their tokens."""
