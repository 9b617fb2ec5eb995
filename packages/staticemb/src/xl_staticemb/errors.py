"""What this package refuses."""


class StaticembError(ValueError):
    """Base of every error this package raises on purpose; the message says what, where and what to do."""
