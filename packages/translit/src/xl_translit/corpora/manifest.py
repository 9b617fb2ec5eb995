"""The manifest of a corpus run: from what, by what, how, and what came of it.

Two runs of the same inputs, options and versions have equal manifests but for the entry `run` (times, engine, workers).
"""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xl_translit.corpora.statistics import Statistics, WordResults
from xl_translit.text import replacing
from xl_translit.transliterator import Transliterator

_PACKAGES = (
    *("xl-translit", "uroman", "epitran", "panphon", "segments", "num2words"),
    *("pyarrow", "datasets", "zstandard"),
)


@dataclass(frozen=True)
class Manifest:
    """What `OUT.manifest.json` says.

    inputs: name, SHA-256, bytes and rows of each (of the whole input, also in a shard).
    options: what decides the output. versions: of Python, packages and the transliterator.
    counts: rows, characters, words. length_ratio: characters out by characters in.
    unread: script -> how many of its characters came whose romanisation is no reading.
    output: format, SHA-256, bytes; empty where the output was a stream. run: what may differ next time.
    """

    inputs: list[dict[str, Any]]
    options: dict[str, Any]
    versions: dict[str, str]
    counts: dict[str, int]
    unmapped: dict[str, Any]
    unread: dict[str, int]
    length_ratio: dict[str, Any]
    collisions: dict[str, Any]
    output: dict[str, Any]
    run: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with replacing(path) as file:
            file.write(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")


def make_manifest(
    inputs: list[dict[str, Any]],
    options: dict[str, Any],
    transliterator: Transliterator,
    rows_in: int,
    statistics: Statistics,
    words: WordResults,
    output: dict[str, Any],
    run: dict[str, Any],
) -> Manifest:
    """Put the counts of a finished run in order."""
    names = ("rows_out", "rejected", "empty_texts", "empty_results", "characters_in", "characters_out", "words")
    counts = {"rows_in": rows_in, **{name: getattr(statistics, name) for name in names}}
    counts |= {"replaced_tabs": statistics.replaced_tabs, "replaced_line_feeds": statistics.replaced_line_feeds}
    return Manifest(
        inputs,
        options,
        versions(transliterator),
        counts,
        statistics.unmapped_characters(),
        dict(sorted(statistics.unread.items())),
        statistics.length_ratio(),
        words.collisions(),
        output,
        run,
    )


def versions(transliterator: Transliterator, packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Versions of the transliterator, of Python and of the packages that are installed."""
    by_name = {transliterator.name: transliterator.version, "python": platform.python_version()}
    for package in packages:
        if its := _installed(package):
            by_name.setdefault(package, its)
    return by_name


@cache
def _installed(package: str) -> str:
    """Its version, empty where it is not there; read once, which takes longer than a small corpus."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
