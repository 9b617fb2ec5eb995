"""Protocols: what is trained on what, which figures come out, and which of them are there already."""
