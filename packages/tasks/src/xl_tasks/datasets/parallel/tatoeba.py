"""The Tatoeba test set in LASER's layout: two files a language, line by line against English (Artetxe & Schwenk, 2019).

Each language comes with English sentences of its own, so keys name the bitext too: "tur:17". English has the keys of
all bitexts; retrieval searches one bitext at a time, as the published protocol does.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from xl_tasks.catalogue.task import TOP_METRICS, Task
from xl_tasks.datasets.parallel.lines import read_parallel_lines
from xl_tasks.datasets.readers.by_language import by_language, choose
from xl_tasks.datasets.readers.hub import hub_rows
from xl_tasks.datasets.readers.labelled import hub_configs
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts
from xl_translit import TranslitError, language

HUB_ID = "mteb/tatoeba-bitext-mining"
# Pinned so by MTEB and others: one configuration a bitext, files without a script. The bitexts are those of the first
# commit (9080400...), which model cards name.
REVISION = "69e8f12da6e31d59addadda9a9c8a2e601a0e282"
# fmt: off
LANGUAGES = (
    "afr", "amh", "ara", "arq", "arz", "ast", "awa", "aze", "bel", "ben", "bos", "bre", "bul", "cat", "ceb", "ces",
    "cha", "cmn", "cor", "csb", "cym", "dan", "deu", "dsb", "dtp", "ell", "epo", "est", "eus", "fao", "fin", "fra",
    "fry", "gla", "gle", "glg", "gsw", "heb", "hin", "hrv", "hsb", "hun", "hye", "ido", "ina", "ind", "isl", "ita",
    "jav", "jpn", "kab", "kat", "kaz", "khm", "kor", "kur", "lat", "lit", "lvs", "mal", "mar", "mhr", "mkd", "mon",
    "nds", "nld", "nno", "nob", "oci", "pam", "pes", "pms", "pol", "por", "ron", "rus", "slk", "slv", "spa", "sqi",
    "srp", "swe", "swg", "swh", "tam", "tat", "tel", "tgl", "tha", "tuk", "tur", "uig", "ukr", "urd", "uzb", "vie",
    "war", "wuu", "xho", "yid", "yue", "zsm",
)
# fmt: on
"""The bitexts of the hub whose language has a code here; `ang` and nine more of the 112 have none."""

_log = logging.getLogger(__name__)

_NAME = re.compile(r"tatoeba\.([a-z]{3})-eng\.([a-z]{3})")

TATOEBA = Task(
    name="tatoeba",
    kind="retrieval",
    title="Tatoeba",
    description="Up to 1,000 short sentences a language, each set with its own English translations.",
    metrics=TOP_METRICS,
    folders=("tatoeba", "tatoeba/v1"),
    layout="tatoeba.XXX-eng.XXX and tatoeba.XXX-eng.eng",
    loader="xl_tasks.datasets.parallel.tatoeba:load_tatoeba",
    languages="112 languages against English",
    licence="CC-BY-2.0-FR",
    source="github.com/facebookresearch/LASER, data/tatoeba/v1",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.parallel.tatoeba:load_tatoeba_hub",
    revision=REVISION,
    xtreme=True,
    pivot="eng_Latn",
    corpus="Up to 1,000 short sentences a language, each set with its own English translation.",
)


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
    codes = set(choose({english: None, **sources}, languages, where=where))
    # English alone means the English side of everything.
    if codes != {english}:
        sources = {code: file for code, file in sources.items() if code in codes}
    sides = {
        short: read_parallel_lines({short: file, "eng": file.with_suffix(".eng")})
        for short, file in ((file.suffix[1:], file) for _, file in sorted(sources.items()))
    }
    return _joined(sides).restrict(codes)


def load_tatoeba_hub(languages: Iterable[str] | None) -> ParallelTexts:
    """The bitexts of these languages from the hub, at a fixed commit, with their English sides; all for None.

    English alone means the English side of everything. TaskError without network and for a language that is not there.
    """
    english = language("eng")
    asked = None if languages is None else [_code(spelling) for spelling in languages]
    foreign = None if asked is None or set(asked) == {english} else [code for code in asked if code != english]
    configs = hub_configs("tatoeba", LANGUAGES, foreign)
    rows = {short: hub_rows(HUB_ID, f"{short}-eng", "test", REVISION) for short in configs.values()}
    return tatoeba_texts(rows)


def tatoeba_texts(rows: Mapping[str, Iterable[Mapping[str, object]]]) -> ParallelTexts:
    """Bitexts from the hub's rows (sentence1, sentence2 = English) by three-letter code."""
    sides = {}
    for short, items in rows.items():
        lines = [(str(row["sentence1"]), str(row["sentence2"])) for row in items]
        foreign, english = (
            {str(n): line[side] for n, line in enumerate(lines, 1) if line[side].strip()} for side in (0, 1)
        )
        sides[short] = {short: foreign, "eng": english}
    return _joined(sides)


def is_tatoeba(file: Path) -> bool:
    """Whether the file's name is that of one side of a bitext."""
    return _NAME.fullmatch(file.name) is not None


def _code(spelling: str) -> str:
    try:
        return language(spelling)
    except TranslitError as error:
        message = f"tatoeba: {error}"
        raise TaskError(message) from None


def _joined(bitexts: Mapping[str, Mapping[str, Mapping[str, str]]]) -> ParallelTexts:
    """Three-letter code -> side -> line number -> text, as one data set with English."""
    english = language("eng")
    texts: dict[str, dict[str, str]] = {english: {}}
    groups: dict[str, str] = {}
    pools: dict[str, str] = {}
    for short, sides in bitexts.items():
        texts[language(short)] = {f"{short}:{number}": text for number, text in sides[short].items()}
        for number, text in sides["eng"].items():
            texts[english][f"{short}:{number}"] = text
            groups[f"{short}:{number}"] = text
        pools |= dict.fromkeys([f"{short}:{number}" for side in sides.values() for number in side], short)
    return ParallelTexts(name="tatoeba", texts=texts, groups=groups, pools=pools)


def _sources(listed: Iterable[Path]) -> list[tuple[str, Path]]:
    """(three-letter code, file in that language) of each bitext that the folders hold or the files belong to."""
    files = [file for entry in listed for file in (sorted(entry.iterdir()) if entry.is_dir() else [entry])]
    matches = [(match.group(1), file) for file in files if (match := _NAME.fullmatch(file.name))]
    # Both sides name the bitext: where one file is missing, reading says which.
    sources: dict[tuple[str, Path], tuple[str, Path]] = {}
    for short, file in dict.fromkeys((short, file.with_suffix(f".{short}")) for short, file in matches):
        try:
            code = language(short)
        except TranslitError:
            _log.warning("%s: passed over, %r is no language that is known here.", file, short)
            continue
        # The release still has a bitext of a language that ISO 639-3 has merged into another since.
        if (code, file.parent) in sources:
            _log.warning("%s: passed over, %s has %s already.", file, code, sources[code, file.parent][1].name)
            continue
        sources[code, file.parent] = (short, file)
    return list(sources.values())
