"""The report for those who decide about the rules: how often each speaks, and what becomes of it."""
