"""Fine-tuning and probing of encoders: heads, the loop, settings, prediction."""
