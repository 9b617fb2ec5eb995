"""What a new piece starts from: a weighted mean of rows of old pieces, chosen in one of several ways.

`mean` takes all old pieces alike, `romanised` those that the old tokenizer reads in the piece's romanisation,
`dictionary` those of the translations of the words that the piece is part of. The others go by static word vectors of
all languages in one space, in which a piece is the mean of the words that it is part of: `focus` weights all old pieces
by the sparsemax of their cosines (Dobler and de Melo 2023, section 2), `ofa` the ten nearest by the softmax of cosine
over 0.1 (Liu, Lin, Wang and Schuetze 2024, section 3). Both papers draw a piece without such a vector from a normal
distribution; here it starts from the mean. FOCUS trains its vectors on tokens of the new language's text and weights
the old pieces that occur there; a new script shares hardly any, so words of known languages take their place.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.adding import Source, with_pieces
from xl_encoders.vocabulary.extension import as_tokenizer, tokenizer_parts, unknown_piece, written_characters

STARTS = ("mean", "romanised", "dictionary", "focus", "ofa")

_NEAREST = 10
_TEMPERATURE = 0.1


def counted(ids: Sequence[int]) -> Source:
    """The mean over `ids`, each as often as it stands there."""
    values, counts = np.unique(np.asarray(ids, dtype=np.int64), return_counts=True)
    return Source(tuple(values.tolist()), tuple((counts / counts.sum()).tolist()))


def piece_sources(
    encoder: Encoder,
    pieces: Sequence[tuple[str, float]],
    how: str,
    *,
    romanise: Callable[[Sequence[str]], list[str]] | None = None,
    entries: Sequence[tuple[str, str]] = (),
    vectors: Mapping[str, NDArray[np.float32]] | None = None,
) -> list[Source | None]:
    """What each of `pieces`, which `encoder` is to get, starts from; None where nothing but the mean is known of it.

    how: one of STARTS. romanise, for "romanised": texts -> their romanisations, one each. entries, for "dictionary":
    words with their translations. vectors, for "focus" and "ofa": words of all languages in one space; those with a
    character that `encoder` cannot write are of the new one.
    Raises EncoderError where nothing is known of any piece.
    """
    backend, config = tokenizer_parts(encoder, "vocabulary.start")
    model = config["model"]
    known_as = backend.token_to_id(unknown_piece(model) or "")
    unknown = -1 if known_as is None else known_as
    names = [piece for piece, _ in pieces]
    if how == "mean":
        return [None] * len(names)
    new = as_tokenizer(with_pieces(encoder, pieces))
    new.normalizer, new.pre_tokenizer = backend.normalizer, backend.pre_tokenizer
    if how == "romanised":
        mark = model.get("continuing_subword_prefix") or "\u2581"
        bare = [name.removeprefix(mark).strip("\u2581") for name in names]
        found = from_romanised(bare, backend, unknown, romanise or list)
        lacking = "the romaniser writes none of the new pieces in letters that the vocabulary has"
    elif how == "dictionary":
        found = from_dictionary(names, entries, backend, new, unknown)
        lacking = "no word of the dictionary holds any of the new pieces"
    else:
        written = written_characters(model) | {" "}
        normalize = backend.normalizer.normalize_str if backend.normalizer else str
        foreign, known = {}, {}
        for word, vector in (vectors or {}).items():
            (known if written.issuperset(normalize(word)) else foreign)[word] = vector
        found = from_vectors(
            names, known, foreign, backend, new, how, frozenset({unknown, *backend.get_added_tokens_decoder()})
        )
        lacking = "no word with a vector holds any of the new pieces, or none is of a language that the model knows"
    if not any(found):
        message = f"vocabulary.start is {how}, but {lacking}; choose another start, mean for instance."
        raise EncoderError(message)
    return found


def from_romanised(
    pieces: Sequence[str], tokenizer: Tokenizer, unknown: int, romanise: Callable[[Sequence[str]], list[str]]
) -> list[Source | None]:
    """What the old `tokenizer` reads in the romanisation of each piece; None where it knows nothing of that.

    pieces: bare text, without word markers.
    """
    read = tokenizer.encode_batch(list(romanise(list(pieces))), add_special_tokens=False)
    return [counted(its.ids) if its.ids and unknown not in its.ids else None for its in read]


def from_dictionary(
    pieces: Sequence[str], entries: Sequence[tuple[str, str]], old: Tokenizer, new: Tokenizer, unknown: int
) -> list[Source | None]:
    """The mean over the entries whose word the piece is part of, of the pieces of their translations; else None.

    entries: word in the new language, translation that the `old` tokenizer reads. new: the tokenizer with the pieces.
    """
    words = new.encode_batch([word for word, _ in entries], add_special_tokens=False)
    translations = old.encode_batch([translation for _, translation in entries], add_special_tokens=False)
    sums: dict[str, list[Source]] = {piece: [] for piece in pieces}
    for word, translation in zip(words, translations, strict=True):
        ids = [index for index in translation.ids if index != unknown]
        for piece in set(word.tokens) & sums.keys() if ids else ():
            sums[piece].append(counted(ids))
    return [_mean(sums[piece]) for piece in pieces]


def from_vectors(
    pieces: Sequence[str],
    known: Mapping[str, NDArray[np.float32]],
    foreign: Mapping[str, NDArray[np.float32]],
    old: Tokenizer,
    new: Tokenizer,
    how: str,
    specials: frozenset[int] = frozenset(),
) -> list[Source | None]:
    """By vectors of words in one space; None for a piece that is part of no word with a vector.

    known: words of languages that the `old` tokenizer reads. foreign: words of the new one. how: "focus" or "ofa".
    specials: ids that are no source, such as `<unk>`.
    """
    sources = _of_pieces(known, old)
    targets = _of_pieces(foreign, new)
    ids_of = {token: index for token in sources if (index := old.token_to_id(token)) is not None}
    tokens = [token for token, index in ids_of.items() if index not in specials]
    if not tokens:
        return [None] * len(pieces)
    table = _unit(np.stack([sources[token] for token in tokens]))
    found: list[Source | None] = []
    for piece in pieces:
        if piece not in targets:
            found.append(None)
            continue
        cosines = table @ _unit(targets[piece][None])[0]
        weights = sparsemax(cosines) if how == "focus" else nearest_softmax(cosines, _NEAREST, _TEMPERATURE)
        places = np.flatnonzero(weights)
        ids = tuple(ids_of[tokens[place]] for place in places)
        found.append(Source(ids, tuple(weights[places].tolist())))
    return found


def sparsemax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The point of the simplex nearest to `scores` (Martins and Astudillo 2016, algorithm 1): most weights are 0."""
    ordered = np.sort(scores.astype(np.float64))[::-1]
    sums = np.cumsum(ordered)
    ranks = np.arange(1, len(ordered) + 1)
    n_kept = int(ranks[1 + ranks * ordered > sums][-1])
    return np.maximum(scores.astype(np.float64) - (sums[n_kept - 1] - 1) / n_kept, 0.0)


def nearest_softmax(scores: NDArray[np.floating], n_nearest: int, temperature: float) -> NDArray[np.float64]:
    """exp(s / T) over its sum among the `n_nearest` largest scores (of equal ones the first), 0 elsewhere."""
    places = np.argsort(-scores, kind="stable")[:n_nearest]
    raised = np.exp((scores[places].astype(np.float64) - scores[places].max()) / temperature)
    weights = np.zeros(len(scores))
    weights[places] = raised / raised.sum()
    return weights


def _of_pieces(words: Mapping[str, NDArray[np.float32]], tokenizer: Tokenizer) -> dict[str, NDArray[np.float64]]:
    """The mean vector of the words that each piece is part of."""
    sums: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, int] = {}
    encodings = tokenizer.encode_batch(list(words), add_special_tokens=False)
    for vector, encoding in zip(words.values(), encodings, strict=True):
        for token in set(encoding.tokens):
            sums[token] = sums.get(token, 0.0) + vector.astype(np.float64)
            counts[token] = counts.get(token, 0) + 1
    return {token: total / counts[token] for token, total in sums.items()}


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _mean(sources: Sequence[Source]) -> Source | None:
    """The mean of several means; None for none."""
    weights: dict[int, float] = {}
    for source in sources:
        for index, weight in zip(source.ids, source.weights, strict=True):
            weights[index] = weights.get(index, 0.0) + weight / len(sources)
    return Source(tuple(weights), tuple(weights.values())) if weights else None
