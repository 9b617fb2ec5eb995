"""What a student learns from a frozen teacher's sentence vectors: the lessons, and their part of training."""
