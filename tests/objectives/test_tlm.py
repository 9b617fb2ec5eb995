"""Layout of joined pairs: specials, order of the halves, what is cut (reference.md 2.2)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_objectives import ObjectiveError, TlmConfig, join_pair, join_pairs

BOS, EOS = 0, 2
rows = st.lists(st.integers(10, 20), max_size=12)


def test_layout_has_one_separator() -> None:
    joined = join_pair([11, 12], [13], bos_id=BOS, eos_id=EOS, max_len=10, truncate="longest_first")
    assert joined == [BOS, 11, 12, EOS, 13, EOS]


def test_both_orders_occur_equally_often() -> None:
    n = 4000
    joined = join_pairs(
        [[11]] * n, [[12]] * n, bos_id=BOS, eos_id=EOS, max_len=9, generator=torch.Generator().manual_seed(5)
    )
    n_original_first = sum(row[1].item() == 11 for row in joined.rows)
    assert abs(n_original_first / n - 0.5) < 0.032  # four standard deviations of a fair coin


def cut_one_by_one(first: list[int], second: list[int], room: int) -> tuple[int, int]:
    """Lengths after taking single tokens off the longer half, the first half on a draw."""
    a, b = len(first), len(second)
    while a + b > room:
        if a > b:
            a -= 1
        else:
            b -= 1
    return a, b


@settings(max_examples=200, deadline=None)
@given(first=rows, second=rows, max_len=st.integers(3, 30))
def test_longest_first_keeps_specials_and_the_shorter_half(first: list[int], second: list[int], max_len: int) -> None:
    joined = join_pair(first, second, bos_id=BOS, eos_id=EOS, max_len=max_len, truncate="longest_first")
    assert len(joined) <= max_len
    assert len(joined) == min(max_len, len(first) + len(second) + 3)
    assert joined[0] == BOS
    assert joined[-1] == EOS
    assert joined.count(EOS) == 2
    separator = joined.index(EOS)
    a, b = joined[1:separator], joined[separator + 1 : -1]
    assert a == first[: len(a)]
    assert b == second[: len(b)]
    wanted = cut_one_by_one(first, second, max_len - 3)
    # An odd token out may stay on either side; everything else is decided.
    assert abs(len(a) - wanted[0]) <= 1
    assert abs(len(b) - wanted[1]) <= 1


@settings(max_examples=100, deadline=None)
@given(first=rows, second=rows, max_len=st.integers(3, 30))
def test_right_cuts_the_joined_sequence(first: list[int], second: list[int], max_len: int) -> None:
    joined = join_pair(first, second, bos_id=BOS, eos_id=EOS, max_len=max_len, truncate="right")
    assert joined == [BOS, *first, EOS, *second, EOS][:max_len]


def test_the_second_half_survives_longest_first_and_vanishes_with_right() -> None:
    first, second = [11] * 50, [12] * 5
    kept = join_pair(first, second, bos_id=BOS, eos_id=EOS, max_len=20, truncate="longest_first")
    cut = join_pair(first, second, bos_id=BOS, eos_id=EOS, max_len=20, truncate="right")
    assert kept.count(12) == 5
    assert cut.count(12) == 0


@settings(max_examples=60, deadline=None)
@given(
    first=rows, second=rows, max_len=st.integers(5, 30), truncate=st.sampled_from(["longest_first", "right"]),
    between=st.lists(st.sampled_from([BOS, EOS]), max_size=3),
)  # fmt: skip
def test_other_separators_stand_where_one_stood(
    first: list[int], second: list[int], max_len: int, truncate: str, between: list[int]
) -> None:
    """As with one separator and so much less room; the second half begins behind the first of them."""
    n_more = max(0, len(between) - 1)
    seconds = set()
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        (row,), (place,) = join_pairs(
            [first], [second], bos_id=BOS, eos_id=EOS, max_len=max_len, truncate=truncate, between=between,
            generator=generator,
        )  # fmt: skip
        swapped = bool(torch.rand(1, generator=torch.Generator().manual_seed(seed)) < 0.5)
        a, b = (second, first) if swapped else (first, second)
        if truncate == "right":
            assert row.tolist() == [BOS, *a, *(between or [EOS]), *b, EOS][:max_len]
        else:
            short = join_pair(a, b, bos_id=BOS, eos_id=EOS, max_len=max_len - n_more, truncate=truncate)
            cut = short.index(EOS)
            assert row.tolist() == [*short[:cut], *(between or [EOS]), *short[cut + 1 :]]
        n_first = sum(token >= 10 for token in row[:place].tolist())
        assert place == min(len(row), 2 + n_first)
        assert row[1 : 1 + n_first].tolist() == a[:n_first]
        seconds.add(swapped)
    assert seconds == {False, True}


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ObjectiveError, match="at least 3"):
        join_pair([1], [2], bos_id=BOS, eos_id=EOS, max_len=2, truncate="longest_first")
    with pytest.raises(ObjectiveError, match="truncate is 'left'"):
        join_pair([1], [2], bos_id=BOS, eos_id=EOS, max_len=9, truncate="left")
    with pytest.raises(ObjectiveError, match="2 texts cannot be joined with 1"):
        join_pairs([[1], [2]], [[3]], bos_id=BOS, eos_id=EOS, max_len=9)
    with pytest.raises(ObjectiveError, match=r"objective\.tlm\.truncate is 'left'"):
        TlmConfig(truncate="left")
