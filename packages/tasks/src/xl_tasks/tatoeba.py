"""The Tatoeba test set in LASER's layout: two files a language, line by line against English (Artetxe & Schwenk, 2019).

Each language comes with English sentences of its own, so keys name the bitext too: "tur:17". English has the keys of
all bitexts; retrieval searches one bitext at a time, as the published protocol does.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from xl_tasks._by_language import by_language, choose
from xl_tasks.errors import TaskError
from xl_tasks.lines import read_parallel_lines
from xl_tasks.texts import ParallelTexts
from xl_translit import language

_NAME = re.compile(r"tatoeba\.([a-z]{3})-eng\.([a-z]{3})")


def load_tatoeba(path: Path | str | Iterable[Path | str], languages: Iterable[str] | None = None) -> ParallelTexts:
    """The bitexts under `path`; pairs with the same English sentence are held out together.

    path: a folder with `tatoeba.XXX-eng.XXX` and `tatoeba.XXX-eng.eng`, or files of such pairs.
    languages: which to read, in any spelling; English has the sides of these bitexts and is left out if not named.

    TaskError for a missing side and for sides of different length.
    """
    listed = [Path(path)] if isinstance(path, (str, Path)) else [Path(entry) for entry in path]
    where = ", ".join(map(str, listed))
    sources = by_language(_sources(listed))
    if not sources:
        message = f"{where}: no bitext such as tatoeba.tur-eng.tur with tatoeba.tur-eng.eng."
        raise TaskError(message)
    english = language("eng")
    wanted = set(choose({english: None, **sources}, languages, where=where))
    # English alone means the English side of everything.
    if wanted != {english}:
        sources = {code: file for code, file in sources.items() if code in wanted}
    texts: dict[str, dict[str, str]] = {english: {}}
    groups: dict[str, str] = {}
    pools: dict[str, str] = {}
    for code, file in sorted(sources.items()):
        short = file.suffix[1:]
        sides = read_parallel_lines({short: file, "eng": file.with_suffix(".eng")})
        texts[code] = {f"{short}:{number}": text for number, text in sides[short].items()}
        for number, text in sides["eng"].items():
            texts[english][f"{short}:{number}"] = text
            groups[f"{short}:{number}"] = text
        pools |= dict.fromkeys([f"{short}:{number}" for side in sides.values() for number in side], short)
    return ParallelTexts(name="tatoeba", texts=texts, groups=groups, pools=pools).restrict(wanted)


def is_tatoeba(file: Path) -> bool:
    """Whether the file's name is that of one side of a bitext."""
    return _NAME.fullmatch(file.name) is not None


def _sources(listed: Iterable[Path]) -> list[tuple[str, Path]]:
    """(three-letter code, file in that language) of each bitext that the folders hold or the files belong to."""
    files = [file for entry in listed for file in (sorted(entry.iterdir()) if entry.is_dir() else [entry])]
    matches = [(match.group(1), file) for file in files if (match := _NAME.fullmatch(file.name))]
    # Both sides name the bitext: where one file is missing, reading says which.
    return list(dict.fromkeys((short, file.with_suffix(f".{short}")) for short, file in matches))
