"""Texts with typing errors or without diacritics, the same for the same seed and example."""
