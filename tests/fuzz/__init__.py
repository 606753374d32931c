"""Mutated requests against the real application, in process: `make fuzz`, and a slice of it in the fast tests.

What each answer must meet stands in judging.py. Everything follows from a seed, and a body that fails is kept.
"""
