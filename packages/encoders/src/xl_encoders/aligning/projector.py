"""A learned projection that a contrast is taken through while training, and that the saved model does without.

Two linear maps with a ReLU between them, as in SimCLR (Chen et al. 2020, section 4.2): what the contrast wants to
forget may then stay in the states below. Wu and Dredze 2020 have one of 128 dimensions on words.
"""

import torch
from torch import nn

from xl_encoders.model.encoder import Encoder


def add_projector(encoder: Encoder, name: str, width: int, *, seed: int) -> nn.Module:
    """A new projection (rows, width of the encoder) -> (rows, `width`) as a part of `encoder`, for an older one.

    name: of the objective that it belongs to. It is trained and kept in checkpoints with the encoder, and not written
    by `Encoder.save`. seed: of its weights; torch's own random state stays as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inner = nn.Linear(encoder.width, encoder.width)
        outer = nn.Linear(encoder.width, width)
    projector = nn.Sequential(inner, nn.ReLU(), outer).to(encoder.device)
    encoder.projectors[name] = projector
    return projector
