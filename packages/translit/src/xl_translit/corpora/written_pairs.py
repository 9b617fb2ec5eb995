"""Texts with their transliterations read back from what `romanize_corpus` wrote with `pairs`, by its manifest."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xl_translit.corpora.formats import RESULT_NAMES, parquet_library
from xl_translit.corpora.parts import hash_file
from xl_translit.errors import CorpusError
from xl_translit.text import read_lines
from xl_translit.transliterator import Target

_MANIFEST = ".manifest.json"


@dataclass(frozen=True)
class WrittenPairs:
    """A file of pairs and what its manifest says.

    to: latn, ipa or phonemes. lang: the language it was told, None where it was told none.
    inputs: SHA-256 of the bytes of each input -> its name then.
    """

    path: Path
    to: Target
    lang: str | None
    inputs: Mapping[str, str]
    _format: str
    _columns: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each text with its transliteration, in order; a TAB or line feed inside is a space where the format wants it.

        CorpusError for a row that cannot be read.
        """
        names = ["text", RESULT_NAMES[self.to]]
        if self._format == "parquet":
            with parquet_library().ParquetFile(self.path) as file:
                for batch in file.iter_batches(columns=names):
                    yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
            return
        places = [self._columns.index(name) for name in names]
        for number, line in enumerate(read_lines(self.path), 1):
            if self._format == "tsv" and number == 1:
                continue  # the header
            try:
                if self._format == "jsonl":
                    row = json.loads(line)
                    text, result = (str(row[name].encode(), "utf-8") for name in names)
                else:
                    fields = line.split("\t")
                    text, result = (fields[place] for place in places)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                message = f"{self.path}:{number}: expected {' and '.join(names)}, found {line[:40]!r}"
                raise CorpusError(message) from None
            yield text, result


def written_pairs(names: Iterable[str | Path]) -> list[WrittenPairs]:
    """The files of pairs that `names` mean: files with `NAME.manifest.json` beside them, or folders of such files.

    CorpusError for a file without manifest, one that is not as its manifest says (by SHA-256), or without the texts.
    """
    found = []
    for name in map(Path, names):
        about = sorted(name.rglob(f"*{_MANIFEST}")) if name.is_dir() else [name.with_name(name.name + _MANIFEST)]
        files = [path.with_name(path.name.removesuffix(_MANIFEST)) for path in about]
        if not files:
            message = f"{name}: no file with a {_MANIFEST.lstrip('.')} beside it; name what xl translit --out wrote"
            raise CorpusError(message)
        found += [_open(path) for path in files]
    return found


def _open(path: Path) -> WrittenPairs:
    about = path.with_name(path.name + _MANIFEST)
    again = f"make it again: xl translit FILE --pairs --out {path}"
    if not path.is_file() or not about.is_file():
        message = f"{path if not path.is_file() else about}: no such file; {again}"
        raise CorpusError(message)
    try:
        manifest: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
        output, options = manifest["output"], manifest["options"]
        inputs = {its["sha256"]: its["name"] for its in manifest["inputs"] if its.get("sha256")}
        told = output["sha256"], output["format"], tuple(output["columns"]), options["to"], options["lang"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        message = f"{about}: not a manifest that xl translit --out wrote; {again}"
        raise CorpusError(message) from None
    digest, form, columns, to, lang = told
    if to not in RESULT_NAMES or not {"text", RESULT_NAMES[to]} <= {*columns}:
        message = f"{path}: it holds no texts beside their transliterations; {again}"
        raise CorpusError(message)
    if hash_file(path) != digest:
        message = f"{path}: it was changed since {about.name} was written (another SHA-256); {again}"
        raise CorpusError(message)
    return WrittenPairs(path, to, lang, inputs, form, columns)
