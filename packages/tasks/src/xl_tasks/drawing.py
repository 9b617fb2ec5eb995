"""Items drawn by the SHA-256 of their keys: the same on every machine, and fewer lie among more."""

import hashlib
from collections.abc import Iterable, Sequence


def ranked_by_hash(keys: Sequence[str]) -> list[int]:
    """Places of `keys`, that of the smallest SHA-256 first; of equal keys the earlier first."""
    return sorted(range(len(keys)), key=lambda place: hashlib.sha256(keys[place].encode()).digest())


def first_by_hash(keys: Iterable[str], limit: int) -> list[str]:
    """At most `limit` keys (all for 0), those with the smallest SHA-256, sorted."""
    keys = list(keys)
    return sorted(keys[place] for place in ranked_by_hash(keys)[: limit or None])
