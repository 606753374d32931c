"""Sign-off: what is signed of a rule, who approved it, and which rules may therefore speak."""
