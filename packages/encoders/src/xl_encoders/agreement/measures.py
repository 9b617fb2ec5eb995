"""How far two readings of the same texts agree, and two gradients of the same loss."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders.model.encoder import Encoder
from xl_encoders.training.backward import backward_batch
from xl_encoders.training.pair_corpus import LengthBatches, encode_pairs
from xl_encoders.training.part import Share
from xl_encoders.training.sources import CorpusBatches
from xl_encoders.training.text_part import TextPart
from xl_objectives import SeqConfig

# Passes that a batch is cut into, about.
_PASSES = 4


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Vectors of n texts, read in two ways."""

    n: int
    least_cosine: float
    """Of a text's two vectors; -1 to 1, and NaN where one is not finite."""
    worst: int
    """The text that has it."""
    difference: float
    """Largest length of the difference of a text's two vectors, both scaled to length 1."""
    same_nearest: float
    """Share of the texts whose nearest other text is the same, ties of 1e-6 aside; 1 for less than three texts."""


def agreement(reference: NDArray[np.floating], vectors: NDArray[np.floating]) -> Agreement:
    """Compare two (n, width) readings of the same n texts, n >= 1. Vectors of zeros agree with each other alone."""
    one, other = (_unit(side) for side in (reference, vectors))
    cosines = np.clip((one * other).sum(1), -1, 1)
    cosines[~one.any(1) & ~other.any(1)] = 1.0
    nearness = one @ one.T, other @ other.T
    for table in nearness:
        np.fill_diagonal(table, -np.inf)
    same = 1.0
    if len(one) > 2:
        chosen = nearness[1].argmax(1)
        rows = np.arange(len(one))
        same = float((nearness[0][rows, chosen] >= nearness[0].max(1) - 1e-6).mean())
    return Agreement(
        n=len(one),
        least_cosine=float(cosines.min()),
        worst=int(np.argmin(cosines)),
        difference=float(np.linalg.norm(one - other, axis=1).max()),
        same_nearest=same,
    )


def cache_difference(encoder: Encoder, texts: Sequence[str], others: Sequence[str]) -> tuple[float, int]:
    """Length of (cached - plain gradient) over that of the plain one, and the passes that the cache made of the batch.

    The loss is SEQ of `texts` against `others`, their transliterations, as one batch, with the dropout that the model
    has; the gradient of every weight. The encoder holds no gradient at the end.
    """
    corpus = encode_pairs(texts, others, encoder.tokenizer, encoder.max_len)
    order = LengthBatches(corpus.lengths, batch=len(texts), seed=0)
    n_tokens = -(-int(corpus.lengths.sum()) // _PASSES)
    part = TextPart(encoder, CorpusBatches(corpus, order), {"seq": SeqConfig()}, tokens=n_tokens)
    batch, training = part.draw(0), encoder.training
    n_passes = len(part.chunks(batch, Share(), set(part.terms)))
    encoder.train()
    gradients = []
    for cached in (False, True):
        encoder.zero_grad(set_to_none=True)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            backward_batch(
                part, batch, {name: term.factor for name, term in part.terms.items()}, share=Share(), seed=1,
                cached=cached, backward=lambda loss: loss.backward(), autocast=nullcontext, width=encoder.width,
                device=encoder.device,
            )  # fmt: skip
        gradients.append([None if each.grad is None else each.grad.clone() for each in encoder.parameters()])
    encoder.zero_grad(set_to_none=True)
    encoder.train(training)
    pairs = [(one, other) for one, other in zip(*gradients, strict=True) if one is not None and other is not None]
    apart = sum(float((one.double() - other.double()).square().sum()) for one, other in pairs)
    whole = sum(float(one.double().square().sum()) for one, _ in pairs)
    return (apart / whole) ** 0.5 if whole else 0.0, n_passes


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=(lengths > 0) | np.isnan(lengths))
