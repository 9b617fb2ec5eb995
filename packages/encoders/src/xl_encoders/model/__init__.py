"""A pretrained or new encoder: opened, made, exported, packed."""
