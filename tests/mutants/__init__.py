"""Mutation of the rules and the shared definitions: does a case notice when a decision is changed?"""
