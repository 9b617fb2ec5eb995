"""Maps found by gradient descent: on the retrieval criterion (RCSLS), and against a discriminator (MUSE's start)."""
