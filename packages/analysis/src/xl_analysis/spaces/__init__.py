"""Measures of a representation space: vectors, or pieces of a tokenizer, in; figures out."""
