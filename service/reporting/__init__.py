"""The report for those who decide about the rules: how often each rule speaks, and what happens to its cards."""
