"""A module as it is when it is used, not trained."""

from collections.abc import Generator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluation_mode(module: nn.Module) -> Generator[None]:
    """Dropout off inside, the former mode back outside."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
