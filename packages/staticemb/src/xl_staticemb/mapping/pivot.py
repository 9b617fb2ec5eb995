"""Many languages in one space: each is brought onto one pivot that does not move (design of Hämmerl et al. 2022).

The advanced map of a pair changes the pivot's side too, and for each language in another way, so thirty such maps give
thirty spaces. Here a language is rotated onto the pivot as it is (`orthogonal`), brought there by the criterion of
retrieval (`rcsls`, Joulin et al. 2018), or its advanced map is followed by the inverse of the pivot's own
(`pull_back`); `per_pair` keeps both maps, for lexicon induction alone.

Whether a map helps at all is decided for each language on pairs of its dictionary that were not trained on. These come
from a hash of the source word, so that they are the same whatever the order; a test dictionary has no place here.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.errors import StaticembError
from xl_staticemb.lexicon.bli import induction_accuracy
from xl_staticemb.mapping.config import MappingConfig
from xl_staticemb.mapping.learning import learn_mapping
from xl_staticemb.mapping.seed_dictionary import seed_pairs
from xl_staticemb.vectors import WordVectors

MODES = ("orthogonal", "rcsls", "pull_back", "per_pair")
_FIXED = ("orthogonal", "rcsls")  # modes called after their map, which leaves the pivot as it is

_HASHED = 1 << 32
_FEWEST = 10  # held-out pairs below which a choice between two scores is chance

Dictionary = list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class PivotMap:
    """How a language gets into the pivot's space: normalised vectors @ `matrix`, beside normalised pivot @ `pivot`."""

    matrix: NDArray[np.float32]  # (d, k); the identity where the language stays as it is
    pivot: NDArray[np.float32]  # (d_pivot, k); the identity in every mode but per_pair
    aligned: bool
    aligned_score: float | None  # precision at 1 under CSLS, in [0, 1], on the held-out pairs; None without any
    unaligned_score: float | None  # None also where the widths differ
    n_pairs: int  # trained on
    n_held_out: int  # source words that both scores are taken over
    warnings: list[str] = field(default_factory=list)


def map_to_pivot(
    languages: Iterable[tuple[str, WordVectors]],
    pivot: WordVectors,
    dictionaries: Mapping[str, Iterable[tuple[str, str]]],
    *,
    mode: str = "orthogonal",
    config: MappingConfig | None = None,
    held_out: float = 0.2,
    choose: bool = True,
    seed: int = 0,
    device: str = "cpu",
) -> Iterator[tuple[str, PivotMap]]:
    """Map each language (name, vectors) onto `pivot`, one after the other; gives (name, map) as each is done.

    All vectors are normalised (`Normalization`), rows by frequency. `dictionaries[name]` holds pairs (word, word of
    the pivot), given or from `induce_dictionary` of other vectors; a share `held_out` in (0, 1) of its source words is
    kept from training. With `choose` a language whose held-out score is better without a map keeps its vectors.
    `config` is by default the preset orthogonal, rcsls or, for the other modes, supervised; its dictionary is always
    `pairs`. Raises StaticembError for options that make no sense together and a language without a dictionary.
    """
    config = pivot_config(mode, config)
    for name, vectors in languages:
        if name not in dictionaries:
            message = f"{name}: there is no dictionary for this language; give pairs (word, word of the pivot)"
            raise StaticembError(message)
        train, test = split_dictionary(dictionaries[name], held_out)
        try:
            mapped = _mapped(vectors, pivot, train, test, mode, config, seed, device)
        except StaticembError as error:
            message = f"{name}: {error}"
            raise StaticembError(message) from None
        yield name, better_map(mapped) if choose else mapped


def pivot_config(mode: str, config: MappingConfig | None = None) -> MappingConfig:
    """`config` or the default of `mode`; StaticembError where the two make no sense together."""
    if mode not in MODES:
        message = f"pivot mode {mode!r} is not known; it can be {', '.join(MODES)}"
        raise StaticembError(message)
    config = config or MappingConfig.preset(mode if mode in _FIXED else "supervised")
    if (config.map if config.map in _FIXED else "") != (mode if mode in _FIXED else ""):
        message = (
            f"pivot mode {mode!r} does not go with map {config.map!r}; orthogonal needs orthogonal, rcsls needs rcsls, "
            "the others neither"
        )
        raise StaticembError(message)
    if config.dictionary != "pairs":
        message = f"a pivot takes pairs for each language, not {config.dictionary!r}; make them with induce_dictionary"
        raise StaticembError(message)
    if mode == "pull_back" and config.width:
        message = "a map onto fewer dimensions has no way back to the pivot; leave width at 0"
        raise StaticembError(message)
    return config


def split_dictionary(pairs: Iterable[tuple[str, str]], held_out: float = 0.2) -> tuple[Dictionary, Dictionary]:
    """Pairs to train on and pairs held out, all pairs of a source word on one side.

    A word is held out if its hash falls into the share `held_out` in (0, 1): the same words whatever else is listed.
    """
    if not 0 < held_out < 1:
        message = f"held_out must lie between 0 and 1, not {held_out}"
        raise StaticembError(message)
    sides: tuple[Dictionary, Dictionary] = ([], [])
    for word, translation in pairs:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest()
        sides[int.from_bytes(digest, "big") < held_out * _HASHED].append((word, translation))
    return sides


def _mapped(
    vectors: WordVectors,
    pivot: WordVectors,
    train: Dictionary,
    test: Dictionary,
    mode: str,
    config: MappingConfig,
    seed: int,
    device: str,
) -> PivotMap:
    pairs = seed_pairs("pairs", vectors.words, pivot.words, train)
    mapping = learn_mapping(vectors.matrix, pivot.matrix, config, pairs=pairs, seed=seed, device=device)
    matrix, of_pivot = mapping.source, mapping.target
    warnings = list(mapping.warnings)
    if mode == "pull_back":
        rank = np.linalg.matrix_rank(of_pivot)
        if rank < len(of_pivot):
            warnings.append(
                f"the pivot's map reaches {rank} of {len(of_pivot)} dimensions, so the rest of the vectors is lost on "
                "the way back; give more pairs or use the mode orthogonal"
            )
        matrix = (matrix.astype(np.float64) @ np.linalg.pinv(of_pivot.astype(np.float64))).astype(np.float32)
        of_pivot = np.eye(pivot.width, dtype=np.float32)
    scored = [(s, t) for s, t in test if s in vectors.index and t in pivot.index]
    score, unaligned = None, None
    if scored:
        mine = _rows(vectors, [s for s, _ in scored], config.cutoff)
        theirs = _rows(pivot, [t for _, t in scored], config.cutoff)
        score = _score(_times(mine, matrix), _times(theirs, of_pivot), scored)
        unaligned = _score(mine, theirs, scored) if vectors.width == pivot.width else None
    n_held_out = len({s for s, _ in scored})
    return PivotMap(matrix, of_pivot, True, score, unaligned, len(pairs[0]), n_held_out, warnings)


def better_map(mapped: PivotMap) -> PivotMap:
    """The map, or none where the language does better without it on its held-out words."""
    if mapped.unaligned_score is None or mapped.aligned_score is None or mapped.n_held_out < _FEWEST:
        reason = (
            f"{mapped.n_held_out} held-out words are too few to choose by"
            if mapped.aligned_score is None or mapped.n_held_out < _FEWEST
            else "the widths differ, so there is no way without a map"
        )
        return replace(mapped, warnings=[*mapped.warnings, f"{reason}; the map is kept"])
    if mapped.unaligned_score <= mapped.aligned_score:
        return mapped
    same = np.eye(len(mapped.matrix), dtype=np.float32)
    return replace(mapped, matrix=same, pivot=same, aligned=False)


def _rows(vectors: WordVectors, words: list[str], cutoff: int) -> WordVectors:
    """The `cutoff` most frequent words and `words`."""
    n_first = min(cutoff or len(vectors), len(vectors))
    rows = [*range(n_first), *sorted({vectors.index[word] for word in words if vectors.index[word] >= n_first})]
    return WordVectors([vectors.words[row] for row in rows], vectors.matrix[rows])


def _times(vectors: WordVectors, matrix: NDArray[np.float32]) -> WordVectors:
    return WordVectors(vectors.words, vectors.matrix @ matrix)


def _score(vectors: WordVectors, pivot: WordVectors, pairs: Dictionary) -> float:
    return induction_accuracy(vectors, pivot, pairs, retrieval="csls", ks=(1,)).precision[1]
