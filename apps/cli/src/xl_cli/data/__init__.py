"""What a run reads: texts, sentence pairs, word vectors."""
