"""The rules, one recommendation per file with its cases in a file next to it, and the table of their precedence."""
