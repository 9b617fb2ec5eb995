"""What `xl align` does: a recipe's plan, its parts, its training, its scores."""
