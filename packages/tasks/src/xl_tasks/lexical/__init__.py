"""Lexical tasks: bilingual lexicon induction and word similarity, of word vectors and of encoders."""
