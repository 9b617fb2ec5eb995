"""Settings of robust training. Imports nothing heavy."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from xl_objectives import check_fields, setting
from xl_tasks.errors import TaskError

KINDS = ("at", "rs-rp", "rs-da")
LOSSES = ("adversarial", "both", "kl")
MATCHES = ("word", "exact")


def _from(low: int) -> dict[str, object]:
    return {"low": low, "below": math.inf, "wanted": f"a number of {low} or more"}


@dataclass(frozen=True, kw_only=True)
class RobustConfig:
    """How a model is made to withstand small changes of its input while it is fitted to a task.

    `at` and `rs-rp` (Huang et al. 2021) shift vectors inside the model, `rs-da` exchanges words of the training
    examples; the settings of one are not read by the other. Choose eps_rel, 0.01 to 0.3, on the source's dev set.
    """

    kind: str = setting(
        "at", "at (the worst shift of each token) | rs-rp (a random one) | rs-da (words exchanged)", choices=KINDS
    )
    eps: float = setting(0.0, "longest shift of a token, a length; above 0 it wins over eps_rel", **_from(0))
    eps_rel: float = setting(0.05, "the same as a share of the mean length of word embeddings", **_from(0))
    steps: int = setting(3, "at: gradient steps of the search, each about a forward pass more", **_from(0))
    step_size: float = setting(0.0, "at: length of such a step; 0: half the longest shift", **_from(0))
    loss: str = setting(
        "adversarial",
        "adversarial (loss at the shift) | both (plus that without) | kl (loss without, plus the symmetric "
        "divergence of the two predictions)",
        choices=LOSSES,
    )
    weight: float = setting(1.0, "both, kl: factor of the term that the shift gives", **_from(0))
    layer: int = setting(0, "what is shifted: 0 word embeddings before positions, k the output of block k", **_from(0))
    copies: int = setting(0, "rs-da: examples that one becomes, itself counted; 0: 10 for pawsx, else 3", **_from(0))
    keep_original: bool = setting(True, "rs-da: the first of the copies is the example as it was; false as published")
    neighbours: str = setting(
        "",
        "rs-da: table of words to exchange (.json, .tsv), word vectors to take them from, or a folder with "
        "one file a language",
    )
    n_neighbours: int = setting(8, "rs-da: most neighbours of a word that are used", **_from(1))
    min_similarity: float = setting(
        0.5, "rs-da: least cosine of a neighbour, where vectors or a scored table tell it", **_from(-1)
    )
    match: str = setting(
        "word", "rs-da: word (without punctuation around it, in any case) | exact (between two spaces)", choices=MATCHES
    )
    seed: int = setting(42, "of the random shifts and exchanges", **_from(0))

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"robust.{name}", TaskError)
        if self.kind == "rs-da" and not self.neighbours:
            message = (
                "robust.neighbours is empty; rs-da needs a table of words to exchange (xl static neighbours writes "
                "one) or word vectors."
            )
            raise TaskError(message)
        if self.kind != "rs-da" and self.eps == 0 and self.eps_rel == 0:
            message = "robust.eps and robust.eps_rel are both 0; give the longest shift by one of them."
            raise TaskError(message)


def robust_settings_read(kind: str, losses: Collection[str]) -> frozenset[str]:
    """The fields of RobustConfig, `kind` and `seed` aside, that training of a kind looks at; losses: those in use."""
    if kind == "rs-da":
        return frozenset({"copies", "keep_original", "neighbours", "n_neighbours", "min_similarity", "match"})
    read = {"eps", "eps_rel", "loss", "layer"}
    if set(losses) - {"adversarial"}:
        read |= {"weight"}
    return frozenset(read | {"steps", "step_size"} if kind == "at" else read)
