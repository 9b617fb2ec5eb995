"""From texts to tokens and from tokens to vectors, of texts and of words."""
