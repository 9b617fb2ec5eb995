"""Romanisation of any script by Uroman's tables."""
