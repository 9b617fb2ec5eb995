"""Items drawn by the SHA-256 of their keys, texts by their own hash: the same on every machine, fewer among more."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from xl_encoders import TextShare, drop_repeats


def ranked_by_hash(keys: Sequence[str]) -> list[int]:
    """Places of `keys`, that of the smallest SHA-256 first; of equal keys the earlier first."""
    return sorted(range(len(keys)), key=lambda place: hashlib.sha256(keys[place].encode()).digest())


def first_by_hash(keys: Iterable[str], limit: int) -> list[str]:
    """At most `limit` keys (all for 0), those with the smallest SHA-256, sorted."""
    keys = list(keys)
    return sorted(keys[place] for place in ranked_by_hash(keys)[: limit or None])


def take_share(
    texts: Mapping[str, Callable[[], Iterable[tuple[str, str]]]], share: TextShare
) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
    """The texts of each language that `share` takes, under their keys; and how many there were of each.

    texts: language -> what gives its (key, text) pairs, the same each time; it is called twice, so that nothing but
        the hashes of all texts and the texts that are taken lie in memory.
    A text of several languages counts for the first of them by code, where equal texts count once.
    """
    codes = sorted(texts)
    ranks = [
        np.fromiter((share.rank(text.encode("utf-8", "surrogatepass")) for _, text in texts[code]()), dtype=np.uint64)
        for code in codes
    ]
    groups = np.repeat(np.arange(len(codes), dtype=np.int16), [len(of_language) for of_language in ranks])
    kept, hashes = np.ones(len(groups), dtype=bool), np.concatenate(ranks)
    if share.unique:
        drop_repeats(kept, hashes)
    n_before = share.take(kept, hashes, groups)
    taken, start = {}, 0
    for number, code in enumerate(codes):
        stop = start + len(ranks[number])
        taken[code] = {
            key: text for (key, text), is_taken in zip(texts[code](), kept[start:stop], strict=True) if is_taken
        }
        start = stop
    return taken, {code: n_before.get(number, 0) for number, code in enumerate(codes)}
