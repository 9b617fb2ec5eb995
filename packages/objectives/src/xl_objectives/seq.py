"""Sentence-level contrast between a text and its romanisation: term "SEQ" of the transliteration post-training paper.

2n vectors, u_1..u_n of the texts and v_1..v_n of their romanisations, look for their partner among all 2n - 1 others,
in both directions and with negatives of both scripts (reference: Liu et al. 2024, TransliCo; Meng et al. 2021).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xl_objectives.errors import ObjectiveError
from xl_objectives.word_pairs import unit


def seq_loss(
    original: Float[Tensor, "pairs width"],
    romanised: Float[Tensor, "pairs width"],
    *,
    similarity: str = "dot",
    temperature: float = 1.0,
    factor: float = 0.5,
    text_ids: Int[Tensor, "2 pairs"] | None = None,
    negatives: Float[Tensor, "extra width"] | None = None,
) -> Float[Tensor, ""]:
    """Factor * mean over the 2n anchors a of -log( exp(s(a, p_a)) / sum_{b != a} exp(s(a, b)) ), p_a the partner of a.

    original, romanised: (pairs, width), row i of both belongs to the same text.
    similarity: "dot", s(a, b) = a.b / temperature, or "cosine", the same on unit vectors.
    temperature: > 0. 1 with dot is the published setting; with cosine it is far too flat, 0.05 is usual.
    factor: the authors' code multiplies by 0.5, the paper's formula does not.
    text_ids: (2, pairs), equal numbers for equal texts (row 0 the originals, row 1 the romanised). Rows that carry the
        text of the anchor or of its partner are left out of its negatives: they are no negatives. None keeps all.
    negatives: (extra, width), vectors that stand below the line too, for every anchor: sum_b goes over them as well.
        The authors' "smoothing" draws 3 times as many as there are pairs from a standard normal distribution.

    Computed in float32 at least, also under autocast: raw dot products reach hundreds, where half precision steps by
    0.25.
    Raises ObjectiveError for unequal shapes, no pair, an unknown similarity or a temperature that is not positive.
    """
    if original.shape != romanised.shape or original.ndim != 2 or len(original) == 0:
        message = (
            f"seq needs two (pairs, width) matrices of one shape with at least one pair; "
            f"got {tuple(original.shape)} and {tuple(romanised.shape)}."
        )
        raise ObjectiveError(message)
    if temperature <= 0:
        message = f"seq temperature is {temperature}; give a number above 0."
        raise ObjectiveError(message)
    with torch.autocast(original.device.type, enabled=False):
        vectors = torch.cat([original, romanised])
        vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
        others = vectors[:0] if negatives is None else negatives.to(vectors.dtype)
        if similarity == "cosine":
            vectors, others = unit(vectors), unit(others)
        elif similarity != "dot":
            message = f"seq similarity is {similarity!r}; choose dot or cosine."
            raise ObjectiveError(message)
        scores = vectors @ vectors.T / temperature  # (2n, 2n)
        n_pairs = len(original)
        partner = torch.arange(2 * n_pairs, device=scores.device).roll(n_pairs)
        excluded = torch.eye(2 * n_pairs, dtype=torch.bool, device=scores.device)
        if text_ids is not None:
            excluded |= _same_text(text_ids.reshape(-1), partner)
        scores = torch.cat([scores.masked_fill(excluded, -torch.inf), vectors @ others.T / temperature], dim=1)
        return factor * functional.cross_entropy(scores, partner)


def _same_text(texts: Int[Tensor, " rows"], partner: Int[Tensor, " rows"]) -> Tensor:
    """(rows, rows) bool: true where column b is not a fair negative of row a because it says the same."""
    same = (texts[:, None] == texts[None, :]) | (texts[partner][:, None] == texts[None, :])
    rows = torch.arange(len(texts), device=texts.device)
    same[rows, partner] = False  # the positive itself always stays
    return same
