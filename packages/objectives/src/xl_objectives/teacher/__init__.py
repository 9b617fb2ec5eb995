"""Objectives with a frozen teacher's sentence vectors: a new language goes to its translations, an old one stays."""
