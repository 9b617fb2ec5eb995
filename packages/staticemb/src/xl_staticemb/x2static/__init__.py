"""Static vectors distilled from the states of an encoder."""
