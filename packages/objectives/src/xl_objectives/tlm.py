"""Input layout of translation language modelling: a text joined with its romanisation ("TLM", transliteration paper).

`<s> A </s> B </s>`: one separator between the halves and positions that run on, as the paper's run had it; XLM-R's
own pair format would put two. Which half comes first is drawn for each pair. The loss is
`mlm_loss` on the joined input.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from xl_objectives.errors import ObjectiveError

_N_SPECIALS = 3


def join_pair(
    first: Sequence[int], second: Sequence[int], *, bos_id: int, eos_id: int, max_len: int, truncate: str
) -> list[int]:
    """Token ids of `<s> first </s> second </s>`, at most `max_len` long.

    first, second: content ids without specials.
    max_len: in tokens, specials included, at least 3.
    truncate: "longest_first" takes tokens off the end of the longer half, so that both halves and all specials stay;
        "right" cuts the joined sequence at the right, as the published run did: the second half may vanish.
    """
    if max_len < _N_SPECIALS:
        message = f"max_len is {max_len}; a joined pair needs at least {_N_SPECIALS} tokens for its specials."
        raise ObjectiveError(message)
    if truncate == "right":
        return [bos_id, *first, eos_id, *second, eos_id][:max_len]
    if truncate != "longest_first":
        message = f"truncate is {truncate!r}; choose longest_first or right."
        raise ObjectiveError(message)
    room = max_len - _N_SPECIALS
    if len(first) + len(second) > room:
        # Taking single tokens off the longer half ends at equal lengths, or leaves the shorter half whole.
        half = room // 2
        keep_first = min(len(first), half) if len(first) <= len(second) else room - min(len(second), half)
        first, second = first[:keep_first], second[: room - keep_first]
    return [bos_id, *first, eos_id, *second, eos_id]


def join_pairs(
    originals: Sequence[Sequence[int]],
    romanised: Sequence[Sequence[int]],
    *,
    bos_id: int,
    eos_id: int,
    max_len: int,
    truncate: str = "longest_first",
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Join each text with its romanisation, the order of the halves drawn by a fair coin.

    originals, romanised: content ids of the texts, row i of both belongs together.
    generator: CPU source of the coin; None takes torch's global one.

    Returns one int64 tensor (len,) a pair, unpadded, `len <= max_len`.
    """
    if len(originals) != len(romanised):
        message = f"{len(originals)} texts cannot be joined with {len(romanised)} romanisations one by one."
        raise ObjectiveError(message)
    swaps = torch.rand(len(originals), generator=generator) < 0.5
    join = partial(join_pair, bos_id=bos_id, eos_id=eos_id, max_len=max_len, truncate=truncate)
    return [
        torch.tensor(join(b, a) if swap else join(a, b))
        for a, b, swap in zip(originals, romanised, swaps.tolist(), strict=True)
    ]
