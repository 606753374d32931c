"""The words in which a rule is written. Pure: no web, network, database, clock or environment."""
