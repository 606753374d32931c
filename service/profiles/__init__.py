"""How the EHRs differ: what each shows of a card, and which deviations in its requests are tolerated."""
