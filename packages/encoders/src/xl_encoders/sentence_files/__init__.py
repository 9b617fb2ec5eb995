"""The files of sentence-transformers beside an encoder, read."""
