"""Objectives on sentences and their translations, each in one file: its settings and its loss."""
