"""What options of retrieval and lexicon induction can be. Imports nothing."""

RETRIEVALS = ("nn", "csls", "invsoftmax", "invnn")
"""How the best keys of a query are found; see `nearest`."""
DIRECTIONS = ("mutual", "forward", "backward", "union")
"""Which nearest neighbours make a dictionary; see `induce_dictionary`."""
LOWERS = ("auto", "always", "never")
"""Whether entries of a test dictionary are lower-cased; see `induction_accuracy`."""
MULTI_WORDS = ("skip", "oov", "mean")
"""What entries of several words count as; see `induction_accuracy`."""
