"""The database, and the tokens that were used, which are kept in it. service/memory keeps what was shown."""
