"""Running text of one language from the hub as a stream: CC-100, Wikipedia, and whatever else has a column of text.

Nothing is downloaded whole. Rows come in the order of a shuffle buffer of fixed seed (`IterableDataset.shuffle`): the
same seed, buffer and revision give the same rows. The text of a row is cut at its line ends: a line is a paragraph.
"""

import re
from collections.abc import Iterator
from typing import Any

from xl_tasks.datasets.readers.delimited import column_names
from xl_tasks.datasets.readers.hub import from_hub
from xl_tasks.errors import TaskError
from xl_translit import language
from xl_translit.wikipedia import vectors_language

BUFFER = 10_000
"""Rows among which the next one is drawn, and the seed, as Hämmerl et al. (2022) took their sentences."""
SEED = 42

CC100 = "statmt/cc100"
CC100_FILES = "https://data.statmt.org/cc-100/{code}.txt.xz"
"""Where the data set's own loading script, which `datasets` runs no more, finds the text: a paragraph a line."""
# Its languages (Conneau et al. 2020, table 6), without text in other letters than theirs.
_CC100_CODES = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi hr ht hu hy "
    "id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps pt qu rm "
    "ro ru sa sc sd si sk sl so sq sr ss su sv sw ta te th tl tn tr ug uk ur uz vi wo xh yi yo zh-Hans zh-Hant zu"
)


def hub_text(
    hub_id: str,
    spelling: str = "",
    *,
    config: str = "",
    split: str = "train",
    revision: str = "",
    column: str = "text",
    buffer: int = BUFFER,
    seed: int = SEED,
) -> Iterator[str]:
    """The paragraphs of a data set, without empty ones, row by row of a shuffled stream.

    hub_id: OWNER/NAME, or a folder of the hub's layout on the disk. spelling: the language, which finds the
    configuration ("20231101.tr") where `config` is empty; a data set with one configuration needs neither. buffer: 0
    leaves the rows in their order.

    TaskError, in one sentence, for what is not there and for a connection that breaks.
    """
    if hub_id == CC100:
        code = config or _cc100_code(spelling)
        where, options = "text", {"data_files": {split: CC100_FILES.format(code=code)}}
    else:
        name = config or _config_of(hub_id, spelling, revision)
        where, options = hub_id, {"name": name or None, "revision": revision or None}

    def opened(datasets: Any) -> Any:
        rows = datasets.load_dataset(where, split=split, streaming=True, **options)
        names = rows.column_names or list(next(iter(rows), {}))
        if column not in names:
            message = f"there is no column {column!r}; there are: {column_names(names)}"
            raise ValueError(message)
        rows = rows.select_columns([column])
        return rows.shuffle(seed=seed, buffer_size=buffer) if buffer else rows

    rows = iter(from_hub(hub_id, opened))
    while (row := from_hub(hub_id, lambda _: next(rows, None))) is not None:
        for line in str(row[column] or "").split("\n"):
            if paragraph := line.strip():
                yield paragraph


def _config_of(hub_id: str, spelling: str, revision: str) -> str:
    names = from_hub(hub_id, lambda datasets: datasets.get_dataset_config_names(hub_id, revision=revision or None))
    if len(names) == 1:
        return names[0]
    if not spelling:
        message = f"{hub_id} has a configuration a language; name the language, or one of {_some(names)}."
        raise TaskError(message)
    wanted = language(spelling)
    found = []
    for name in names:
        # Wikipedia's are DATE.CODE, by its own codes: "simple" is English, too, but not by a code of its own.
        dated = re.fullmatch(r"[0-9]{6,8}\.(.+)", name)
        stated = vectors_language(f"wiki.{dated[1]}" if dated else name.replace("-", "_"))
        if stated and stated[0] == wanted:
            found.append((stated[1], name))
    if not found:
        message = f"{hub_id} has no configuration for {wanted}; name one of {_some(names)}."
        raise TaskError(message)
    return max(found)[1]  # the newest


def _some(names: list[str], n: int = 12) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def _cc100_code(spelling: str) -> str:
    if not spelling:
        message = f"{CC100} has a file a language; name the language."
        raise TaskError(message)
    wanted = language(spelling)
    code = {language(code): code for code in _CC100_CODES.split()}.get(wanted)
    if code is None:
        message = (
            f"{CC100} has no text that is known to be {wanted}; name its own code as configuration, or other text."
        )
        raise TaskError(message)
    return code
