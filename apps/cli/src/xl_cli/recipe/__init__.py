"""Recipes: what a user can set for a run, checked whole before any work starts."""
