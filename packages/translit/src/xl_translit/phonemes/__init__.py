"""Spelling to phonemes in many languages, and phonemes as segments and features."""
