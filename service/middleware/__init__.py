"""What every reply needs, around Flask."""
