"""`xl reproduce`: the papers' claims, tested."""
