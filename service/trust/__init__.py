"""Who is calling: registered clients, their keys and their tokens."""
