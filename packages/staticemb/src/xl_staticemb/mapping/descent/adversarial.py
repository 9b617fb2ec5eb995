"""A first map without a dictionary: it turns the source until a discriminator takes its words for the target's.

Conneau et al. 2018, "Word Translation without Parallel Data", section 2.1 and 3. With P(source | v) what the
discriminator says of a vector v, s the smoothing, and frequent words x, z drawn evenly,

    L_D = - mean log P(source | x W) - mean log P(target | z)      with labels 1 - s and s
    L_W = - mean log P(target | x W) - mean log P(source | z)

are lessened in turn by plain SGD, and after each step of the map W <- (1 + beta) W - beta W W' W draws it towards the
orthogonal ones. Which epoch's map counts is decided without a dictionary: by the mean cosine of frequent words and
the translations that CSLS gives them. Where the paper and the released code (facebookresearch/MUSE) differ, the code is
followed, which made the published vectors: labels smoothed by 0.1 (0.2 in the paper), no dropout while the map learns,
and the rates of `map_rate`.

Two things are ours: the vectors come with rows of length 1 (`MappingConfig.normalization`), so they are multiplied by
the root of their width, which gives the discriminator numbers of about the size of fastText's; and the term of L_W
that holds no W is left out.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.candidate_sweep import torch_device
from xl_staticemb.mapping.config import MappingConfig, Progress
from xl_staticemb.mapping.descent.config import CRITERION_WORDS
from xl_staticemb.mapping.induction import Inducer, mutual_rows
from xl_staticemb.mapping.seed_dictionary import Pairs

_SLOPE = 0.2  # of the leaky ReLU below 0
_DECAY, _SHRINK, _LEAST_RATE = 0.98, 0.5, 1e-6  # lr_decay, lr_shrink and min_lr of the released code; see `map_rate`
_TOLD_EVERY = 200  # steps


def adversarial_pairs(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    config: MappingConfig,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Pairs:
    """Rows of the pairs that are each other's nearest word (CSLS) under the adversarial map, of `config.cutoff` words.

    source (n_x, width), target (n_z, width): normalised, by frequency. `progress` is called with the steps so far, the
    criterion of the last epoch, nan and the best criterion. Raises StaticembError for two widths, and for a map under
    which no two words are each other's nearest.
    """
    matrix = adversarial_map(source, target, config, seed=seed, device=device, progress=progress)
    cutoff = config.cutoff or None
    x, z = (torch.from_numpy(np.ascontiguousarray(side[:cutoff])).to(matrix.device) for side in (source, target))
    induced = Inducer(config.csls)(x @ matrix, z, 1.0, np.random.default_rng(seed))
    rows = mutual_rows(induced).cpu().numpy()
    if not len(rows):
        message = "the adversarial start found no two words that are each other's nearest; give more words or epochs"
        raise StaticembError(message)
    return rows, induced.forward.cpu().numpy()[rows]


def adversarial_map(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    config: MappingConfig,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Tensor:
    """The map W (width, width) float32 of the best epoch."""
    width = source.shape[1]
    if target.shape[1] != width:
        message = f"the adversarial start needs vectors of one width, not {width} and {target.shape[1]} numbers"
        raise StaticembError(message)
    place = torch_device(device)
    sides = tuple(
        torch.from_numpy(np.ascontiguousarray(side[: max(config.adversarial_words, CRITERION_WORDS)])).to(place)
        for side in (source, target)
    )
    drawn = [math.sqrt(width) * side[: config.adversarial_words] for side in sides]
    random = torch.Generator(place).manual_seed(seed)
    discriminator = Discriminator(width, config.discriminator_width, config.discriminator_dropout, random)
    matrix = torch.eye(width, device=place)
    best, last, chosen, rate = -math.inf, math.nan, matrix, config.adversarial_rate
    criteria: list[float] = []

    def words(side: Tensor) -> Tensor:
        return side[torch.randint(len(side), (config.adversarial_batch,), generator=random, device=place)]

    for epoch in range(config.adversarial_epochs):
        for step in range(config.adversarial_steps):
            for _ in range(config.discriminator_steps):
                with torch.no_grad():
                    mapped = words(drawn[0]) @ matrix
                discriminator.learn(mapped, words(drawn[1]), config.smoothing, config.adversarial_rate)
            gradient = discriminator.gradient_of_map(words(drawn[0]), matrix, config.smoothing)
            matrix = towards_orthogonal(matrix - rate * gradient, config.beta)
            done = epoch * config.adversarial_steps + step + 1
            if progress and done % _TOLD_EVERY == 0:
                progress(done, last, math.nan, best)
        last = criterion(sides[0] @ matrix, sides[1], config.csls)
        if progress:
            progress((epoch + 1) * config.adversarial_steps, last, math.nan, max(best, last))
        criteria.append(last)
        if last > best:
            best, chosen = last, matrix
        rate = map_rate(criteria, config.adversarial_rate)
        if rate < _LEAST_RATE:
            break
    return chosen


def map_rate(criteria: Sequence[float], start: float) -> float:
    """Learning rate of the map after epochs that ended with `criteria`, of which the first had the rate `start`.

    As the released code has it: an epoch takes 2 % of the rate and leaves 1e-6 at least; one that is worse than the
    best so far halves what is left, except the first such epoch. A rate below 1e-6 ends the training. (In the paper an
    epoch takes 5 %, of the discriminator's rate too, which the code lets be, and no worse one is pardoned.)
    """
    rate, best, n_worse = start, -math.inf, 0
    for criterion in criteria:
        rate = min(rate, max(_LEAST_RATE, rate * _DECAY))
        if criterion < best:
            n_worse += 1
            rate *= _SHRINK if n_worse > 1 else 1.0
        best = max(best, criterion)
    return rate


class Discriminator:
    """Says from a vector whether it is of the source: two hidden layers, leaky ReLU, dropout on the input alone."""

    def __init__(self, width: int, hidden: int, dropout: float, random: torch.Generator) -> None:
        self._dropout, self._random = dropout, random
        self.weights: list[Tensor] = []
        for n_in, n_out in ((width, hidden), (hidden, hidden), (hidden, 1)):
            for shape in ((n_out, n_in), (n_out,)):  # as torch.nn.Linear begins
                start = torch.empty(shape, device=random.device).uniform_(-1, 1, generator=random)
                self.weights.append((start / math.sqrt(n_in)).requires_grad_())

    def dropped(self, vectors: Tensor) -> Tensor:
        """The vectors (n, width) without some of their numbers, the others larger for it."""
        kept = torch.rand(vectors.shape, generator=self._random, device=vectors.device) >= self._dropout
        return vectors * kept / (1 - self._dropout)

    def __call__(self, vectors: Tensor) -> Tensor:
        """Logits (n,) of being of the source, for vectors (n, width)."""
        states = vectors
        for layer in range(3):
            states = functional.linear(states, self.weights[2 * layer], self.weights[2 * layer + 1])
            if layer < 2:
                states = functional.leaky_relu(states, _SLOPE)
        return states[:, 0]

    def loss(self, mapped: Tensor, target: Tensor, smoothing: float) -> Tensor:
        """L_D, as the mean over both sides; mapped (n, width), target (n, width)."""
        logits = self(self.dropped(torch.cat([mapped, target])))
        labels = torch.full_like(logits, smoothing)
        labels[: len(mapped)] = 1 - smoothing
        return functional.binary_cross_entropy_with_logits(logits, labels)

    def learn(self, mapped: Tensor, target: Tensor, smoothing: float, rate: float) -> None:
        """One step of SGD on L_D."""
        slopes = torch.autograd.grad(self.loss(mapped, target, smoothing), self.weights)
        for weight, slope in zip(self.weights, slopes, strict=True):
            weight.data.sub_(slope, alpha=rate)

    def gradient_of_map(self, source: Tensor, matrix: Tensor, smoothing: float) -> Tensor:
        """Gradient of L_W at `matrix` (width, width) for words `source` (n, width)."""
        variable = matrix.detach().requires_grad_()
        logits = self(source @ variable)
        # half, as the mean over both sides of the whole loss
        loss = functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, smoothing)) / 2
        return torch.autograd.grad(loss, variable)[0]


def towards_orthogonal(matrix: Tensor, beta: float) -> Tensor:
    """(1 + beta) W - beta W W' W, whose fixed points are the orthogonal W (Cisse et al. 2017)."""
    return (1 + beta) * matrix - beta * matrix @ matrix.T @ matrix


def criterion(mapped: Tensor, target: Tensor, n_neighbours: int) -> float:
    """Mean cosine of each of the 10,000 most frequent source words and its translation by CSLS among as many words."""
    x, z = (functional.normalize(side[:CRITERION_WORDS]) for side in (mapped, target))
    forward = Inducer(n_neighbours)(x, z, 1.0, np.random.default_rng(0)).forward
    return float((x * z[forward]).sum(1).double().mean())
