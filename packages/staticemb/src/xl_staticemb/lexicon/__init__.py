"""What vectors know of words: dictionaries, lexicon induction, similarity, refinement by feedback."""
