"""The rules, one recommendation a file, its cases beside it; and the table of their precedence."""
