"""The first dictionary of a mapping: given pairs, equal strings, numerals, or nothing but the vectors' own shape."""

import logging
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.dictionaries import warn_if_turned

_log = logging.getLogger(__name__)

_NUMERAL = re.compile(r"[0-9]+")

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def seed_pairs(
    kind: str,
    source_words: Sequence[str],
    target_words: Sequence[str],
    dictionary: Iterable[tuple[str, str]] | None = None,
) -> Pairs:
    """Row numbers (n,) int64 of the pairs of a first dictionary, one array a side.

    `pairs`: those of `dictionary`, as they come; a pair with a word that has no vector is left out, and a warning is
    logged that counts them. `identical`: all strings that both vocabularies hold. `numerals`: those of them made of the
    digits 0-9 alone. The last two come in the order of the source. Raises StaticembError for another kind, where
    `dictionary` is missing or not asked for, and where no pair is found.
    """
    if kind not in ("pairs", "identical", "numerals"):
        message = f"dictionary {kind!r} is not known; it can be pairs, identical or numerals"
        raise StaticembError(message)
    if (kind == "pairs") != (dictionary is not None):
        message = "pairs need a dictionary" if dictionary is None else f"{kind} words need no dictionary; leave it out"
        raise StaticembError(message)
    targets = {word: row for row, word in enumerate(target_words)}
    if dictionary is not None:
        sources = {word: row for row, word in enumerate(source_words)}
        listed = list(dictionary)
        pairs = [(sources[s], targets[t]) for s, t in listed if s in sources and t in targets]
        if 0 < len(pairs) < len(listed):
            _log.warning(
                "%d of %d pairs have a word without vectors and are left out", len(listed) - len(pairs), len(listed)
            )
        warn_if_turned(listed, sources, targets)
    else:
        pairs = [
            (row, targets[word])
            for row, word in enumerate(source_words)
            if word in targets and (kind == "identical" or _NUMERAL.fullmatch(word))
        ]
    if not pairs:
        what = {
            "pairs": "no pair of the dictionary has vectors on both sides; check its case and its order of languages",
            "identical": "the two vocabularies share no word; start from pairs or unsupervised",
            "numerals": "the two vocabularies share no numeral; start from pairs, identical or unsupervised",
        }
        raise StaticembError(what[kind])
    rows = np.array(pairs, dtype=np.int64)
    return rows[:, 0].copy(), rows[:, 1].copy()
