"""Items drawn by the SHA-256 of their keys, texts by their own hash: the same on every machine, fewer among more."""

import hashlib
from array import array
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
    texts: Mapping[str, Callable[[], Iterable[tuple[str, str]]]],
    share: TextShare,
    split_of: Callable[[str], str] = lambda key: "train",
) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
    """The texts of each language that `share` takes, under their keys; and how many it chose from.

    texts: language -> what gives its (key, text) pairs, the same each time; it is called twice, so that nothing but
        the hashes of all texts and the texts that are taken lie in memory.
    split_of: key -> "train", "dev" or "test". The share is one of the texts to train on, those left out that equal a
        dev or test text of any language. Of the dev texts as large a part is taken beside it, of the test texts none.
    A text of several languages counts for the first of them by code, where equal texts count once.
    """
    codes = sorted(texts)
    ranks, trains, develops = [], [], []
    for code in codes:
        its = [array("Q"), array("B"), array("B")]
        for key, text in texts[code]():
            split = split_of(key)
            row = share.rank(text.encode("utf-8", "surrogatepass")), split == "train", split == "dev"
            for column, value in zip(its, row, strict=True):
                column.append(value)
        ranks.append(np.frombuffer(its[0], dtype=np.uint64))
        trains.append(np.frombuffer(its[1], dtype=bool))
        develops.append(np.frombuffer(its[2], dtype=bool))
    groups = np.repeat(np.arange(len(codes), dtype=np.int16), [len(of_language) for of_language in ranks])
    kept, hashes, dev = np.concatenate(trains), np.concatenate(ranks), np.concatenate(develops)
    if not kept.all():
        kept &= ~np.isin(hashes, hashes[~kept])
    if share.unique:
        drop_repeats(kept, hashes)
        drop_repeats(dev, hashes)
    n_before = share.take(kept, hashes, groups)
    for group, n_texts in n_before.items():
        of_group = dev & (groups == group)
        n_dev = -(-int(of_group.sum()) * int((kept & (groups == group)).sum()) // max(1, n_texts))
        members = np.flatnonzero(of_group)
        dev[members[np.argsort(hashes[members], kind="stable")[n_dev:]]] = False
    kept |= dev
    taken, start = {}, 0
    for number, code in enumerate(codes):
        stop = start + len(ranks[number])
        taken[code] = {
            key: text for (key, text), is_taken in zip(texts[code](), kept[start:stop], strict=True) if is_taken
        }
        start = stop
    return taken, {code: n_before.get(number, 0) for number, code in enumerate(codes)}
