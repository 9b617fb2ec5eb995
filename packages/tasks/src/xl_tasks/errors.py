"""The errors of this package: bad input gets one sentence with what, where and what to do."""


class StoppedError(Exception):
    """Fine-tuning was told to stop after `step` of `n_steps` steps; its checkpoint, if it has any, holds that state."""

    def __init__(self, step: int, n_steps: int) -> None:
        super().__init__(f"stopped after step {step} of {n_steps}")


class TaskError(ValueError):
    """Data, keys or settings that a task cannot use; the message names the file and line or the value."""
