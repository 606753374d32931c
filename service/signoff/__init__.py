"""Sign-off: what is signed of a rule, the records of who approved it, and which rules may therefore speak."""
