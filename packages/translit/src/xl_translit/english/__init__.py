"""English spelling to phonemes."""
