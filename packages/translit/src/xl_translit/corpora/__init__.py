"""Corpora of any size: read as a stream, transliterated by any number of processes, written whole, accounted for."""
