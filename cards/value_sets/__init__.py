"""The codes by which a clinical fact is recognised. This package imports no other package of the project."""
