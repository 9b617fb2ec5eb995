"""Articulatory features of segments, and distances between words that count features instead of letters.

The features are panphon's (Mortensen et al. 2016): 24 numbers a segment, 1 for +, -1 for -, 0 where the feature has no
meaning. The weighted distance gives each feature the weight that panphon's table has at its place; the table has 22
weights, so `hitone` and `hireg` weigh nothing, and its order differs from that of the features from `velaric` on. That
is kept: results are those of `panphon.distance.Distance`, which tests compare.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from xl_translit.errors import TranslitError
from xl_translit.phonemes.segmentation import inventory, panphon_folder, segment

if TYPE_CHECKING:
    import numpy as np

FEATURES: tuple[str, ...] = (
    "syl", "son", "cons", "cont", "delrel", "lat", "nas", "strid", "voi", "sg", "cg", "ant",
    "cor", "distr", "lab", "hi", "lo", "back", "round", "velaric", "tense", "long", "hitone", "hireg",
)  # fmt: skip
"""Names of the columns of `feature_vectors`."""

_CHUNK = 2048
"""Pairs whose distances are computed together."""
_TONE_NUMBERS = str.maketrans("¹²³⁴⁵", "˩˨˧˦˥")


def feature_vectors(ipa: str) -> "np.ndarray":
    """The features of each segment, int8, shape (n_segments, 24), values in {-1, 0, 1}; columns as in FEATURES.

    What panphon's inventory does not know is left out (`unknown_segments` tells); ¹ to ⁵ are read as tone letters.
    """
    return _table()[_rows(ipa)]


def feature_edit_distance(a: str, b: str, *, weighted: bool = True, normalized: bool = False) -> float:
    """Cost of turning the segments of one IPA word into those of another; 0 for equal words.

    Replacing a segment costs the weighted difference of the features, adding or deleting one the sum of the weights.
    weighted: False for equal weights: half the difference by the number of features, and for adding or deleting
        1 for a feature that the segment has and 0.5 for one without meaning, by the number of features.
    normalized: divide by the number of segments of the longer word (0 for two empty ones).
    """
    return float(feature_edit_distances([a], [b], weighted=weighted, normalized=normalized)[0])


def feature_edit_distances(
    words_a: Sequence[str], words_b: Sequence[str], *, weighted: bool = True, normalized: bool = False
) -> "np.ndarray":
    """`feature_edit_distance` of the pairs (words_a[i], words_b[i]), float64, shape (n_pairs,).

    Raises TranslitError where the lists differ in length.
    """
    import numpy as np

    if len(words_a) != len(words_b):
        message = f"the lists hold {len(words_a)} and {len(words_b)} words; pairs need as many of each"
        raise TranslitError(message)
    rows_a, rows_b = _padded(words_a), _padded(words_b)
    return _distances(rows_a, rows_b, np.arange(len(words_a)), np.arange(len(words_a)), weighted, normalized)


def feature_edit_distance_matrix(
    words_a: Sequence[str],
    words_b: Sequence[str] | None = None,
    *,
    weighted: bool = True,
    normalized: bool = False,
) -> "np.ndarray":
    """`feature_edit_distance` of every word of one list with every word of another, float64, shape (n_a, n_b).

    words_b: None for the distances within `words_a`; the matrix is symmetric then, and half of it is computed.
    """
    import numpy as np

    rows_a = _padded(words_a)
    if words_b is None:
        left, right = np.triu_indices(len(words_a), 1)
        matrix = np.zeros((len(words_a), len(words_a)))
        matrix[left, right] = _distances(rows_a, rows_a, left, right, weighted, normalized)
        return matrix + matrix.T
    left, right = np.divmod(np.arange(len(words_a) * len(words_b)), max(len(words_b), 1))
    distances = _distances(rows_a, _padded(words_b), left, right, weighted, normalized)
    return distances.reshape(len(words_a), len(words_b))


@cache
def _table() -> "np.ndarray":
    """Features of the segments of `inventory`, int8, shape (n_rows, 24)."""
    import numpy as np

    lines = (panphon_folder() / "ipa_all.csv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    names = tuple(lines[0].split(",")[1:])
    if names != FEATURES:
        message = f"the installed package panphon has features {names}; install panphon 0.22, which has the 24 known"
        raise TranslitError(message)
    signs = "".join(line.partition(",")[2] for line in lines[1:]).replace(",", "").encode("ascii")
    codes = np.frombuffer(signs, dtype=np.uint8).reshape(-1, len(FEATURES))
    table = (codes == ord("+")).astype(np.int8) - (codes == ord("-")).astype(np.int8)
    table.flags.writeable = False
    return table


@cache
def _weights() -> "np.ndarray":
    """Weight of each feature, float64, shape (24,); the features beyond panphon's list weigh 0."""
    import numpy as np

    line = (panphon_folder() / "feature_weights.csv").read_text(encoding="utf-8").split("\n")[1]
    values = [float(value) for value in line.split(",")]
    return np.array(values + [0.0] * (len(FEATURES) - len(values)))


def _rows(ipa: str) -> list[int]:
    rows = inventory()
    return [rows[name] for name in segment(unicodedata.normalize("NFD", ipa.translate(_TONE_NUMBERS)))]


def _padded(words: Sequence[str]) -> tuple["np.ndarray", "np.ndarray"]:
    """Table rows of the segments, shape (n_words, longest), filled up with row 0, and lengths, shape (n_words,)."""
    import numpy as np

    memo: dict[str, list[int]] = {}
    rows = [memo.get(word) or memo.setdefault(word, _rows(word)) for word in words]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.zeros((len(rows), int(lengths.max(initial=0))), dtype=np.int64)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = [i for row in rows for i in row]
    return padded, lengths


def _distances(
    a: tuple["np.ndarray", "np.ndarray"],
    b: tuple["np.ndarray", "np.ndarray"],
    left: "np.ndarray",
    right: "np.ndarray",
    weighted: bool,
    normalized: bool,
) -> "np.ndarray":
    """Distances of the words `left` of a and `right` of b, in chunks of pairs of like length, shape (n_pairs,)."""
    import numpy as np

    (rows_a, lengths_a), (rows_b, lengths_b) = a, b
    used = np.unique(np.concatenate([np.zeros(1, np.int64), rows_a.ravel(), rows_b.ravel()]))
    rows_a, rows_b = np.searchsorted(used, rows_a), np.searchsorted(used, rows_b)
    replacing, changing = _costs(used, weighted)
    longest = np.maximum(lengths_a[left], lengths_b[right])
    order = np.argsort(longest, kind="stable")
    distances = np.zeros(len(left))
    for start in range(0, len(order), _CHUNK):
        chosen = order[start : start + _CHUNK]
        i, j = left[chosen], right[chosen]
        n_a, n_b = lengths_a[i], lengths_b[j]
        distances[chosen] = _edit_distances(
            rows_a[i, : n_a.max()], n_a, rows_b[j, : n_b.max()], n_b, replacing, changing
        )
    return distances / np.maximum(longest, 1) if normalized else distances


def _costs(rows: "np.ndarray", weighted: bool) -> tuple["np.ndarray", "np.ndarray"]:
    """Cost of replacing one of the table's rows by another, shape (n, n), and of adding or deleting one, (n,)."""
    import numpy as np

    features = _table()[rows].astype(np.float64)
    weights = _weights() if weighted else np.full(len(FEATURES), 0.5)
    replacing = np.stack([(np.abs(features - row) * weights).sum(axis=1) for row in features])
    if weighted:
        return replacing, np.full(len(rows), weights.sum())
    n = len(FEATURES)
    return replacing / n, np.where(features == 0, 0.5, 1.0).sum(axis=1) / n


def _edit_distances(
    rows_a: "np.ndarray",
    n_a: "np.ndarray",
    rows_b: "np.ndarray",
    n_b: "np.ndarray",
    replacing: "np.ndarray",
    changing: "np.ndarray",
) -> "np.ndarray":
    """The usual recurrence, for all pairs of a chunk at once; rows_a (n, longest_a), rows_b (n, longest_b).

    d[i][j] = min(d[i-1][j] + deleting a_i, d[i-1][j-1] + replacing a_i by b_j, d[i][j-1] + adding b_j)
    What lies behind the end of a shorter word is computed too, but no value at or before the end depends on it.
    """
    import numpy as np

    count, long_a = rows_a.shape
    long_b = rows_b.shape[1]
    pairs = np.arange(count)
    adding = changing[rows_b].T.copy()  # (long_b, count)
    above = np.zeros((long_b + 1, count))
    above[1:] = np.cumsum(adding, axis=0)
    distances = above[n_b, pairs]  # pairs whose first word is empty
    for i in range(long_a):
        deleting = changing[rows_a[:, i]]
        replaced = replacing[rows_a[:, i, None], rows_b].T  # (long_b, count)
        row = np.empty_like(above)
        row[0] = above[0] + deleting
        for j in range(long_b):
            row[j + 1] = np.minimum(np.minimum(above[j + 1] + deleting, above[j] + replaced[j]), row[j] + adding[j])
        above = row
        ends = n_a == i + 1
        distances[ends] = above[n_b[ends], pairs[ends]]
    return distances
