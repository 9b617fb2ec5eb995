"""Vectors trained from which words occur near each other: word2vec and fastText, by gensim."""
