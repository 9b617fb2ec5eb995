"""What the model reads: sub-words, characters, phonemes or romanised text, word by word or as a whole."""
