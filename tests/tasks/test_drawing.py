"""Draws by hash: the same set from any order, nested, and the smallest digests one by one."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from xl_tasks.drawing import first_by_hash, ranked_by_hash

KEYS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=12)


@given(KEYS, st.integers(0, 14), st.randoms())
def test_the_smallest_digests_are_drawn_from_any_order(keys: list[str], limit: int, random) -> None:
    left, drawn = list(keys), []
    while left and len(drawn) < (limit or len(keys)):
        drawn.append(min(left, key=lambda key: int(hashlib.sha256(key.encode()).hexdigest(), 16)))
        left.remove(drawn[-1])
    random.shuffle(keys)
    assert first_by_hash(keys, limit) == sorted(drawn)
    assert [keys[place] for place in ranked_by_hash(keys)][: len(drawn)] == drawn


@given(st.sampled_from(["a", "b"]), st.integers(1, 9))
def test_of_equal_keys_the_earlier_comes_first(key: str, n: int) -> None:
    assert ranked_by_hash([key] * n) == list(range(n))
