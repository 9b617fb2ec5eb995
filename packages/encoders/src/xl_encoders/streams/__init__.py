"""Corpora larger than memory, as an endless, numbered sequence of batches."""
