"""Robust training, and noise to measure robustness with."""
