"""The words in which a rule is written."""
