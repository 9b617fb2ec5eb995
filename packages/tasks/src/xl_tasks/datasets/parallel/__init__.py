"""Texts of several languages under shared keys."""
