"""FLORES-200 and FLORES+: the same sentences in some two hundred languages (NLLB Team, 2022).

`dev/tur_Latn.dev` and `devtest/tur_Latn.devtest` as Meta published them, or `devtest/tur_Latn.jsonl` as the Open
Language Data Initiative does. Line k of a split is one sentence in all languages, which makes its key: "devtest:17".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from xl_tasks.catalogue.task import TOP_METRICS, Task
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.delimited import data_lines
from xl_tasks.datasets.readers.hub import hub_config_names, hub_rows
from xl_tasks.datasets.readers.labelled import chosen_splits, hub_configs
from xl_tasks.datasets.readers.split_patterns import bare_name, files_under
from xl_tasks.errors import TaskError
from xl_tasks.texts import ParallelTexts
from xl_translit import TranslitError, language

# Gated: the hub gives it to those who have logged in and agreed not to publish it again. No pinned commit was found.
HUB_ID = "openlanguagedata/flores_plus"
REVISION = ""

_SPLITS = {"dev": "dev", "devtest": "test"}
_NAME = re.compile(r"([A-Za-z_0-9]+)\.(dev|devtest|jsonl)")
# Codes that FLORES+ has changed since FLORES-200.
_CONFIGS = {"zho_Hans": "cmn_Hans", "zho_Hant": "cmn_Hant", "est_Latn": "ekk_Latn"}

FLORES = Task(
    name="flores",
    kind="retrieval",
    title="FLORES-200",
    description="1,012 sentences of devtest (997 of dev), the same in every language; FLORES+ too.",
    metrics=TOP_METRICS,
    folders=("flores", "flores200_dataset", "flores200", "flores_plus"),
    layout="devtest/LLL_Ssss.devtest and dev/LLL_Ssss.dev, or .jsonl in the same folders",
    loader="xl_tasks.datasets.parallel.flores:load_flores",
    languages="some 200 languages",
    licence="CC-BY-SA-4.0",
    source="github.com/facebookresearch/flores (FLORES-200), Open Language Data Initiative (FLORES+)",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.parallel.flores:load_flores_hub",
    also=("flores200", "flores+", "flores_plus"),
)


def load_flores(
    path: Path | str, languages: Iterable[str] | None = None, *, splits: Iterable[str] | None = None
) -> ParallelTexts:
    """The sentences under `path`; key = split and line ("devtest:17"), splits dev and test (devtest).

    path: a folder with dev/ and devtest/, or one that holds it.
    languages: which to read, in any spelling; all by default. splits: likewise, "test" for devtest.

    TaskError with `file:line` for an empty line, a line that is no JSON with a text, and files of unequal length.
    """
    files = _files(Path(path))
    if not files:
        message = f"{path}: no file such as devtest/tur_Latn.devtest or devtest/tur_Latn.jsonl."
        raise TaskError(message)
    split_names = chosen_splits(splits)
    lines = {
        (code, split): list(_read(file))
        for code, by_split in choose(files, languages, where=str(path)).items()
        for split, file in sorted(by_split.items())
        if _SPLITS[split] in split_names
    }
    return _parallel(lines)


def load_flores_hub(languages: Iterable[str] | None, *, splits: Iterable[str] | None = None) -> ParallelTexts:
    """FLORES+ from the hub, all languages for None; it is gated: log in and accept its terms.

    TaskError without network or login.
    """
    configs = hub_configs("flores", partial(hub_config_names, HUB_ID, REVISION), languages)
    split_names = chosen_splits(splits)
    return flores_texts(
        {
            (code, split): hub_rows(HUB_ID, _CONFIGS.get(config, config), split, REVISION)
            for code, config in configs.items()
            for split, called in _SPLITS.items()
            if called in split_names
        }
    )


def flores_texts(rows: Mapping[tuple[str, str], Iterable[Mapping[str, object]]]) -> ParallelTexts:
    """Texts from the hub's rows (text, ...) by language and "dev" or "devtest"."""
    return _parallel(
        {
            (code, split): [
                (f"{HUB_ID} {code}, {split}, row {number}", str(row["text"]))
                for number, row in enumerate(items, start=1)
            ]
            for (code, split), items in rows.items()
        }
    )


def _files(path: Path) -> dict[str, dict[str, Path]]:
    files: dict[str, dict[str, Path]] = {}
    for file in files_under(path):
        match = _NAME.fullmatch(bare_name(file))
        split = file.parent.name
        if match is None or split not in _SPLITS or match[2] not in (split, "jsonl"):
            continue
        try:
            code = language(match[1])
        except TranslitError as error:
            message = f"{file}: its name states no language ({error})."
            raise TaskError(message) from None
        if split in files.setdefault(code, {}):
            message = f"{file}: {code} {split} is there already as {files[code][split]}; keep one of the two."
            raise TaskError(message)
        files[code][split] = file
    return files


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """(where, text) of each line."""
    for number, line in data_lines(file):
        where, text = f"{file}:{number}", line
        if bare_name(file).endswith(".jsonl"):
            try:
                text = json.loads(line)["text"]
            except (ValueError, KeyError, TypeError, RecursionError):
                message = f"{where}: not a JSON object with a text."
                raise TaskError(message) from None
        if not isinstance(text, str) or not text.strip():
            message = f"{where}: no text; every line is a sentence, and line k says the same in every language."
            raise TaskError(message)
        yield where, text


def _parallel(lines: Mapping[tuple[str, str], list[tuple[str, str]]]) -> ParallelTexts:
    for split in _SPLITS:
        sides = {code: items for (code, its), items in lines.items() if its == split}
        if not sides:
            continue
        shortest = min(sides, key=lambda code: len(sides[code]))
        longest = max(sides, key=lambda code: len(sides[code]))
        n = len(sides[shortest])
        if n != len(sides[longest]):
            message = (
                f"{sides[longest][n][0]}: the first {split} line of {longest} without a partner; {shortest} has {n} "
                f"lines and {longest} {len(sides[longest])}."
            )
            raise TaskError(message)
    texts: dict[str, dict[str, str]] = {}
    splits: dict[str, str] = {}
    for (code, split), items in lines.items():
        for number, (_, text) in enumerate(items, start=1):
            texts.setdefault(code, {})[f"{split}:{number}"] = text
            splits[f"{split}:{number}"] = _SPLITS[split]
    return ParallelTexts(name="flores", texts=texts, splits=splits)
