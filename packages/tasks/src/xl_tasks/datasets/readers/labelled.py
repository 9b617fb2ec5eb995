"""The examples of a classification data set, collected while its files or rows are read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from xl_encoders.registry import unknown_name
from xl_tasks.datasets.readers.faults import Faults
from xl_tasks.datasets.readers.hub import by_config, hub_rows
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TextExample
from xl_tasks.texts import SPLITS
from xl_translit import TranslitError, language

HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
"""What the hub calls the splits."""

Rows = Mapping[tuple[str, str], Iterable[Mapping[str, object]]]
"""(language code, "train", "dev" or "test") -> rows of the hub."""


class Labelled:
    """Takes examples one at a time, checks label and key, and counts what is not there."""

    def __init__(self, name: str, labels: Sequence[str], *, on_error: str = "stop") -> None:
        self.name = name
        self.labels = tuple(labels)
        self._faults = Faults(on_error)
        self._found: dict[str, dict[str, list[TextExample]]] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._expected: dict[tuple[str, str], int] = {}

    def open(self, code: str, split: str) -> None:
        """Say that this part of the data is there, though it may have no items."""
        self._found.setdefault(code, {}).setdefault(split, [])
        self._seen.setdefault((code, split), set())
        self._expected.setdefault((code, split), 0)

    def add(self, code: str, split: str, where: str, *, key: str, first: str, second: str = "", label: str) -> None:
        """Take an item read at `where`; a fault for an unknown label and for a key that came before."""
        self.open(code, split)
        if label not in self.labels:
            return self.fault(code, split, f"{where}: {unknown_name('label', label, list(self.labels))}")
        if key in self._seen[code, split]:
            return self.fault(code, split, f"{where}: id {key[:60]!r} appears a second time; ids must be unique.")
        self._seen[code, split].add(key)
        self._expected[code, split] += 1
        self._found[code][split].append(TextExample(key=key, first=first, second=second, label=label))
        return None

    def fault(self, code: str, split: str, message: str) -> None:
        """Leave out an item that cannot be read."""
        self.open(code, split)
        self._faults.add(code, split, message)
        self._expected[code, split] += 1

    def without(self, code: str, split: str) -> None:
        """Count an item that the data set has but this language has not."""
        self.open(code, split)
        self._expected[code, split] += 1

    def examples(self) -> Examples[TextExample]:
        """All that came."""
        return Examples(
            name=self.name,
            kind="classification",
            labels=self.labels,
            by_language={
                code: {split: tuple(self._found[code][split]) for split in SPLITS if split in self._found[code]}
                for code in sorted(self._found)
            },
            skipped=self._faults.skipped,
            expected=self._expected,
        )


def chosen_splits(splits: Iterable[str] | None) -> tuple[str, ...]:
    """The splits to read, all of them for None; TaskError for one that there is not."""
    names = SPLITS if splits is None else tuple(splits)
    for split in names:
        if split not in SPLITS:
            raise TaskError(unknown_name("split", split, list(SPLITS)))
    return names


def hub_configs(
    name: str, configs: tuple[str, ...] | Callable[[], Iterable[str]], languages: Iterable[str] | None
) -> dict[str, str]:
    """Language code -> the hub's configuration, for `languages` in any spelling; all that there are for None.

    configs: those that the hub has; or, where they are the codes themselves ("tur_Latn"), what asks the hub for them,
    which is done for None alone. TaskError for a language that has none.
    """
    if languages is None:
        every = by_config(configs if isinstance(configs, tuple) else configs())
        return {code: its[0] for code, its in sorted(every.items())}
    by_code = {language(config): config for config in configs} if isinstance(configs, tuple) else None
    chosen = {}
    for spelling in languages:
        try:
            code = language(spelling)
        except TranslitError as error:
            message = f"{name}: {error}"
            raise TaskError(message) from None
        if by_code is not None and code not in by_code:
            message = f"{name}: {unknown_name('language', code, sorted(by_code))}"
            raise TaskError(message)
        chosen[code] = by_code[code] if by_code else code
    if not chosen:
        message = f"{name}: no language asked for; name those to read from the hub."
        raise TaskError(message)
    return chosen


def hub_splits(hub_id: str, revision: str, configs: Mapping[str, str], splits: Iterable[str]) -> Rows:
    """The rows of these configurations and splits; they are read when they are asked for."""
    return {
        (code, split): hub_rows(hub_id, config, HUB_SPLITS[split], revision)
        for code, config in configs.items()
        for split in splits
    }


def class_name(value: object, labels: Sequence[str]) -> str:
    """The label that a row of the hub states by name or by number; "-" for -1, the hub's "no label"."""
    if isinstance(value, str):
        return value
    number = int(value)  # ty: ignore[invalid-argument-type]
    if number == -1:
        return "-"
    return labels[number] if 0 <= number < len(labels) else str(number)


def numbered(name: str, split: str, rows: Iterable[Mapping[str, object]]) -> Iterator[tuple[int, str, Mapping]]:
    """(number from 1, where it stands, row) of rows of the hub."""
    for number, row in enumerate(rows, start=1):
        yield number, f"{name}, {split}, row {number}", row
