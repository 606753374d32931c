"""What we advise. Pure: no web, network, database, clock or environment."""
