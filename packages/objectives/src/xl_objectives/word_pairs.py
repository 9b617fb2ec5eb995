"""Words of padded sentences, and losses on aligned pairs of them: L2, InfoNCE, and the drift from the frozen start.

Sources: Cao, Kitaev and Klein 2020 (L2 on aligned words, a word is its last sub-word, regulariser to the start);
Wu and Dredze 2020 (contrast of aligned words); equation 2 of the optimal-transport paper (the same regulariser).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from xl_objectives.errors import ObjectiveError


class Words(NamedTuple):
    """Word vectors of a batch of sentences, padded with zeros.

    vectors: (sentences, words, width), of the dtype of the states they come from.
    mask: (sentences, words) bool, true where there is a word.
    """

    vectors: Float[Tensor, "sentences words width"]
    mask: Bool[Tensor, "sentences words"]


def pool_words(
    states: Float[Tensor, "sentences tokens width"], word_ids: Int[Tensor, "sentences tokens"], how: str = "last"
) -> Words:
    """Vectors of words from those of their sub-words.

    states: (sentences, tokens, width), any floating dtype.
    word_ids: (sentences, tokens) int64, the number of each token's word in its sentence, from 0; negative for tokens
        of no word (specials, padding), which are never read. As a fast tokenizer's `word_ids()` with -1 for None.
    how: "last" (as the papers do), "first" or "mean" sub-word, or "all": each sub-word stands for itself, in the order
        of the tokens, padding at the end.

    Unless `how` is "all", position j of the result is word j of the sentence: it stays masked (false) where no token
    bears its number, as behind the place where a long sentence was cut. "mean" adds up in float32 at least.
    Raises ObjectiveError for shapes that do not fit or an unknown `how`.
    """
    if states.ndim != 3 or word_ids.shape != states.shape[:2]:
        message = (
            f"pool_words needs (sentences, tokens, width) states and (sentences, tokens) word_ids; "
            f"got {tuple(states.shape)} and {tuple(word_ids.shape)}."
        )
        raise ObjectiveError(message)
    if how not in ("last", "first", "mean", "all"):
        message = f"pool_words how is {how!r}; choose last, first, mean or all."
        raise ObjectiveError(message)
    n_sentences, _, width = states.shape
    flat = states.reshape(-1, width)  # rows: the tokens of all sentences
    tokens = (word_ids >= 0).reshape(-1).nonzero().squeeze(1)  # rows of `flat` that belong to a word, ascending
    if how == "all":
        n_tokens = (word_ids >= 0).sum(dim=1)
        mask = torch.arange(_largest(n_tokens), device=states.device) < n_tokens[:, None]
        return Words(_place(flat, tokens, mask), mask)
    n_words = _largest(word_ids + 1)
    first_slots = torch.arange(n_sentences, device=states.device)[:, None] * n_words
    slots = (first_slots + word_ids).reshape(-1)[tokens]  # where the word of each token goes
    mask = torch.zeros(n_sentences * n_words, dtype=torch.bool, device=states.device).index_fill(0, slots, True)
    if how == "mean":
        # index_add and index_select, not scatter and gather: whole rows are moved, forward and backward.
        rows = flat.index_select(0, tokens).to(_precise(flat))
        sums = rows.new_zeros(len(mask), width).index_add(0, slots, rows)
        counts = torch.bincount(slots, minlength=len(mask)).clamp(min=1)
        vectors = (sums / counts[:, None]).to(flat.dtype).reshape(n_sentences, n_words, width)
        return Words(vectors, mask.reshape(n_sentences, n_words))
    extreme = "amax" if how == "last" else "amin"
    chosen = torch.zeros_like(mask, dtype=torch.int64).scatter_reduce(0, slots, tokens, extreme, include_self=False)
    mask = mask.reshape(n_sentences, n_words)
    return Words(_place(flat, chosen[mask.reshape(-1)], mask), mask)


def gather_pairs(
    x: Float[Tensor, "sentences x_words width"],
    y: Float[Tensor, "sentences y_words width"],
    pairs: Sequence[Sequence[tuple[int, int]]],
    *,
    x_mask: Bool[Tensor, "sentences x_words"] | None = None,
    y_mask: Bool[Tensor, "sentences y_words"] | None = None,
) -> tuple[Float[Tensor, "pairs width"], Float[Tensor, "pairs width"]]:
    """Both sides of the aligned word pairs of a batch, one pair a row, sentence by sentence in the order of `pairs`.

    x, y: (sentences, x_words, width) and (sentences, y_words, width), word vectors.
    pairs: for each sentence its (i, j): word i of x is aligned with word j of y, from 0.
    x_mask, y_mask: (sentences, words) bool, true where there is a word. A pair one of whose words is not there (the
        sentence was cut to the encoder's length) is left out. None: every position holds a word, and a pair outside
        is an error.

    Raises ObjectiveError for shapes that do not fit, a negative position, or (without a mask) one out of range.
    """
    if x.ndim != 3 or y.ndim != 3 or len({len(x), len(y), len(pairs)}) > 1 or x.shape[2] != y.shape[2]:
        message = (
            f"word pairs need two (sentences, words, width) batches and the pairs of each sentence; "
            f"got {tuple(x.shape)}, {tuple(y.shape)} and pairs of {len(pairs)} sentences."
        )
        raise ObjectiveError(message)
    rows = torch.tensor(
        [(sentence, i, j) for sentence, its_pairs in enumerate(pairs) for i, j in its_pairs], dtype=torch.int64
    ).reshape(-1, 3)
    sentences = rows[:, 0]
    present = torch.ones(len(rows), dtype=torch.bool)
    for side, words, mask, name in ((rows[:, 1], x, x_mask, "x"), (rows[:, 2], y, y_mask, "y")):
        n_words = words.shape[1]
        outside = side < 0 if mask is not None else (side < 0) | (side >= n_words)
        if outside.any():
            at = int(outside.nonzero()[0])
            message = (
                f"sentence {int(sentences[at])} has the pair {int(rows[at, 1])}-{int(rows[at, 2])}, "
                f"but its {name} side has {n_words} words; positions count from 0."
            )
            raise ObjectiveError(message)
        if mask is not None:
            if mask.shape != words.shape[:2]:
                message = f"{name}_mask is {tuple(mask.shape)}; {tuple(words.shape[:2])} fits the words of {name}."
                raise ObjectiveError(message)
            inside = side < n_words
            present &= inside
            present[inside] &= mask.cpu()[sentences[inside], side[inside]]
    rows = rows[present]
    return _select(x, rows[:, 0], rows[:, 1]), _select(y, rows[:, 0], rows[:, 2])


def word_l2_loss(
    x: Float[Tensor, "sentences x_words width"],
    y: Float[Tensor, "sentences y_words width"],
    pairs: Sequence[Sequence[tuple[int, int]]],
    *,
    x_mask: Bool[Tensor, "sentences x_words"] | None = None,
    y_mask: Bool[Tensor, "sentences y_words"] | None = None,
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """Sum or mean over the aligned pairs (i, j) of ||x_i - y_j||^2 (Cao et al. 2020; the sum is theirs).

    x, y, pairs, x_mask, y_mask: as `gather_pairs` takes them.
    reduction: "mean" over the pairs that are there, or "sum". The published loss takes sums here and in `drift_loss`.

    Computed in float32 at least, also under autocast; 0, on the graph, where there is no pair.
    Raises ObjectiveError as `gather_pairs` does, and for an unknown reduction.
    """
    return squared_distance_loss(*gather_pairs(x, y, pairs, x_mask=x_mask, y_mask=y_mask), reduction=reduction)


def squared_distance_loss(
    x: Float[Tensor, "rows width"], y: Float[Tensor, "rows width"], *, reduction: str = "mean"
) -> Float[Tensor, ""]:
    """Sum or mean over the rows i of ||x_i - y_i||^2.

    x, y: (rows, width), say the word pairs that `gather_pairs` gives. reduction: "mean" or "sum".

    Computed in float32 at least, also under autocast; 0, on the graph, where there is no row.
    Raises ObjectiveError for an unknown reduction.
    """
    _check_reduction("word_l2", reduction)
    with torch.autocast(x.device.type, enabled=False):
        difference = x.to(_precise(x)) - y.to(_precise(y))
        total = difference.square().sum()
        return total / max(1, len(difference)) if reduction == "mean" else total


def word_nce_loss(
    x: Float[Tensor, "pairs width"],
    y: Float[Tensor, "pairs width"],
    *,
    temperature: float = 0.1,
    similarity: str = "cosine",
    negatives: str = "across",
    text_ids: Int[Tensor, "2 pairs"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over the 2n anchors a of -log( exp(s(a, p_a)) / sum_{b in B_a} exp(s(a, b)) ), p_a the word aligned with a.

    x, y: (pairs, width), row i of both is one aligned pair, as `gather_pairs` gives them.
    temperature: > 0, s(a, b) = cosine or product / temperature.
    similarity: "cosine", or "dot" (raw product).
    negatives: "across": B_a are the n words of the other side, so the loss is the mean of both directions (the weak
        contrast of Wu and Dredze 2020); "all": all words of both sides but a itself (their strong one, the form of
        `seq_loss` with factor 1).
    text_ids: (2, pairs), equal numbers for equal words (row 0 those of x, row 1 those of y; numbers may be shared by
        the sides, for words spelled alike). Pairs that share a word are no negatives of each other. None keeps all.

    Computed in float32 at least, also under autocast; 0, on the graph, where there is no pair. A zero vector has cosine
    0 to all. Raises ObjectiveError for unequal shapes, unknown settings or a temperature that is not positive.
    """
    if x.shape != y.shape or x.ndim != 2:
        message = f"word_nce needs two (pairs, width) matrices of one shape; got {tuple(x.shape)} and {tuple(y.shape)}."
        raise ObjectiveError(message)
    if not temperature > 0:
        message = f"word_nce temperature is {temperature}; give a number above 0."
        raise ObjectiveError(message)
    _check_choice("word_nce similarity", similarity, ("cosine", "dot"))
    _check_choice("word_nce negatives", negatives, ("across", "all"))
    n_pairs = len(x)
    if text_ids is not None and text_ids.shape != (2, n_pairs):
        message = f"word_nce text_ids is {tuple(text_ids.shape)}; {(2, n_pairs)} fits {n_pairs} pairs."
        raise ObjectiveError(message)
    if n_pairs == 0:
        return (x.sum() + y.sum()).to(_precise(x))
    with torch.autocast(x.device.type, enabled=False):
        x, y = x.to(_precise(x)), y.to(_precise(y))
        if similarity == "cosine":
            x, y = unit(x), unit(y)
        eye = torch.eye(n_pairs, dtype=torch.bool, device=x.device)
        shared = eye if text_ids is None else _shared(text_ids)
        # One product serves both directions: the columns are the anchors of the second.
        across = (x / temperature @ y.T).masked_fill(shared & ~eye, -torch.inf)  # (n, n)
        directions = [across, across.T]
        if negatives == "all":
            within = [(side / temperature @ side.T).masked_fill(shared, -torch.inf) for side in (x, y)]
            directions = [torch.cat(blocks, dim=1) for blocks in zip(directions, within, strict=True)]  # (n, 2n)
        partner = torch.arange(n_pairs, device=x.device)
        return torch.stack([functional.cross_entropy(scores, partner) for scores in directions]).mean()


def drift_loss(
    states: Float[Tensor, "sentences words width"],
    start_states: Float[Tensor, "sentences words width"],
    mask: Bool[Tensor, "sentences words"],
    *,
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """Sum or mean over the words j of ||c_j - c0_j||^2, how far an encoder has moved from its frozen start.

    states: (sentences, words, width), the vectors c of the encoder in training.
    start_states: the same shape, c0 of a frozen copy of the start, without dropout; no gradient flows into it.
    mask: (sentences, words) bool, true keeps a word. What stands at the others does not matter.
    reduction: "mean" over the kept words, or "sum" as equation 2 of the optimal-transport paper prints it; beside a
        transport loss, whose weights sum to 1, the sum weighs as many times more as there are words.

    The papers regularise the pivot (English) side. With `drift_side = both` the mask keeps words of both sides of a
    bitext, so that one mean is taken over all of them; the weight stays that of one side.
    Computed in float32 at least, also under autocast; 0, on the graph, where no word is kept.
    Raises ObjectiveError for unequal shapes or an unknown reduction.
    """
    _check_reduction("drift", reduction)
    if states.ndim != 3 or states.shape != start_states.shape or mask.shape != states.shape[:2]:
        message = (
            f"drift needs two (sentences, words, width) batches of one shape and their (sentences, words) mask; "
            f"got {tuple(states.shape)}, {tuple(start_states.shape)} and {tuple(mask.shape)}."
        )
        raise ObjectiveError(message)
    kept = mask.reshape(-1).nonzero().squeeze(1)
    now, start = (side.flatten(0, 1).index_select(0, kept) for side in (states, start_states.detach()))
    return squared_distance_loss(now, start, reduction=reduction)


def _select(
    words: Float[Tensor, "sentences words width"], sentences: Int[Tensor, " pairs"], positions: Int[Tensor, " pairs"]
) -> Float[Tensor, "pairs width"]:
    """The words at these positions of these sentences; the indices lie on the CPU."""
    return words.flatten(0, 1).index_select(0, (sentences * words.shape[1] + positions).to(words.device))


def _place(
    flat: Float[Tensor, "tokens width"], rows: Int[Tensor, " words"], mask: Bool[Tensor, "sentences places"]
) -> Float[Tensor, "sentences places width"]:
    """The given rows of `flat` at the true places of `mask`, in order; zeros elsewhere."""
    places = mask.reshape(-1).nonzero().squeeze(1)
    padded = flat.new_zeros(mask.numel(), flat.shape[1]).index_copy(0, places, flat.index_select(0, rows))
    return padded.reshape(*mask.shape, flat.shape[1])


def _shared(text_ids: Int[Tensor, "2 pairs"]) -> Bool[Tensor, "pairs pairs"]:
    """True where two pairs have a word in common, on whichever sides."""
    left, right = text_ids
    crossed = left[:, None] == right[None, :]
    return (left[:, None] == left[None, :]) | (right[:, None] == right[None, :]) | crossed | crossed.T


def unit(vectors: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
    """Unit vectors; a zero vector stays zero, with a gradient of ordinary size where 1/eps would blow it up."""
    squared = vectors.square().sum(dim=-1, keepdim=True)
    return vectors * torch.where(squared > 0, squared, 1).rsqrt()


def _precise(tensor: Tensor) -> torch.dtype:
    """Float32, or float64 where the tensor has it: half precision is not enough for sums of squares."""
    return torch.promote_types(tensor.dtype, torch.float32)


def _largest(counts: Int[Tensor, "..."]) -> int:
    return max(0, int(counts.max())) if counts.numel() else 0


def _check_reduction(objective: str, reduction: str) -> None:
    _check_choice(f"{objective} reduction", reduction, ("mean", "sum"))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{name} is {value!r}; choose {' or '.join(choices)}."
        raise ObjectiveError(message)
