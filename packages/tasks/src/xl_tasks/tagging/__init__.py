"""Tagging: words as units with one label each, windows instead of truncation."""
