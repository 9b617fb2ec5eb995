"""Figures of results and of spaces: one style, fonts for every script, and the kinds of pictures."""
