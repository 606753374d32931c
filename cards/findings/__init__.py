"""The shared clinical definitions of clinical.md 2.1, settled point by point in decisions.md."""
