"""Backtest: what the rules would have said about the patients of an export, each as known at earlier moments."""
