"""Tables of words that may stand for one another: read, written, and taken from static word vectors.

Three layouts, told apart by suffix and content; `.gz`, `.zst` and `.xz` behind the suffix compress:

- `.json`: one object, {"word": ["neighbour", ...], ...}, as the released tables of counter-fitted vectors are
- `.tsv`: `word<TAB>neighbour neighbour ...`, a word a line
- `.tsv`: `word<TAB>neighbour<TAB>score`, a pair a line, the pairs of a word in any place
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.errors import TaskError
from xl_translit import TranslitError, language, read_lines, replacing

if TYPE_CHECKING:
    from xl_staticemb import WordVectors

_PACKED = (".gz", ".zst", ".xz")
_TABLES = (".json", ".tsv")


@dataclass(frozen=True)
class NeighbourTable:
    """Words and what they may be exchanged for.

    neighbours: word -> other words, the nearest first, each once and never the word itself; may be empty.
    scores: word -> one cosine a neighbour, for words with neighbours in tables that tell them.
    """

    neighbours: Mapping[str, tuple[str, ...]]
    scores: Mapping[str, tuple[float, ...]]

    def __len__(self) -> int:
        return len(self.neighbours)

    @property
    def n_pairs(self) -> int:
        """Number of neighbours of all words."""
        return sum(map(len, self.neighbours.values()))

    def restrict(self, n_neighbours: int, min_similarity: float = -1.0) -> "NeighbourTable":
        """The first `n_neighbours` of each word; of a table with scores those that have `min_similarity` at least."""
        neighbours, scores = {}, {}
        for word, others in self.neighbours.items():
            given = self.scores.get(word)
            kept = [i for i in range(len(others)) if given is None or given[i] >= min_similarity][:n_neighbours]
            neighbours[word] = tuple(others[i] for i in kept)
            if given is not None and kept:
                scores[word] = tuple(given[i] for i in kept)
        return NeighbourTable(neighbours, scores)


def read_neighbours(path: Path | str) -> NeighbourTable:
    """The table in a file of one of the three layouts.

    TaskError with `file:line` for a line that is neither, a word that stands there twice, a pair that does, a score
    that is no number; for a file without words. A neighbour that is the word itself, or is repeated in a list, adds
    nothing and is passed over.
    """
    if _suffix(path) == ".json":
        return _read_json(path)
    entries: dict[str, list[tuple[str, float]]] = {}
    lists: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip(" \t"):  # a line separator (U+2028) is text
            continue
        word, *fields = line.split("\t")
        where = f"{path}:{number}"
        if not word or len(fields) not in (1, 2) or (len(fields) == 2 and not fields[0]):
            message = f"{where}: expected word<TAB>neighbours or word<TAB>neighbour<TAB>score, found {line[:60]!r}."
            raise TaskError(message)
        if word in lists or (len(fields) == 1 and word in entries):
            message = f"{where}: {word!r} stands there already; keep one line of it."
            raise TaskError(message)
        pairs = entries.setdefault(word, [])
        if len(fields) == 1:
            lists[word] = number
            pairs += ((other, math.nan) for other in fields[0].split(" ") if other)
            continue
        if any(other == fields[0] for other, _ in pairs):
            message = f"{where}: {word!r} has the neighbour {fields[0]!r} already; keep one of the two."
            raise TaskError(message)
        pairs.append((fields[0], _score(fields[1], where)))
    scored = {word: sorted(pairs, key=lambda pair: -pair[1]) for word, pairs in entries.items() if word not in lists}
    return _table(path, {**entries, **scored}, scored.keys())


def write_neighbours(path: Path | str, table: NeighbourTable) -> None:
    r"""Write `table` by the suffix: `.json`, or `.tsv` with a scored pair a line, and a list a line for other words.

    Scores have six digits after the point; JSON leaves them out. The file appears whole or not at all.
    TaskError for another suffix and for a word that the layout cannot hold.
    """
    if check_table_name(path) == ".json":
        with replacing(path) as file:
            lists = {word: list(others) for word, others in table.neighbours.items()}
            file.write(json.dumps(lists, ensure_ascii=False, indent=0) + "\n")
        return
    with replacing(path) as file:
        for word, others in table.neighbours.items():
            given = table.scores.get(word)
            for text in (word, *others):
                if not text or re.search(r"[\t\n\r]", text) or (" " in text and given is None and text != word):
                    message = f"{path}: a line cannot hold {text!r}; write .json, or leave it out."
                    raise TaskError(message)
            if given:
                file.writelines(f"{word}\t{other}\t{score:.6f}\n" for other, score in zip(others, given, strict=True))
            else:
                file.write(f"{word}\t{' '.join(others)}\n")


def check_table_name(path: Path | str) -> str:
    """The suffix that says how the table at `path` is written, ".json" or ".tsv"; TaskError for any other."""
    suffix = _suffix(path)
    if suffix not in _TABLES:
        message = f"{path}: a table of neighbours ends in .json or .tsv, packed or not."
        raise TaskError(message)
    return suffix


def nearest_words(
    vectors: "WordVectors",
    *,
    n_neighbours: int = 8,
    min_similarity: float = 0.5,
    limit: int = 0,
    among: "WordVectors | None" = None,
    device: str = "cpu",
) -> NeighbourTable:
    """The `n_neighbours` nearest words of each by cosine, those with `min_similarity` at least.

    vectors: of one language, most frequent words first; the first `limit` words take part (0: all). among: where the
    neighbours are looked for, vectors of another language in the same space for instance; without it the words
    themselves. Words without such a neighbour are left out, and so are words with white space in them: text is cut at
    spaces.

    Static vectors bring antonyms and words of one kind ("Monday", "Friday") near each other, unlike the counter-fitted
    vectors of the published table; a higher `min_similarity` keeps fewer of them.
    """
    from xl_staticemb import nearest

    rows = _rows(vectors, limit)
    words = [vectors.words[row] for row in rows]
    of_others = rows if among is None else _rows(among, limit)
    others_words = words if among is None else [among.words[row] for row in of_others]
    if not rows or len(of_others) < (2 if among is None else 1):
        return NeighbourTable({}, {})
    matrix = vectors.matrix[rows]
    # One more than asked for, since the nearest of all may be the word itself.
    keys = matrix if among is None else among.matrix[of_others]
    best = nearest(matrix, keys, n_neighbours + 1, device=device)
    neighbours, scores = {}, {}
    for word, indices, cosines in zip(words, best.indices.tolist(), best.scores.tolist(), strict=True):
        ranked = [
            (others_words[i], min(max(cosine, -1.0), 1.0))  # rounding may pass 1
            for i, cosine in zip(indices, cosines, strict=True)
            if i != -1 and others_words[i] != word and cosine >= min_similarity
        ][:n_neighbours]
        if ranked:
            neighbours[word] = tuple(other for other, _ in ranked)
            scores[word] = tuple(cosine for _, cosine in ranked)
    return NeighbourTable(neighbours, scores)


def _rows(vectors: "WordVectors", limit: int) -> list[int]:
    """Rows of the first `limit` words (0: all) that stand between spaces as they are."""
    return [row for row, word in enumerate(vectors.words[: limit or None]) if word and not re.search(r"\s", word)]


def neighbours_for(path: Path | str, code: str, *, n_neighbours: int, min_similarity: float) -> NeighbourTable:
    """The table of the language `code` at `path`: a table, word vectors, or a folder with one of them a language.

    Files of a folder are called after their language in any spelling: `eng_Latn.tsv`, `tr.json.gz`, `Swahili.vec`.
    Files of vectors are all others than `.json` and `.tsv`. TaskError for a folder without the language.
    """
    source = Path(path)
    if source.is_dir():
        # The vocabulary of a .safetensors file lies beside it under the same language.
        files = sorted(file for file in source.iterdir() if file.is_file() and ".vocab." not in file.name)
        named = by_language((file.name.partition(".")[0], file) for file in files if _names_a_language(file))
        source = next(iter(choose(named, [code], where=str(path)).values()))
    if _suffix(source) in _TABLES:
        return read_neighbours(source).restrict(n_neighbours, min_similarity)
    from xl_staticemb import read_vectors

    return nearest_words(read_vectors(source), n_neighbours=n_neighbours, min_similarity=min_similarity)


def _names_a_language(file: Path) -> bool:
    try:
        return bool(language(file.name.partition(".")[0]))
    except TranslitError:
        return False


def _suffix(path: Path | str) -> str:
    name = Path(path).name
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _read_json(path: Path | str) -> NeighbourTable:
    text = "\n".join(read_lines(path))
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        message = f"{path}:{line}: not JSON ({getattr(error, 'msg', error)}); a table is one object of lists."
        raise TaskError(message) from None
    if not isinstance(content, _Pairs):
        message = f"{path}:1: not an object but {type(content).__name__}; a table is one object of lists."
        raise TaskError(message)
    entries: dict[str, list[tuple[str, float]]] = {}
    for word, others in content:
        if word in entries:
            message = f"{path}:{_line_of(text, word, 1)}: {word!r} stands there already; keep one entry of it."
            raise TaskError(message)
        # An inner object is a list of pairs as well, hence the exact type.
        if type(others) is not list or not all(isinstance(other, str) and other for other in others) or not word:
            message = f"{path}:{_line_of(text, word, 0)}: {word!r} must have a list of words."
            raise TaskError(message)
        entries[word] = [(other, math.nan) for other in others]
    return _table(path, entries, ())


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, repeated names included."""


def _line_of(text: str, word: str, skipped: int) -> int:
    """The line, from 1, of the member called `word` after the first `skipped` of that name."""
    names = "|".join(re.escape(json.dumps(word, ensure_ascii=ascii_only)) for ascii_only in (False, True))
    places: Iterator[re.Match[str]] = re.finditer(rf"(?:{names})\s*:", text)
    starts = [place.start() for place in places]
    return text.count("\n", 0, starts[min(skipped, len(starts) - 1)]) + 1 if starts else 1


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        message = f"{where}: the score {text[:60]!r} is no finite number."
        raise TaskError(message)
    return score


def _table(path: Path | str, entries: Mapping[str, list[tuple[str, float]]], scored: Iterable[str]) -> NeighbourTable:
    if not entries:
        message = f"{path}: holds no words."
        raise TaskError(message)
    neighbours, scores, told = {}, {}, set(scored)
    for word, pairs in entries.items():
        unique: dict[str, float] = {}
        for other, score in pairs:
            if other != word:
                unique.setdefault(other, score)
        neighbours[word] = tuple(unique)
        if word in told and neighbours[word]:
            scores[word] = tuple(unique[other] for other in neighbours[word])
    return NeighbourTable(neighbours, scores)
