"""A text of a new language goes to where the frozen teacher has its translation, and to no other one.

    l = a d(s, t) + p d(s', t) + c F + r R
    F = -1/n sum_i log( exp(cos(s_i, t_i) / T) / sum_{b in bank} exp(cos(s_i, b) / T) )
    R = -1/n sum_i log( exp(cos(t_i, s_i) / T) / sum_j exp(cos(t_i, s_j) / T) )

s are the student's vectors of the texts, s' those of their translations in the pivot language, t the teacher's of
these, d the distance of `retain_loss`. F alone lets some texts come near to all translations, so that these find hubs
in the place of their partners; R, over the texts of the batch, takes the hubs away. The bank holds different texts: all
that there are, or those of the batch and what was mined for them.

Sources: a d + p d is the loss of Reimers and Gurevych 2020 (multilingual knowledge distillation), F and R the contrast
of van den Oord et al. 2018 (InfoNCE) in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import setting
from xl_objectives.teacher.retention import retain_loss
from xl_objectives.teacher.settings import TeacherConfig

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TeachConfig(TeacherConfig):
    """Texts go to where the frozen teacher has their translations: distance, and contrast in both directions."""

    name: ClassVar[str] = "teach"
    title: ClassVar[str] = "distance and contrast of sentences to a teacher's vectors of their translations"
    short_title: ClassVar[str] = "a teacher's vectors of translations"
    loss: ClassVar[str] = "xl_objectives.teacher.teaching:teach_loss"
    takes: ClassVar[tuple[str, ...]] = ("distance", "distance_weight", "pivot", "contrast", "reverse", "temperature")
    reads: ClassVar[tuple[str, ...]] = ("pairs", "parallel", "names")

    distance_weight: float = setting(1.0, "factor of the distance of texts to the teacher's vectors, >= 0", low=0)
    pivot: float = setting(
        1.0, "factor of the distance of the pivot's own texts to the teacher's vectors, >= 0; 0: not read", low=0
    )
    contrast: float = setting(1.0, "factor of the contrast of a text with the teacher's vectors, >= 0", low=0)
    reverse: float = setting(1.0, "factor of the contrast of a teacher's vector with the texts of the batch", low=0)
    temperature: float = setting(0.05, "cosines of the contrasts are divided by it, > 0", above=0)
    bank: int = setting(
        4096,
        "most vectors of the teacher that a text is contrasted with: all of the corpus where there are not more, else "
        "those of the batch and the mined ones",
        low=0,
    )
    mined: int = setting(8, "where the bank does not hold all: the teacher's nearest to each translation", low=0)
    together: int = setting(
        0, "pairs of a batch that stand together, the first and those whose translations the teacher has nearest", low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any((self.distance_weight, self.pivot, self.contrast, self.reverse)):
            message = f"{self.key('distance_weight')}, pivot, contrast and reverse are all 0; give one a factor."
            raise ObjectiveError(message)

    @property
    def takes_text_ids(self) -> bool:
        """Equal texts are no negatives."""
        return True

    @property
    def encodes_pivots(self) -> bool:
        """Where the pivot's texts are held to the teacher."""
        return self.pivot > 0

    @property
    def most_compared(self) -> int:
        """As `bank` says."""
        return self.bank

    @property
    def n_mined(self) -> int:
        """As `mined` says."""
        return self.mined

    @property
    def n_together(self) -> int:
        """As `together` says."""
        return self.together


def teach_loss(
    students: Float[Tensor, "texts width"],
    teachers: Float[Tensor, "texts width"],
    *,
    bank: Float[Tensor, "others width"],
    own: Int[Tensor, " texts"],
    text_ids: Int[Tensor, "2 texts"],
    pivots: Float[Tensor, "texts width"] | None = None,
    distance: str = "cosine",
    distance_weight: float = 1.0,
    pivot: float = 1.0,
    contrast: float = 1.0,
    reverse: float = 1.0,
    temperature: float = 0.05,
) -> Float[Tensor, ""]:
    """Distance of texts to a teacher's vectors of their translations, and contrast in both directions, as above.

    students: (texts, width), the encoder's. teachers: (texts, width), of the translations, without gradient.
    bank: (others, width), the teacher's vectors that each text is contrasted with, of different translations.
    own: (texts,) the row of `bank` that holds each text's own.
    text_ids: (2, texts), equal numbers in row 0 for equal texts, in row 1 for equal translations. Pairs that share one
        are no negatives of each other.
    pivots: (texts, width), the encoder's vectors of the translations; left out where `pivot` is 0.
    distance, distance_weight, pivot, contrast, reverse, temperature: T, and the factors a, p, c, r.

    In float32 at least, also under autocast; 0, on the graph, where there is no text.
    Raises ObjectiveError for shapes that do not fit and a temperature that is not positive.
    """
    import torch
    from torch.nn import functional

    from xl_objectives.word_pairs import unit

    n_texts = len(students)
    if own.shape != (n_texts,) or text_ids.shape != (2, n_texts) or bank.shape[1:] != students.shape[1:]:
        message = (
            f"own is {tuple(own.shape)}, text_ids {tuple(text_ids.shape)} and bank {tuple(bank.shape)}, which does not "
            f"fit {n_texts} texts of width {students.shape[-1]}."
        )
        raise ObjectiveError(message)
    if not temperature > 0:
        message = f"teach temperature is {temperature}; give a number above 0."
        raise ObjectiveError(message)
    total = distance_weight * retain_loss(students, teachers, distance=distance)
    if pivots is not None:
        total = total + pivot * retain_loss(pivots, teachers, distance=distance)
    if n_texts == 0:
        return total
    with torch.autocast(students.device.type, enabled=False):
        precise = torch.promote_types(students.dtype, torch.float32)
        found, wanted, others = (unit(vectors.to(precise)) for vectors in (students, teachers.detach(), bank.detach()))
        # Pairs that share a text or a translation, whichever: no negatives of each other.
        shared = (text_ids[:, :, None] == text_ids[:, None, :]).any(dim=0)
        partner = torch.arange(n_texts, device=students.device)
        if contrast:
            excluded = torch.zeros(n_texts, len(others), dtype=torch.bool, device=students.device)
            pair, other = shared.nonzero(as_tuple=True)
            excluded[pair, own[other]] = True
            excluded[partner, own] = False
            scores = (found / temperature @ others.T).masked_fill(excluded, -torch.inf)
            total = total + contrast * functional.cross_entropy(scores, own)
        if reverse:
            repeats = shared & (partner[:, None] != partner)
            scores = (wanted / temperature @ found.T).masked_fill(repeats, -torch.inf)
            total = total + reverse * functional.cross_entropy(scores, partner)
    return total
