"""What a text that is taken for the translation has in common with the query, and how the translation differs.

Kinds, each on its own, a miss may be of several: `topic` (both have the same topic), `surface` (the romanised query
shares more letter trigrams with it than with the translation), `shorter` and `longer` (by a third or half, in romanised
letters), `number` (its numbers are not those of the translation) and `name` (words of four romanised letters and more
that query and translation share, mostly names, are not in it).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KINDS = ("topic", "surface", "shorter", "longer", "number", "name")
_SHORTER, _LONGER = 2 / 3, 3 / 2
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]{4,}")
# One vocabulary for all languages; features are told by 20 bits of their hash, so that two rarely share one.
_N_FEATURES = 2**20


@dataclass(frozen=True)
class Surfaces:
    """The texts of a language, item by item, as `miss_kinds` looks at them.

    texts: as written. romanised: the same in Latin letters.
    """

    texts: Sequence[str]
    romanised: Sequence[str]

    @cached_property
    def trigrams(self) -> "csr_array":
        """Letter trigrams of each text, (n, features), 1 where it has one."""
        return _features([_trigrams(text) for text in self.romanised])

    @cached_property
    def trigram_texts(self) -> "csr_array":
        """`trigrams` turned, (features, n): turning takes longer than a product does."""
        return self.trigrams.T.tocsr()

    @cached_property
    def words(self) -> "csr_array":
        """Words of four letters and more of each text, (n, features)."""
        return _features([set(_WORD.findall(text.lower())) for text in self.romanised])

    @cached_property
    def word_texts(self) -> "csr_array":
        """`words` turned, (features, n)."""
        return self.words.T.tocsr()

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Romanised letters of each text."""
        return np.array([len(text) for text in self.romanised], dtype=np.float64)

    @cached_property
    def numbers(self) -> list[tuple[str, ...]]:
        """Numbers of each text in digits 0 to 9, sorted."""
        return [tuple(sorted("".join(str(unicodedata.digit(d)) for d in n) for n in _NUMBER.findall(t)))
                for t in self.texts]  # fmt: skip


def trigram_jaccard(source: Surfaces, target: Surfaces) -> NDArray[np.float64]:
    """Share of the letter trigrams of two texts that both have, (n_source, n_target); 0 for two texts without any."""
    shared = (source.trigrams @ target.trigram_texts).toarray().astype(np.float64)
    either = source.trigrams.sum(axis=1)[:, None] + target.trigrams.sum(axis=1)[None, :] - shared
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def miss_kinds(
    source: Surfaces,
    target: Surfaces,
    topics: Sequence[str] = (),
    *,
    alike: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[np.bool_]]:
    """Kind -> (n, n), whether taking text j of the target for the translation of text i would be of that kind.

    source, target: the same n items. topics: the topic of each item; none leaves that kind out.
    alike: `trigram_jaccard` of both, where it is at hand: from the target to the source it is turned.
    """
    alike = trigram_jaccard(source, target) if alike is None else alike
    own = target.lengths[:, None]
    codes = {numbers: code for code, numbers in enumerate(dict.fromkeys(target.numbers))}
    numbers = np.array([codes[each] for each in target.numbers])
    shared = source.words.multiply(target.words)
    kinds = {
        "surface": alike > np.diagonal(alike)[:, None],
        "shorter": target.lengths < _SHORTER * own,
        "longer": target.lengths > _LONGER * own,
        "number": numbers[:, None] != numbers,
        "name": ((shared @ target.word_texts).toarray() == 0) & (shared.sum(axis=1) > 0)[:, None],
    }
    if topics:
        of_topic = np.unique(np.asarray(topics), return_inverse=True)[1]
        kinds = {"topic": of_topic[:, None] == of_topic, **kinds}
    return kinds


def _trigrams(text: str) -> set[str]:
    padded = f" {' '.join(text.lower().split())} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def _features(of_texts: Sequence[set[str]]) -> "csr_array":
    from zlib import crc32

    from scipy.sparse import csr_array

    columns = [sorted({crc32(feature.encode("utf-8", "surrogatepass")) % _N_FEATURES for feature in each})
               for each in of_texts]  # fmt: skip
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.array([column for each in columns for column in each], dtype=np.int32)
    return csr_array((np.ones(len(flat), dtype=np.float32), flat, starts), shape=(len(columns), _N_FEATURES))
