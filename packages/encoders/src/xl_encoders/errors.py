"""Errors of this package: a model, a tokenizer or a training setting that cannot be used."""


class EncoderError(ValueError):
    """A model folder, a layer, a shape or a training setting cannot be used; the message says which and what to do."""


class CheckpointError(EncoderError):
    """A checkpoint does not belong to the run that wants to continue from it, or is not whole."""
