"""Settings of robust training. Imports nothing heavy."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from xl_tasks.errors import TaskError

KINDS = ("at", "rs-rp", "rs-da")
LOSSES = ("adversarial", "both", "kl")
MATCHES = ("word", "exact")


@dataclass(frozen=True, kw_only=True)
class RobustConfig:
    """How a model is made to withstand small changes of its input while it is fitted to a task.

    `at` and `rs-rp` (Huang et al. 2021) shift vectors inside the model, `rs-da` exchanges words of the training
    examples; the settings of one are not read by the other. Choose eps_rel, 0.01 to 0.3, on the source's dev set.
    """

    kind: str = field(
        default="at",
        metadata={"help": "at (the worst shift of each token) | rs-rp (a random one) | rs-da (words exchanged)"},
    )
    eps: float = field(
        default=0.0,
        metadata={"help": "longest shift of a token, a length; above 0 it wins over eps_rel"},
    )
    eps_rel: float = field(default=0.05, metadata={"help": "the same as a share of the mean length of word embeddings"})
    steps: int = field(default=3, metadata={"help": "at: gradient steps of the search, each about a forward pass more"})
    step_size: float = field(default=0.0, metadata={"help": "at: length of such a step; 0: half the longest shift"})
    loss: str = field(
        default="adversarial",
        metadata={
            "help": "adversarial (loss at the shift) | both (plus that without) | kl (loss without, plus the symmetric "
            "divergence of the two predictions)"
        },
    )
    weight: float = field(default=1.0, metadata={"help": "both, kl: factor of the term that the shift gives"})
    layer: int = field(
        default=0, metadata={"help": "what is shifted: 0 word embeddings before positions, k the output of block k"}
    )
    copies: int = field(
        default=0, metadata={"help": "rs-da: examples that one becomes, itself counted; 0: 10 for pawsx, else 3"}
    )
    keep_original: bool = field(
        default=True, metadata={"help": "rs-da: the first of the copies is the example as it was; false as published"}
    )
    neighbours: str = field(
        default="",
        metadata={
            "help": "rs-da: table of words to exchange (.json, .tsv), word vectors to take them from, or a folder with "
            "one file a language"
        },
    )
    n_neighbours: int = field(default=8, metadata={"help": "rs-da: most neighbours of a word that are used"})
    min_similarity: float = field(
        default=0.5, metadata={"help": "rs-da: least cosine of a neighbour, where vectors or a scored table tell it"}
    )
    match: str = field(
        default="word",
        metadata={"help": "rs-da: word (without punctuation around it, in any case) | exact (between two spaces)"},
    )
    seed: int = field(default=42, metadata={"help": "of the random shifts and exchanges"})

    def __post_init__(self) -> None:
        for name, known in (("kind", KINDS), ("loss", LOSSES), ("match", MATCHES)):
            if getattr(self, name) not in known:
                message = f"robust.{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}."
                raise TaskError(message)
        for name, low in (
            ("eps", 0), ("eps_rel", 0), ("steps", 0), ("step_size", 0), ("weight", 0), ("layer", 0), ("copies", 0),
            ("n_neighbours", 1), ("min_similarity", -1), ("seed", 0),
        ):  # fmt: skip
            if not low <= getattr(self, name) < math.inf:
                message = f"robust.{name} is {getattr(self, name)}; give a number of {low} or more."
                raise TaskError(message)
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
