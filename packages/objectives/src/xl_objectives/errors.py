"""The one error of this package."""


class ObjectiveError(ValueError):
    """An objective was given settings or tensors it is not defined for; the message names the value and the range."""
