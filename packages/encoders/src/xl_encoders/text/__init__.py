"""Words and sentences of running text in any script."""
