"""Tests of the rules, the service and the house."""
