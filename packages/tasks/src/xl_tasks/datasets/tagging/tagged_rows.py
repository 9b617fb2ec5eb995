"""Rows of the hub as tagged sentences: the same examples that the files give."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.hub import PARQUET, hub_rows
from xl_tasks.datasets.readers.labelled import HUB_SPLITS, chosen_splits
from xl_tasks.datasets.tagging.tagged import LineError, TaggedSentences
from xl_tasks.errors import TaskError

HubRow = Mapping[str, Any]
AddRow = Callable[[TaggedSentences, str, str, str, HubRow, str], None]


@dataclass(frozen=True, kw_only=True)
class HubPart:
    """One configuration of a data set on the hub: arguments of `hub_rows`."""

    hub_id: str
    config: str
    revision: str = ""
    prefix: str = ""
    """Stands before the keys of its sentences, where a language has several parts."""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"{self.hub_id}/{self.options.get('data_dir', self.config)}"


HubParts = Mapping[str, Sequence[HubPart]]
"""Language code -> what holds its sentences."""


def read_hub(
    tagged: TaggedSentences,
    parts: HubParts,
    languages: Iterable[str] | None,
    add: AddRow,
    *,
    id_columns: Sequence[str] = (),
    named: str = "",
    splits: Iterable[str] | None = None,
) -> None:
    """Add the rows of `splits` of `languages`, in any spelling, all for None, to `tagged`.

    parts: language code -> what holds its sentences, read one behind the other; a part need not have every split.
    add: takes found, language, split, the row's own key or number from 1, the row, and where it stands.
    id_columns: what states the key, the first that a row has; rows without any have their number.
    named: a column of class numbers to be given by name, see `hub_rows`.

    TaskError for a choice of none, for a language that is not there and, where all splits are asked for, for a part
    without any.
    """
    split_names = chosen_splits(splits)
    for code, its in choose(parts, languages, where="the hub").items():
        for part in its:
            _read(tagged, code, part, add, id_columns, named, split_names)


def parts_of(
    hub_id: str, configs: Mapping[str, Sequence[str]], revision: str, *, converted: bool = False
) -> dict[str, list[HubPart]]:
    """Language code -> its parts; `converted` reads the hub's own parquet, where each configuration is a folder."""
    return {
        code: [
            HubPart(
                hub_id=hub_id,
                config="" if converted else name,
                revision=PARQUET if converted else revision,
                prefix=f"{name}:" if len(names) > 1 else "",
                options={"data_dir": name} if converted else {},
            )
            for name in names
        ]
        for code, names in configs.items()
    }


def tag_names(values: Sequence[Any], names: Sequence[str], place: str) -> list[str]:
    """Tags of a row as strings; class numbers count in `names`. LineError for a number outside them."""
    tags = []
    for value in values:
        if isinstance(value, str):
            tags.append(value)
        elif isinstance(value, int) and 0 <= value < len(names):
            tags.append(names[value])
        else:
            message = f"{place}: tag {value!r} is unknown; it should be a name or a number below {len(names)}."
            raise LineError(message)
    return tags


def add_tokens(
    tagged: TaggedSentences, code: str, split: str, key: str, tokens: Sequence[str], tags: Sequence[Any],
    names: Sequence[str], place: str,
) -> None:  # fmt: skip
    """Add the words and tags of a row to `tagged`; a fault is treated as that of a line is."""
    try:
        words = tag_names(tags, names, place)
    except LineError as fault:
        tagged.open(code, split)
        tagged.fail(code, split, fault)
        return
    tagged.add(code, split, key, tokens, words, [place] * len(tokens))


def _read(
    tagged: TaggedSentences, code: str, part: HubPart, add: AddRow, id_columns: Sequence[str], named: str,
    splits: Sequence[str],
) -> None:  # fmt: skip
    missing: TaskError | None = None
    n_splits = 0
    for split in splits:
        there = HUB_SPLITS[split]
        try:
            rows = hub_rows(part.hub_id, part.config, there, part.revision, named=named, **part.options)
            for number, row in enumerate(rows, start=1):
                key = next((str(row[column]) for column in id_columns if row.get(column)), str(number))
                add(tagged, code, split, part.prefix + key, row, f"{part.where}/{there}:{number}")
        except TaskError as error:
            # `datasets` says so of a split that a configuration lacks: many treebanks have a test set only.
            if "Unknown split" not in str(error):
                raise
            missing = error
        else:
            n_splits += 1
    if not n_splits and missing is not None and len(splits) == len(HUB_SPLITS):
        raise missing
