"""Metrics as sums over items, equal to those of scikit-learn, seqeval and the official SQuAD script."""
