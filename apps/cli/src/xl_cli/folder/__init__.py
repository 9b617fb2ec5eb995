"""Folders of runs and models: what lies in them, what is written to them."""
