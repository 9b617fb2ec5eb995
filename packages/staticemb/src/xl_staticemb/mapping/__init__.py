"""VecMap's framework: two vocabularies, or many, into one space."""
