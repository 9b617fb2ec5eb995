"""Robust fine-tuning: perturbed embeddings, and texts with words replaced by their neighbours."""
