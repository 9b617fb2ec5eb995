"""Noise in test texts: typing errors by national keyboards, and left-out diacritics."""
