"""Input layout of translation language modelling: a text joined with its romanisation ("TLM", transliteration paper).

`<s> A </s> B </s>`: one separator between the halves and positions that run on, as the paper's run had it. XLM-R's own
pair form has `</s></s>` between them; where positions restart with B, the authors' code has `</s><s>`. Which half comes
first is drawn for each pair. The loss is `mlm_loss` on the joined input.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from xl_objectives.errors import ObjectiveError


class JoinedPairs(NamedTuple):
    """Pairs as single rows.

    rows: one int64 tensor (len,) of token ids a pair, unpadded.
    seconds: place in each row from which all belongs to the second half: behind the first special between the halves.
        It is the row's length where the second half was cut off.
    """

    rows: list[Tensor]
    seconds: list[int]


def join_pair(
    first: Sequence[int],
    second: Sequence[int],
    *,
    bos_id: int,
    eos_id: int,
    max_len: int,
    truncate: str,
    between: Sequence[int] = (),
) -> list[int]:
    """Token ids of `<s> first </s> second </s>`, at most `max_len` long.

    first, second: content ids without specials.
    max_len: in tokens, specials included, at least as many as these.
    truncate: "longest_first" takes tokens off the end of the longer half, so that both halves and all specials stay;
        "right" cuts the joined sequence at the right, as the published run did: the second half may vanish.
    between: specials between the halves, of which the first closes the first half; none stands for `</s>` alone.
    """
    return _join(first, second, bos_id, eos_id, max_len, truncate, between)[0]


def _join(
    first: Sequence[int],
    second: Sequence[int],
    bos_id: int,
    eos_id: int,
    max_len: int,
    truncate: str,
    between: Sequence[int],
) -> tuple[list[int], int]:
    """The ids of a pair, and where the second half begins in them."""
    between = list(between) or [eos_id]
    n_specials = 2 + len(between)
    if max_len < n_specials:
        message = f"max_len is {max_len}; a joined pair needs at least {n_specials} tokens for its specials."
        raise ObjectiveError(message)
    if truncate not in ("right", "longest_first"):
        message = f"truncate is {truncate!r}; choose longest_first or right."
        raise ObjectiveError(message)
    room = max_len - n_specials
    if truncate == "longest_first" and len(first) + len(second) > room:
        # Taking single tokens off the longer half ends at equal lengths, or leaves the shorter half whole.
        half = room // 2
        keep_first = min(len(first), half) if len(first) <= len(second) else room - min(len(second), half)
        first, second = first[:keep_first], second[: room - keep_first]
    ids = [bos_id, *first, *between, *second, eos_id][:max_len]
    return ids, min(len(first) + 2, len(ids))


def join_pairs(
    originals: Sequence[Sequence[int]],
    romanised: Sequence[Sequence[int]],
    *,
    bos_id: int,
    eos_id: int,
    max_len: int,
    truncate: str = "longest_first",
    between: Sequence[int] = (),
    generator: torch.Generator | None = None,
) -> JoinedPairs:
    """Join each text with its romanisation, the order of the halves drawn by a fair coin.

    originals, romanised: content ids of the texts, row i of both belongs together.
    between: as of `join_pair`. generator: CPU source of the coin; None takes torch's global one.
    """
    if len(originals) != len(romanised):
        message = f"{len(originals)} texts cannot be joined with {len(romanised)} romanisations one by one."
        raise ObjectiveError(message)
    swaps = torch.rand(len(originals), generator=generator) < 0.5
    join = partial(_join, bos_id=bos_id, eos_id=eos_id, max_len=max_len, truncate=truncate, between=between)
    joined = [
        join(b, a) if swap else join(a, b) for a, b, swap in zip(originals, romanised, swaps.tolist(), strict=True)
    ]
    return JoinedPairs([torch.tensor(ids) for ids, _ in joined], [second for _, second in joined])
