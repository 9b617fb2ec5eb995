"""The errors of this package: bad input gets one sentence with what, where and what to do."""


class TaskError(ValueError):
    """Data, keys or settings that a task cannot use; the message names the file and line or the value."""
