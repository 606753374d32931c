"""How the EHRs differ: what each shows of a card, and what is borne of its requests."""
