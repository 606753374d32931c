"""What the service keeps, in SQLite or PostgreSQL: nothing but the tokens that were used."""
