"""Measures of result rows: nothing is computed by a model."""
