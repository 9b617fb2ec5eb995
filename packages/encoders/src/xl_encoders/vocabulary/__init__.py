"""New pieces in an old vocabulary."""
