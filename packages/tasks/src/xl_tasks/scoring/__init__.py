"""Scores of what a model gives: pure functions of predictions or vectors."""
