"""Objectives that draw words, each encoded alone, to their static vectors (Haemmerl et al. 2022): the family, and DCCA.

The settings of MSE stand beside its loss in `xl_objectives.mse`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ObjectiveConfig


@dataclass(frozen=True, kw_only=True)
class WordVectorConfig(ObjectiveConfig):
    """What dcca and mse share: words, each encoded alone, against their static vectors.

    Called as `loss(states, targets, **takes)`, (words, width of the encoder) and (words, width of the static vectors),
    the latter of length 1 and without gradient.
    """

    reads: ClassVar[tuple[str, ...]] = ("vectors",)
    family: ClassVar[str] = "word-vectors"

    layer: int = setting(-1, "hidden_states index of the words, negative from the end")
    pooling: str = setting(
        "mean-content",
        "mean-content | mean-all (specials too, as the released code) | first",
        choices=("mean-content", "mean-all", "first"),
    )
    max_len: int = setting(20, "longest word in tokens, specials included, >= 3", low=3)

    @property
    def takes_norm(self) -> bool:
        """Whether the loss is given `norm`, the mean length of the words' vectors as training starts."""
        return False


@dataclass(frozen=True, kw_only=True)
class DccaConfig(WordVectorConfig):
    """Canonical correlation of words encoded alone with their static vectors, of any dimension."""

    name: ClassVar[str] = "dcca"
    title: ClassVar[str] = "canonical correlation with static word vectors"
    short_title: ClassVar[str] = "correlation with static vectors"
    loss: ClassVar[str] = "xl_objectives.dcca:dcca_loss"
    takes: ClassVar[tuple[str, ...]] = ("variant", "k", "r1", "r2", "center", "precision")

    variant: str = setting(
        "subspace",
        "subspace (the loss goes from -k, nothing shared, to -1.41 k) | classic (Andrew et al. 2013; "
        "from 0 to -k) | legacy (the released code)",
        choices=("subspace", "classic", "legacy"),
    )
    k: int = setting(10, "directions compared; 0 takes all that both views have", low=0)
    r1: float = setting(1e-3, "ridge of classic on the encoder's side, >= 0", low=0)
    r2: float = setting(1e-3, "ridge of classic on the side of the static vectors, >= 0", low=0)
    center: str = setting(
        "", "column | none | legacy; empty takes the variant's own (column)", choices=("", "column", "none", "legacy")
    )
    precision: str = setting("float32", "of the decompositions: float32 | float64", choices=("float32", "float64"))

    @property
    def arguments(self) -> dict[str, Any]:
        """As of every objective; the loss writes None where a recipe has 0 or nothing."""
        return {**super().arguments, "k": self.k or None, "center": self.center or None}
