"""What is fitted to labelled examples: one folder a kind of problem."""
