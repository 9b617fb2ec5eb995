"""Sentence pairs for the objectives that compare words: from two files, a TSV, named columns, or parallel texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from xl_cli.data.columns import COLUMN_FILES, read_columns
from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import CliError, UsageError
from xl_cli.launch.progress import Progress
from xl_cli.recipe.config import PAIRING, DataConfig
from xl_encoders import Bitext, has_words, split_words
from xl_objectives import parse_pharaoh, symmetrize_all
from xl_tasks import ParallelTexts
from xl_translit import UnknownLanguageError, language, read_lines


@dataclass(frozen=True)
class SplitTexts(Sequence[list[str]]):
    """Texts that are split into words whenever one is read, as lists of words take ten times the memory of the text."""

    texts: Sequence[str]
    split: Callable[[str], list[str]]

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, number: int) -> list[str]: ...
    @overload
    def __getitem__(self, number: slice) -> list[list[str]]: ...
    def __getitem__(self, number: int | slice) -> list[str] | list[list[str]]:
        if isinstance(number, slice):
            return [self.split(text) for text in self.texts[number]]
        return self.split(self.texts[number])


_ENDS = (".gz", ".zst", ".xz", ".txt", ".tsv")


def read_bitexts(entry: DataConfig, files: dict[str, str]) -> list[Bitext]:
    """The sentence pairs of a [[data]] of kind pairs; `files` gets a fingerprint of each file read.

    Raises CliError with `file:line` for sides of different length, a line without two columns, and alignments that do
    not fit.
    """
    paths = [Path(given) for given in entry.files]
    for path in (*paths, *map(Path, (*entry.alignments, *entry.reverse_alignments))):
        if not path.is_file():
            message = f"{path}: no such file."
            if path.is_dir():
                message = f"{path} is a folder; name files of it."
                if path in paths:
                    message += " Or read it as translations of one another: --set data.kind=parallel"
            raise CliError(message)
        files[str(path)] = fingerprint_file(path)
    couples = _couples(paths)
    if entry.alignments and len(entry.alignments) != len(couples):
        message = f"data.alignments has {len(entry.alignments)} files for {len(couples)} bitexts; give one for each."
        raise UsageError(message)
    if entry.languages and len(entry.languages) not in (2, 2 * len(couples)):
        message = (
            f"data.languages has {len(entry.languages)} entries for {len(couples)} bitexts; give those of both sides, "
            "or of both sides of each bitext in turn."
        )
        raise UsageError(message)
    codes = [language(code) for code in entry.languages] * (len(couples) if len(entry.languages) == 2 else 1)
    bitexts = []
    for number, (left, right) in enumerate(couples):
        lines = _of_columns(left, entry) if left.suffix in COLUMN_FILES else read_couple(left, right)
        links = [Path(its[number]) for its in (entry.alignments, entry.reverse_alignments) if its]
        name = _stem(left) if right is None else f"{_stem(left)}-{_stem(right)}"
        name = "-".join(codes[2 * number : 2 * number + 2]) or name
        of_files = " and ".join(path.name for path in (left, right) if path)
        bitexts.append(_bitext(name, lines, entry, links, of_files))
    return bitexts


def parallel_bitexts(entry: DataConfig, corpus: ParallelTexts, splits: Mapping[str, str]) -> list[Bitext]:
    """Every language of `corpus` against the pivot, on the keys to train on that both have."""
    pivot = language(entry.pivot)
    # Data may call a language by its bare code.
    pivot_code = next((code for code in corpus.languages if code in (pivot, pivot.partition("_")[0])), None)
    if pivot_code is None:
        message = (
            f"{corpus.name} has no {entry.pivot}, the pivot that {PAIRING} pair the others with; "
            f"it has {', '.join(corpus.languages)}: give data.pivot."
        )
        raise CliError(message)
    bitexts = []
    for code in corpus.languages:
        keys = [
            key for key in sorted(corpus.texts[code]) if key in corpus.texts[pivot_code] and splits.get(key) == "train"
        ]
        if code != pivot_code and keys:
            lines = [(corpus.texts[code][key], corpus.texts[pivot_code][key]) for key in keys]
            bitexts.append(_bitext(f"{code}-{pivot_code}", lines, entry))
    return bitexts


def read_couple(left: Path, right: Path | None) -> list[tuple[str, str]]:
    """Sentences and their translations, out of two files or the first two columns of one (`right` is None).

    CliError with `file:line` for files of different length and a line without two columns.
    """
    return _columns(left) if right is None else _sides(left, right)


def sides_of(name: str) -> tuple[str, str] | None:
    """The languages of a bitext by its name, "bod_Tibt-eng_Latn" or "news.bo-news.en"; None where it tells none."""
    parts = name.split("-")
    if len(parts) != 2:
        return None
    try:
        left, right = (language(part.rpartition(".")[2]) for part in parts)
    except UnknownLanguageError:
        return None
    return left, right


def _bitext(
    name: str, lines: Sequence[tuple[str, str]], entry: DataConfig, links: Sequence[Path] = (), files: str = ""
) -> Bitext:
    """A bitext out of its lines.

    links: no file of word alignments, one, or those of both directions. files: what messages call it; empty: `name`.
    """
    by_spaces = entry.words == "spaces" or (not entry.words and bool(links))
    split, has_any = (str.split, str.strip) if by_spaces else (_words, has_words)
    pairs = None
    if links:
        lens = [(len(split(left)), len(split(right))) for left, right in lines]
        directions = [parse_pharaoh(read_lines(path), lens=lens, name=str(path)) for path in links]
        both = len(directions) == 2
        pairs = list(symmetrize_all(*directions, entry.symmetrization or "intersection") if both else directions[0])
    with Progress(f"words of {files or name}", len(lines), "sentence pairs", quiet=True) as stage:
        kept = []
        for number, (left, right) in enumerate(lines):
            if has_any(left) and has_any(right):
                kept.append(number)
                if len(kept) == entry.limit:
                    break
            stage.advance(number)
    if not kept:
        message = f"{files or name}: no line has words on both sides, so there is nothing to train on."
        raise CliError(message)
    written = [lines[number][0] for number in kept], [lines[number][1] for number in kept]
    return Bitext(
        name=name,
        left=SplitTexts(written[0], split),
        right=SplitTexts(written[1], split),
        alignments=None if pairs is None else [pairs[number] for number in kept],
        written=written,
    )


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in split_words(text)]


def _couples(paths: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """TSV files and those of named columns by themselves, others two by two."""
    couples: list[tuple[Path, Path | None]] = []
    waiting: Path | None = None
    for path in paths:
        if ".tsv" in path.suffixes or path.suffix in COLUMN_FILES:
            couples.append((path, None))
        elif waiting is None:
            waiting = path
        else:
            couples.append((waiting, path))
            waiting = None
    if waiting is not None:
        message = (
            f"{waiting}: data of kind pairs needs its translations in the file after it, or both in a .tsv, or in two "
            "columns of a .jsonl, .parquet or .arrow."
        )
        raise UsageError(message)
    return couples


def _sides(left: Path, right: Path) -> list[tuple[str, str]]:
    lines = [list(read_lines(path)) for path in (left, right)]
    if len(lines[0]) != len(lines[1]):
        shorter, longer = sorted((0, 1), key=lambda side: len(lines[side]))
        paths = (left, right)
        message = (
            f"{left} has {len(lines[0])} lines, {right} has {len(lines[1])}; "
            f"{paths[longer]}:{len(lines[shorter]) + 1} is the first line without a partner."
        )
        raise CliError(message)
    return list(zip(*lines, strict=True))


def _columns(path: Path) -> list[tuple[str, str]]:
    lines = []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split("\t")
        if len(fields) < 2:
            message = f"{path}:{number}: no tab in this line; a line needs a sentence, a tab and its translation."
            raise CliError(message)
        lines.append((fields[0], fields[1]))
    return lines


def _of_columns(path: Path, entry: DataConfig) -> list[tuple[str, str]]:
    """Sentences and their translations out of the two columns that the entry names."""
    if len(entry.columns) != 2:
        message = (
            f"{path}: which columns are sentences and translations? Name both, the pivot's last: "
            f'--set data.columns=\'["de","en"]\'.'
        )
        raise UsageError(message)
    return [(left, right) for left, right in read_columns(path, entry.columns)]


def _stem(path: Path) -> str:
    name = path.name
    while name.endswith(_ENDS):
        name = name[: name.rindex(".")]
    return name
