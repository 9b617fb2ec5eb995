"""Commands on static word vectors: one a file."""
