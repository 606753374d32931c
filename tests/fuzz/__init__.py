"""Mutated requests to the real application, in process: `make fuzz`, and a sample of it in the fast tests.

judging.py holds what each answer must fulfil. Everything follows from a seed, and a body that fails is kept.
"""
