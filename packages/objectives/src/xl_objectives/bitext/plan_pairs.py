"""Word pairs read off the transport plan of each sentence pair, and trained on (self-labelling).

The plan says which words belong together; a word pair counts where each word sends the other most of what it sends. On
these pairs the distance is lessened, or the words contrasted, beside the cost of the transport itself. Sources: Chi et
al. 2021 (XLM-Align: pairs by the argmax of the plan both ways, as labels of the model that found them), Alqahtani et
al. 2021 (the transport), who name the combination as future work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.bitext import BitextConfig
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ContrastConfig

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


_TIE = 0.01  # share of the largest mass by which others may fall short and be as large: plans are no more exact


@dataclass(frozen=True, kw_only=True)
class OtPairsConfig(ContrastConfig, BitextConfig):
    """Self-labelling: the word pairs that the transport plan of a sentence pair holds, by distance or contrast."""

    name: ClassVar[str] = "ot-pairs"
    title: ClassVar[str] = "word pairs that the transport between translations finds"
    short_title: ClassVar[str] = "pairs found by transport"
    loss: ClassVar[str] = "xl_objectives.bitext.plan_pairs:plan_pairs_loss"
    takes: ClassVar[tuple[str, ...]] = ("by", "transport", "p", "solver", "blur", "temperature")

    by: str = setting("l2", "loss of the pairs: l2 (squared distance) | contrast", choices=("l2", "contrast"))
    transport: float = setting(1.0, "factor of the transport's own cost beside it, >= 0", low=0)
    p: int = setting(2, "cost: 2 (half the squared distance) | 1 (the distance)", choices=(1, 2))
    solver: str = setting("exact", "exact | sinkhorn (a blurred plan)", choices=("exact", "sinkhorn"))
    blur: float = setting(0.05, "entropic blur of sinkhorn, in units of the vectors, > 0", above=0)
    temperature: float = setting(0.1, "cosines of contrast are divided by it, > 0", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.projector and self.by != "contrast":
            message = f"{self.key('projector')} goes before a contrast, but {self.key('by')} is {self.by}."
            raise ObjectiveError(message)

    @property
    def keeps_words(self) -> bool:
        """Always: the transport is that of the words."""
        return True


def plan_pairs_loss(
    x: Float[Tensor, "sentences x_words width"],
    y: Float[Tensor, "sentences y_words width"],
    x_mask: Bool[Tensor, "sentences x_words"],
    y_mask: Bool[Tensor, "sentences y_words"],
    *,
    by: str = "l2",
    transport: float = 1.0,
    p: int = 2,
    solver: str = "exact",
    blur: float = 0.05,
    temperature: float = 0.1,
    projected: tuple[Float[Tensor, "sentences x_words n"], Float[Tensor, "sentences y_words n"]] | None = None,
) -> Float[Tensor, ""]:
    """Transport * (mean transport cost of a sentence pair) + the loss of the pairs that its plan holds; >= 0.

    x, y, x_mask, y_mask, p, solver, blur: as `ot_loss` takes them; each sentence pair is a problem of its own.
    by: "l2", the mean of |x_i - y_j|^2 over all pairs of the batch; "contrast", `word_nce_loss` on them by cosine /
        `temperature`. The plan has no gradient: in a step its pairs are labels.
    projected: what is compared in the words' place once the plan is found; None compares the words.
    """
    from xl_objectives.ot import ot_loss
    from xl_objectives.word_pairs import squared_distance_loss, word_nce_loss

    if by not in ("l2", "contrast"):
        message = f"ot-pairs by is {by!r}; choose l2 or contrast."
        raise ObjectiveError(message)
    cost, plan = ot_loss(x, y, x_mask, y_mask, p=p, solver=solver, blur=blur, scope="sentence", return_plan=True)
    sentences, i, j = plan_pairs(plan)
    x, y = projected or (x, y)
    left, right = x[sentences, i], y[sentences, j]
    pairs = squared_distance_loss(left, right) if by == "l2" else word_nce_loss(left, right, temperature=temperature)
    return transport * cost + pairs if transport else pairs


def plan_pairs(
    plan: Float[Tensor, "sentences x_words y_words"],
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Sentence, i and j of each pair in which word i sends most of its mass to j, and j gets most of its from i.

    plan: >= 0; of masses that are equal but for rounding the first counts, and a word without any has no pair.
    """
    import torch

    if plan.shape[1] == 0 or plan.shape[2] == 0:
        none = torch.zeros(0, dtype=torch.int64, device=plan.device)
        return none, none, none
    to_y, to_x = _largest(plan, 2), _largest(plan, 1)  # (sentences, x_words), (sentences, y_words)
    here = torch.arange(plan.shape[1], device=plan.device)
    mutual = (to_x.gather(1, to_y) == here) & (plan.amax(dim=2) > 0)
    sentences, i = mutual.nonzero(as_tuple=True)
    return sentences, i, to_y[sentences, i]


def _largest(plan: Float[Tensor, "sentences x_words y_words"], dim: int) -> Int[Tensor, "sentences words"]:
    """Where the largest lie along `dim`, of those that are as large but for rounding the first."""
    import torch

    return (plan >= (1 - _TIE) * plan.amax(dim=dim, keepdim=True)).to(torch.int8).argmax(dim=dim)
