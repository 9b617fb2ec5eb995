"""Settings of the objectives, and what each says of itself: the data it reads, its family, its title, its loss.

A module each for what a family shares (`text`, `word_vectors`, `bitext`), for what all share (`objective`), and for the
checks. Nothing heavy is imported, so that a recipe is read and planned without torch.
"""
