"""What is remembered: what was evaluated and shown, and what became of it."""
