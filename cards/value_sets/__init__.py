"""The codes by which a clinical fact is recognised. It imports nothing of the other rooms."""
