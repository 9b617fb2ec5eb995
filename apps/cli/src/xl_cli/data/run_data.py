"""What a run reads: texts, sentence pairs and word vectors to train on, and the items to score."""

import hashlib
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from xl_cli.data.bitexts import parallel_bitexts, read_bitexts
from xl_cli.data.columns import COLUMN_FILES, parallel_columns
from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.data.hub_files import with_hub_files
from xl_cli.data.romanized import Romanized
from xl_cli.errors import CliError, UsageError
from xl_cli.launch.progress import Progress
from xl_cli.recipe.config import DataConfig
from xl_cli.recipe.recipe import Recipe
from xl_encoders import Bitext, TeacherWords, TextShare
from xl_tasks import ParallelTexts, TaskError, hold_out, load_names, load_texts, training_texts
from xl_tasks.drawing import first_by_hash
from xl_translit import Romanizer, Transliterator, language, make_transliterator

# Ends of files of word vectors, taken off to find the language in the name.
_VECTOR_ENDS = (".gz", ".vec", ".txt", ".bin", ".w2v", ".vectors")

# Texts romanised between two looks at the progress.
_SLICE = 2000


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Training texts of one [[data]] with the language of each, and the files of their transliterations, if any."""

    config: DataConfig
    texts: Sequence[str]
    languages: Sequence[str]
    romanized: Romanized | None = None

    def transliterated(self, part: slice) -> list[str]:
        """Transliterations of those texts: out of the files that hold them, else made here, with progress."""
        texts, languages = self.texts[part], self.languages[part]
        if self.romanized:
            return self.romanized(texts, languages)
        return transliterate(texts, languages, self.config.to)


@dataclass(frozen=True, kw_only=True)
class RunData:
    """Everything a run reads. Each mapping goes from the number of the [[data]] in the recipe.

    corpora: texts under keys, as loaded. texts: what is trained on of them. streams: files that are read piece by
    piece. bitexts: sentence pairs. vectors: words with their vectors, normalised when they are used.
    scored: parallel data to score at the end, with its keys. developing: the same for choosing while training.
    files: what was read besides texts, by path, with a fingerprint.
    """

    corpora: dict[int, ParallelTexts] = field(default_factory=dict)
    texts: dict[int, Texts] = field(default_factory=dict)
    streams: dict[int, list[Path]] = field(default_factory=dict)
    bitexts: dict[int, list[Bitext]] = field(default_factory=dict)
    vectors: dict[int, TeacherWords] = field(default_factory=dict)
    scored: list[tuple[ParallelTexts, list[str]]] = field(default_factory=list)
    developing: list[tuple[ParallelTexts, list[str]]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @cached_property
    def training(self) -> list[str]:
        """All training texts that are at hand."""
        return [text for entry in self.texts.values() for text in entry.texts]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that is trained on."""
        content = [
            {number: [entry.texts, entry.languages] for number, entry in self.texts.items()},
            {
                number: [[bitext.name, bitext.left, bitext.right] for bitext in its]
                for number, its in self.bitexts.items()
            },
            self.files,
        ]
        digest = hashlib.sha256()
        for piece in _as_json(content):
            digest.update(piece.encode())
        return digest.hexdigest()

    def about(self) -> list[dict[str, object]]:
        """What run.json says of it."""
        texts: list[dict[str, object]] = [
            {"name": corpus.name, "languages": list(corpus.languages), "fingerprint": corpus.fingerprint}
            for corpus in self.corpora.values()
        ]
        texts += [{"name": name, "languages": [], "fingerprint": digest} for name, digest in self.files.items()]
        return texts


def _as_json(value: Any) -> Iterator[str]:
    """What `json.dumps` gives, a sentence at a time."""
    if isinstance(value, Mapping):
        for number, (key, its) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(str(key))}: "
            yield from _as_json(its)
        yield "}" if value else "{}"
    elif isinstance(value, str) or not isinstance(value, Sequence):
        yield json.dumps(value)
    elif len(value) < _SLICE and all(isinstance(its, str) for its in value):
        yield json.dumps([*value])
    else:
        for number, its in enumerate(value):
            yield ", " if number else "["
            yield from _as_json(its)
        yield "]" if value else "[]"


def load_data(recipe: Recipe) -> RunData:
    """Read what the recipe's objectives need, hold items out, and choose what is scored.

    Raises CliError where nothing is left to train on.
    """
    data = RunData()
    objectives = list(recipe.objectives)
    needed = {
        number: [name for name in objectives if number in recipe.data_of(name)] for number in range(len(recipe.data))
    }
    seen: set[str] = set()
    for number, entry in enumerate(recipe.data):
        if not needed[number] or not entry.is_given:
            continue
        entry = with_hub_files(entry)
        if entry.kind == "vectors":
            data.vectors[number] = _read_vectors(entry, data.files)
        elif entry.kind == "pairs":
            data.bitexts[number] = read_bitexts(entry, data.files)
        elif _is_streamed(entry):
            data.streams[number] = [Path(file) for file in _stream_files(entry)]
            data.files.update({str(path): fingerprint_file(path) for path in data.streams[number]})
        else:
            _load_texts(recipe, number, entry, needed[number], data, seen)
    _check_held_out(recipe, data)
    if recipe.eval.data:
        data.scored.append(_whole(recipe.eval.data, recipe.eval.limit))
    if recipe.select.other_data:
        data.developing.append(_whole(recipe.select.other_data, recipe.select.limit))
    numbers_of = {name: recipe.data_of(name) for name in objectives}
    for name, numbers in numbers_of.items():
        if not all(recipe.data[number].is_given for number in numbers):
            continue  # a plan for data to come
        at_hand = (
            data.bitexts if recipe.objectives[name].reads_pairs else {**data.texts, **data.streams, **data.vectors}
        )
        if not any(number in at_hand for number in numbers):
            message = (
                f"nothing to train {name} on is left after holding items out; "
                f"lower data.held_out and data.dev, or add text."
            )
            raise CliError(message)
    return data


def _check_held_out(recipe: Recipe, data: RunData) -> None:
    """Refuse two [[data]] of one corpus that hold out other shares: what one scores, the other would train on."""
    for number, corpus in data.corpora.items():
        for other, its in data.corpora.items():
            one, two = recipe.data[number], recipe.data[other]
            same = number < other and corpus.name == its.name and corpus.parallel == its.parallel
            if same and (one.held_out, one.dev) != (two.held_out, two.dev) and set(corpus.keys) & set(its.keys):
                message = (
                    f"data {one.name or number} and data {two.name or other} both read {corpus.name}, but hold out "
                    f"other shares: items that one keeps for scoring would be trained on in the other. "
                    f"Give both the same held_out and dev."
                )
                raise UsageError(message)


class Transliteration:
    """Texts of several languages in Latin letters, in IPA or as phonemes, as `data.to` says.

    Romanisation takes no language, as published; phonemes need it.
    """

    def __init__(self, to: str = "latn") -> None:
        self.to = to
        self._by_language: dict[str, Transliterator] = {}

    def __call__(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """One text for each; a text that gives nothing stands for itself, so that no pair is empty."""
        if self.to == "latn":
            return [latin or text for latin, text in zip(self._of("").batch(texts), texts, strict=True)]
        if languages is None:
            message = f"data.to is {self.to}, which needs the language of each text; give data.languages."
            raise UsageError(message)
        result = list(texts)
        for code in dict.fromkeys(languages):
            places = [place for place, its in enumerate(languages) if its == code]
            for place, spoken in zip(places, self._of(code).batch([texts[place] for place in places]), strict=True):
                result[place] = spoken or texts[place]
        return result

    def _of(self, code: str) -> Transliterator:
        if code not in self._by_language:
            self._by_language[code] = Romanizer() if self.to == "latn" else make_transliterator(self.to, code)  # ty: ignore[invalid-argument-type]
        return self._by_language[code]


def transliterate(texts: Sequence[str], languages: Sequence[str], to: str) -> list[str]:
    """All texts of a run, with progress."""
    change = Transliteration(to)
    result: list[str] = []
    with Progress({"latn": "romanising"}.get(to, f"to {to}"), len(texts), "texts") as progress:
        for start in range(0, len(texts), _SLICE):
            part = slice(start, start + _SLICE)
            result += change(texts[part], languages[part])
            progress.advance(len(result))
    return result


def _load_texts(
    recipe: Recipe, number: int, entry: DataConfig, objectives: Sequence[str], data: RunData, seen: set[str]
) -> None:
    """Texts under keys: what is held out, what is trained on, and sentence pairs where those are wanted."""
    corpus = load_corpus(entry)
    splits = hold_out(corpus, test=entry.held_out, dev=entry.dev)
    data.corpora[number] = corpus
    in_pairs = {recipe.objectives[name].reads_pairs for name in objectives}
    if False in in_pairs:
        texts, languages = [], []
        for code, its in training_texts(corpus, splits, unique=entry.deduplicate).items():
            for text in its[: entry.limit or None]:
                if entry.deduplicate:
                    if text in seen:
                        continue
                    seen.add(text)
                texts.append(text)
                languages.append(code)
        if texts:
            romanized = Romanized(entry) if entry.romanized else None
            if romanized:
                data.files.update({str(file.path): fingerprint_file(file.path) for file in romanized.files})
            data.texts[number] = Texts(config=entry, texts=texts, languages=languages, romanized=romanized)
    if True in in_pairs:
        bitexts = parallel_bitexts(entry, corpus, splits)
        if bitexts:
            data.bitexts[number] = bitexts
    if corpus.parallel and len(corpus.languages) > 1:
        by_split = {split: [key for key, its in splits.items() if its == split] for split in ("dev", "test")}
        digests = [scored.fingerprint for scored, _ in data.scored]
        if by_split[recipe.eval.split] and not recipe.eval.data and corpus.fingerprint not in digests:
            data.scored.append((corpus, first_by_hash(by_split[recipe.eval.split], recipe.eval.limit)))
        digests = [scored.fingerprint for scored, _ in data.developing]
        if by_split["dev"] and recipe.select.every and not recipe.select.data and corpus.fingerprint not in digests:
            data.developing.append((corpus, first_by_hash(by_split["dev"], recipe.select.limit)))


def _whole(folder: str, limit: int) -> tuple[ParallelTexts, list[str]]:
    """Other data than the run's own: its test split, or all of it."""
    corpus = load_texts(folder)
    keys = [key for key in corpus.keys if corpus.splits.get(key, "test") == "test"]
    return corpus, first_by_hash(keys, limit)


def load_corpus(entry: DataConfig) -> ParallelTexts:
    """The texts of a [[data]] of names, parallel or text, as it says; not those of *.parquet and *.arrow of text."""
    if entry.kind == "names":
        return load_names(entry.languages) if entry.languages else load_names()
    if entry.kind == "parallel" and (paths := _stream_files(entry)):
        read = parallel_columns([Path(path) for path in paths], () if entry.columns == ("text",) else entry.columns)
        return read.restrict(entry.languages) if entry.languages else read
    try:
        return load_texts(
            entry.files,
            languages=entry.languages or None,
            parallel=entry.kind == "parallel",
            share=text_share(entry),
            held_out=(entry.held_out, entry.dev),
        )
    except TaskError as error:
        if entry.languages and "unknown language" in str(error):
            # A recipe may name a group of languages that its user never typed.
            asked = ", ".join(entry.languages)
            message = f"{error} data.languages asks for {asked}; --set data.languages=[] takes all that are there."
            raise CliError(message) from error
        raise


def text_share(entry: DataConfig) -> TextShare | None:
    """What of each language's texts is read; None for all."""
    if entry.share == 1:
        return None
    return TextShare(share=entry.share, least=entry.least, seed=entry.seed, unique=entry.deduplicate)


def _is_streamed(entry: DataConfig) -> bool:
    return entry.kind == "text" and any(_stream_files(entry))


def _stream_files(entry: DataConfig) -> list[str]:
    """The *.parquet and *.arrow that `entry.files` names, folders and globs included."""
    files = []
    for given in entry.files:
        path = Path(given)
        if path.is_dir():
            files += [str(file) for file in sorted(path.iterdir()) if file.suffix in COLUMN_FILES]
        elif ".jsonl" in path.suffixes[-2:-1]:
            message = f"{given}: JSON Lines are read from many places at once, so not packed; unpack the file first."
            raise CliError(message)
        elif path.suffix in COLUMN_FILES:
            listed = [path] if path.exists() else sorted(path.parent.glob(path.name))
            if not listed:
                message = f"{given}: no such file."
                raise CliError(message)
            files += [str(file) for file in listed]
    return files


# What `xl static map --pivot` and `xl static multilingual` write about vectors into their folder.
_BESIDE_VECTORS = (".json", ".jsonl", ".md")


def _read_vectors(entry: DataConfig, files: dict[str, str]) -> TeacherWords:
    """Words of all files one after another; each file is a language."""
    import numpy as np

    from xl_staticemb import read_word2vec

    words: list[str] = []
    matrices, groups = [], []
    for number, given in enumerate(_vector_files(entry)):
        path = Path(given)
        files[str(path)] = fingerprint_file(path)
        read = read_word2vec(path, limit=entry.limit or None)
        # An entry such as "</s>" is no word of the language, and no string that could be encoded alone.
        kept = [i for i, word in enumerate(read.words) if word.strip() and not _is_special(word)]
        if matrices and read.matrix.shape[1] != matrices[0].shape[1]:
            message = f"{path}: {read.matrix.shape[1]} dimensions, but the files before it have {matrices[0].shape[1]}."
            raise CliError(message)
        words += [html.unescape(read.words[i]) for i in kept]  # "&amp;" comes from corpora, not from the language
        matrices.append(read.matrix[kept])
        groups += [number] * len(kept)
    if not words:
        message = f"{', '.join(entry.files)}: no words to train on."
        raise CliError(message)
    return TeacherWords(words=words, vectors=np.concatenate(matrices), groups=np.array(groups, dtype=np.int64))


def _vector_files(entry: DataConfig) -> list[Path]:
    files: list[Path] = []
    for given in entry.files:
        path = Path(given)
        if path.is_dir():
            files += sorted(
                file
                for file in path.iterdir()
                if file.is_file() and not file.name.startswith(".") and file.suffix not in _BESIDE_VECTORS
            )
        elif path.exists():
            files.append(path)
        else:
            listed = sorted(path.parent.glob(path.name))
            if not listed:
                message = f"{given}: no such file of word vectors."
                raise CliError(message)
            files += listed
    if not entry.languages:
        return files
    named = {_language_of(path): path for path in files}
    missing = [spelling for spelling in entry.languages if language(spelling) not in named]
    if missing:
        message = f"{missing[0]}: no file of word vectors for it; there are {', '.join(sorted(filter(None, named)))}."
        raise CliError(message)
    return [named[language(spelling)] for spelling in entry.languages]


def _language_of(path: Path) -> str:
    name = path.name
    while name.endswith(_VECTOR_ENDS):
        name = name[: name.rindex(".")]
    try:
        return language(name.rpartition(".")[2])
    except ValueError:
        return ""


def _is_special(word: str) -> bool:
    return (word.startswith("<") and word.endswith(">")) or (
        word.startswith("[") and word.endswith("]") and len(word) > 2
    )
