"""Dictionaries and word pairs with similarity scores."""
