"""Backtest: what the rules would have said of the patients of an export, each as known at earlier moments."""
