"""Result rows: one figure each, as a line of JSON. Tables, plots and reports are made from these lines alone."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError
from xl_translit import read_lines, replacing

_VERSION = version("xl-tasks")

# What a row from elsewhere, a paper's table for instance, cannot do without.
_REQUIRED = ("task", "metric", "value", "source", "target")
_SURROGATES = re.compile("[\ud800-\udfff]")
_COPIED = ("paper", "table", "cell", "note")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure and everything that says where it comes from."""

    task: str
    """Name in the task registry, "retrieval" for instance."""
    metric: str
    """"top1", "top5", "top10" ..."""
    value: float
    """Finite; shares are 0 to 1, not per cent."""
    n: int = 0
    """Number of items the value is a mean over."""
    source: str
    """Language of the queries or of the training data, "tur_Latn"."""
    target: str
    """Language of the candidates or of the test data."""
    seed: int = 0
    model: str = ""
    layer: int | None = None
    """`hidden_states` index, 0 = embeddings; None where a row from elsewhere does not tell."""
    pooling: str = ""
    prompt: str = ""
    """What stood in front of every text that was embedded: "query: " ...; empty for nothing."""
    unit: str = ""
    """What the model reads: "subword", "character", "phoneme" ..."""
    variant: str = ""
    """What was done to the model: "untrained", "mlm+seq+tlm" ..."""
    coverage: float = 1.0
    """Share of the source's items that could be asked at all, 0 to 1."""
    data: str = ""
    """Name of the data set."""
    split: str = ""
    """"test" or "dev"; empty where the data has no splits."""
    protocol: str = ""
    """"zero-shot", "in-language", "translate-train" or "mixed-language"; empty where nothing was trained."""
    tuning: str = ""
    """How the model was fitted to the task: "full", "lora" or "probe", with its preset; empty for none."""
    robust: str = ""
    """Robust training: "at", "rs-rp" or "rs-da"; empty for none."""
    noise: str = ""
    """What was done to the test texts: "typos=0.1" ...; empty for nothing."""
    skipped: int = 0
    """Number of items of the files that could not be read and were left out."""
    baseline: str = ""
    """What `value` is a difference from; empty where it is a score of its own."""
    low: float | None = None
    """Lower end of the 95 per cent bootstrap interval of `value`; None where none was drawn."""
    high: float | None = None
    """Upper end of that interval."""
    chance: float | None = None
    """What saying the commonest label of the test items throughout would get; None where there are no such labels."""
    p: float | None = None
    """Two-sided bootstrap probability that the difference is 0; None for a score."""
    p_holm: float | None = None
    """`p` after Holm's correction over the differences of one system from one baseline in one metric."""
    version: str = _VERSION
    """Version of the package that measured."""
    paper: str = ""
    """What a figure was copied from: "ppa" ...; empty for one that was measured."""
    table: str = ""
    """The paper's table: "2" ..."""
    cell: str = ""
    """Row and column of the table, as printed there: "Ours | tur_Latn | SR-B Arab"."""
    note: str = ""
    """Where the paper's data or way of scoring differs from what task and metric say."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not _fits(value, field.type):
                message = f"{field.name} is {repr(value)[:60]}; a row needs {_WORDS[field.type]} there."
                raise TaskError(message)

    def to_dict(self) -> dict[str, Any]:
        """The fields; paper, table, cell and note only where they say something: measured figures have none of them."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value or name not in _COPIED}

    def to_json(self) -> str:
        """`to_dict` as one line of JSON, without the line end."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)


def read_rows(path: Path | str) -> list[Row]:
    """The rows of a `results.jsonl`; empty lines are passed over. TaskError with `file:line` for a broken row.

    A row needs task, metric, value, source and target; the other fields may be missing in rows added by hand.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            rows.append(_parse(line))
        except TaskError as error:
            message = f"{path}:{number}: {error}"
            raise TaskError(message) from None
    return rows


def write_rows(path: Path | str, rows: Iterable[Row]) -> None:
    """Write `rows` as the whole content of the file at `path`; the old content stays until the new one is complete."""
    with replacing(path) as file:
        for row in rows:
            file.write(row.to_json() + "\n")


def append_rows(path: Path | str, rows: Iterable[Row]) -> None:
    """Put `rows` after those that the file at `path` has; the file is replaced whole."""
    old = list(read_lines(path)) if Path(path).exists() else []
    with replacing(path) as file:
        for line in old:
            file.write(line + "\n")
        for row in rows:
            file.write(row.to_json() + "\n")


_FIELDS = [field.name for field in dataclasses.fields(Row)]
_WORDS: dict[object, str] = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    int | None: "a whole number or null",
    float | None: "a finite number or null",
}


def _parse(line: str) -> Row:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        message = f"not JSON ({error}); each line is one object."
        raise TaskError(message) from None
    if not isinstance(values, dict):
        message = f"not an object but {type(values).__name__}; each line is one object."
        raise TaskError(message)
    for name in values:
        if name not in _FIELDS:
            if newer := _newer(values.get("version")):
                message = f"field {name[:60]!r} is of version {newer}, this is {_VERSION}; bring xl up to date."
                raise TaskError(message)
            raise TaskError(unknown_name("field", name, _FIELDS))
    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        message = f"field {missing[0]!r} is missing; a row needs at least {', '.join(_REQUIRED)}."
        raise TaskError(message)
    # A row that does not name the measuring package's version was not measured by it.
    fields: dict[str, Any] = {"version": "", **values}
    return Row(**fields)


def _newer(version: object) -> str:
    """The version that wrote a row, if it is a later one than this; else nothing."""
    theirs, ours = (re.findall(r"\d{1,9}", str(text)[:60])[:3] for text in (version, _VERSION))
    return str(version)[:20] if [*map(int, theirs)] > [*map(int, ours)] else ""


def _fits(value: object, kind: object) -> bool:
    # To Python, True is a whole number; to a reader of tables it is not.
    if isinstance(value, bool):
        return False
    if kind is str:
        return isinstance(value, str) and not _SURROGATES.search(value)  # halves of pairs, which no file can hold
    if kind == float | None and value is None:
        return True
    if kind in (float, float | None):
        return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max  # a whole number may be larger
    return isinstance(value, int) or (kind == int | None and value is None)
