"""Errors of this package: a model, a tokenizer or a training setting that cannot be used."""

from collections.abc import Mapping


class EncoderError(ValueError):
    """A model folder, a layer, a shape or a training setting cannot be used; the message says which and what to do."""


class DivergedError(EncoderError):
    """A loss is not finite. step: of training, from 1. losses: by name."""

    def __init__(self, step: int, losses: Mapping[str, float]) -> None:
        shown = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        super().__init__(f"step {step}: a loss is not finite ({shown}); lower train.lr or give train.precision no.")
        self.step = step
        self.losses = losses


class CheckpointError(EncoderError):
    """A checkpoint does not belong to the run that wants to continue from it, or is not whole."""
