"""The database, and what is kept in it: the tokens that were used; service/memory keeps what was shown."""
