"""The error of this package."""


class AnalysisError(ValueError):
    """Vectors, texts or rows that a measure is not defined for; the message says which and what is needed."""
