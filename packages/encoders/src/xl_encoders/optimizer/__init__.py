"""The rate of each step, and AdamW over gradients of rows."""
