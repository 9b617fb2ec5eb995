"""Exact search among large vocabularies: nearest neighbours, CSLS, inverted softmax."""
