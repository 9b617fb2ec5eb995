"""Which words of two parallel sentences belong together: a mutual-argmax aligner, and filters of any aligner's pairs.

The aligner needs no training: two words are aligned if each is the other's nearest by cosine, in the vectors of a
middle layer (hidden state 8 of a base model); the "argmax" method of Jalili Sabet et al. 2020. The filters are those
of Cao, Kitaev and Klein 2020.
"""

from collections import Counter
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xl_objectives.errors import ObjectiveError

_TIE = 2.0**-30  # cosines within this step count as equal: above the rounding of float64, below that of float32


def align_words(
    x: Float[Tensor, "sentences x_words width"],
    y: Float[Tensor, "sentences y_words width"],
    x_mask: Bool[Tensor, "sentences x_words"],
    y_mask: Bool[Tensor, "sentences y_words"],
    *,
    method: str = "mutual-argmax",
) -> list[list[tuple[int, int]]]:
    """One-to-one word pairs (i, j) of each sentence: y_j is the nearest to x_i by cosine, and x_i the nearest to y_j.

    x, y: (sentences, x_words, width) and (sentences, y_words, width), word vectors; no gradient is taken.
    x_mask, y_mask: (sentences, words) bool, true where there is a word. What stands at the others does not matter.
    method: "mutual-argmax", the only one so far.

    Returns for each sentence its pairs, ascending, positions from 0. Of equally near words the first is taken; cosines
    are computed in float64, so that equal vectors tie exactly whatever batch they stand in. Words with a zero vector
    have no direction and stay unaligned. Raises ObjectiveError for shapes that do not fit, an unknown method, or a
    word whose vector is not finite.
    """
    if method != "mutual-argmax":
        message = f"align_words method is {method!r}; there is mutual-argmax."
        raise ObjectiveError(message)
    fits = x.ndim == y.ndim == 3 and len(x) == len(y) and x.shape[2] == y.shape[2]
    if not fits or x_mask.shape != x.shape[:2] or y_mask.shape != y.shape[:2]:
        message = (
            f"align_words needs two (sentences, words, width) batches and their (sentences, words) masks; "
            f"got {tuple(x.shape)}, {tuple(y.shape)}, {tuple(x_mask.shape)} and {tuple(y_mask.shape)}."
        )
        raise ObjectiveError(message)
    aligned: list[list[tuple[int, int]]] = [[] for _ in range(len(x))]
    if x_mask.numel() == 0 or y_mask.numel() == 0:
        return aligned
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        (x_unit, x_kept), (y_unit, y_kept) = _directions(x, x_mask, "x"), _directions(y, y_mask, "y")
        cosines = (x_unit @ y_unit.transpose(1, 2) / _TIE).round()  # (S, n, m)
        cosines.masked_fill_(~(x_kept[:, :, None] & y_kept[:, None, :]), -torch.inf)
        nearest_y, nearest_x = cosines.argmax(dim=2), cosines.argmax(dim=1)  # (S, n), (S, m); the first of equals
        here = torch.arange(x.shape[1], device=x.device)
        mutual = (nearest_x.gather(1, nearest_y) == here) & x_kept & y_kept.gather(1, nearest_y)
        sentences, positions = mutual.nonzero(as_tuple=True)
        partners = nearest_y[sentences, positions]
    for sentence, i, j in zip(sentences.tolist(), positions.tolist(), partners.tolist(), strict=True):
        aligned[sentence].append((i, j))
    return aligned


def keep_one_to_one(pairs: Sequence[Sequence[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """The pairs of each sentence whose two words occur in no other pair, in their order."""
    kept = []
    for sentence in pairs:
        distinct = dict.fromkeys(sentence)
        on_x, on_y = Counter(i for i, _ in distinct), Counter(j for _, j in distinct)
        kept.append([(i, j) for i, j in distinct if on_x[i] == on_y[j] == 1])
    return kept


def drop_identical(
    pairs: Sequence[Sequence[tuple[int, int]]],
    x_words: Sequence[Sequence[str]],
    y_words: Sequence[Sequence[str]],
) -> list[list[tuple[int, int]]]:
    """The pairs of each sentence whose two words are spelled differently: names and numbers teach a model nothing.

    x_words, y_words: the words of each sentence. Cao et al. drop such pairs after `keep_one_to_one`, others before it.
    Raises ObjectiveError for unequal numbers of sentences or a pair outside its sentence.
    """
    if not len(pairs) == len(x_words) == len(y_words):
        message = f"pairs of {len(pairs)} sentences do not fit words of {len(x_words)} and {len(y_words)} sentences."
        raise ObjectiveError(message)
    kept = []
    for number, (sentence, x, y) in enumerate(zip(pairs, x_words, y_words, strict=True)):
        for i, j in sentence:
            if not (0 <= i < len(x) and 0 <= j < len(y)):
                message = f"sentence {number} has the pair {i}-{j}, but {len(x)} and {len(y)} words, counted from 0."
                raise ObjectiveError(message)
        kept.append([(i, j) for i, j in sentence if x[i] != y[j]])
    return kept


def _directions(
    words: Float[Tensor, "sentences words width"], mask: Bool[Tensor, "sentences words"], name: str
) -> tuple[Float[Tensor, "sentences words width"], Bool[Tensor, "sentences words"]]:
    """Unit vectors in float64, zeros where there is no word or no direction, and where there is one."""
    words = words.double().masked_fill(~mask[:, :, None], 0.0)
    norms = torch.linalg.vector_norm(words, dim=2)
    if not norms.isfinite().all():
        sentence, word = (~norms.isfinite()).nonzero()[0].tolist()
        message = f"word {word} of sentence {sentence} of {name} is not finite; look for NaN in the encoder's states."
        raise ObjectiveError(message)
    kept = norms > 0
    return words / torch.where(kept, norms, 1)[:, :, None], kept
