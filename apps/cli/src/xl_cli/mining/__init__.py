"""`xl mine`: two corpora that are not parallel to sentence pairs."""
