"""Mixed-language pairs: the first sentence in one language, the second in another, for every ordered pair of languages.

The generalised cross-lingual evaluation of robust training (Huang et al., 2021): 7 x 7 cells for PAWS-X, 15 x 15 for
XNLI. All cells have the same items, those that every language has with the same label, so that cells are comparable.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from xl_tasks.errors import TaskError
from xl_tasks.examples import Example, Examples, TextExample

# Real releases differ in fewer than 2 per cent of the labels; files that are not parallel differ in a third or more.
_MOST_DIFFERING = 0.1


@dataclass(frozen=True, eq=False)
class MixedPairs(Mapping[tuple[str, str], tuple[TextExample, ...]]):
    """(language of the first, language of the second) -> examples; a cell is built when it is asked for."""

    name: str
    split: str
    languages: tuple[str, ...]
    item_keys: tuple[str, ...] = field(repr=False)
    """The items of every cell, in the order of the first language."""
    n_items: int
    """Number of items that any of the languages has."""
    missing: Mapping[str, int]
    """language -> number of those items that it lacks."""
    differing: Mapping[str, int]
    """language -> number of items that all languages have where its label is not that of most of them."""
    _by_key: Mapping[str, Mapping[str, TextExample]] = field(repr=False)

    @property
    def coverage(self) -> float:
        """Share of the items that every cell has, 0 to 1."""
        return len(self.item_keys) / self.n_items

    @property
    def dropped(self) -> tuple[str, ...]:
        """One sentence for each language and reason that items were left out for."""
        reasons = [(self.missing, "the language lacks them"), (self.differing, "its label is not that of the others")]
        return tuple(
            f"{self.name} {self.split} {language}: {counts[language]} of {self.n_items} items are out: {reason}."
            for counts, reason in reasons
            for language in self.languages
            if counts[language]
        )

    def __getitem__(self, cell: tuple[str, str]) -> tuple[TextExample, ...]:
        first, second = cell
        ones, others = self._by_key[first], self._by_key[second]
        return tuple(
            TextExample(
                key=key,
                first=ones[key].first,
                second=others[key].second,
                label=ones[key].label,
                second_language="" if first == second else second,
            )
            for key in self.item_keys
        )

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((first, second) for first in self.languages for second in self.languages)

    def __len__(self) -> int:
        return len(self.languages) ** 2


@dataclass(frozen=True)
class CellMeans:
    """What a table of all cells comes down to."""

    diagonal: float
    """Mean of the cells of one language."""
    off_diagonal: float
    """Mean of the cells of two."""
    by_first: Mapping[str, float]
    """language of the first sentence -> mean over the second's, its own cell included."""
    by_second: Mapping[str, float]
    """language of the second sentence -> mean over the first's."""


def mixed_pairs(examples: Examples[Example], split: str, languages: Sequence[str] | None = None) -> MixedPairs:
    """The cells of a data set of sentence pairs, joined by key with the labels verified.

    languages: two or more, in any spelling; by default all that have the split.

    Items that a language lacks or labels otherwise are left out of all cells and counted. TaskError for fewer than two
    languages, for a data set of single texts, for no common item, and where two languages disagree on more than 10 per
    cent of the labels, so that equal keys cannot mean translations.
    """
    if languages is None:
        chosen = tuple(code for code in examples.languages if examples.by_language[code].get(split))
    else:
        chosen = tuple(dict.fromkeys(examples.resolve(spelling) for spelling in languages))
    if len(chosen) < 2:
        message = (
            f"{examples.name}: mixed pairs need the {split} sets of two languages; given {', '.join(chosen) or 'none'}."
        )
        raise TaskError(message)
    by_key = {code: _pairs(examples, code, split) for code in chosen}
    for one, other in combinations(chosen, 2):
        _check_labels(examples.name, split, one, by_key[one], other, by_key[other])
    everything = set().union(*by_key.values())
    shared = [key for key in by_key[chosen[0]] if all(key in by_key[code] for code in chosen)]
    differing = dict.fromkeys(chosen, 0)
    keys = []
    for key in shared:
        labels = [by_key[code][key].label for code in chosen]
        usual = Counter(labels).most_common(1)[0][0]
        for code, label in zip(chosen, labels, strict=True):
            differing[code] += label != usual
        if all(label == usual for label in labels):
            keys.append(key)
    if not keys:
        message = (
            f"{examples.name} {split}: no item with one label in all of {', '.join(chosen)}; leave a language out."
        )
        raise TaskError(message)
    return MixedPairs(
        name=examples.name,
        split=split,
        languages=chosen,
        item_keys=tuple(keys),
        n_items=len(everything),
        missing={code: len(everything) - len(by_key[code]) for code in chosen},
        differing=differing,
        _by_key=by_key,
    )


def cell_means(values: Mapping[tuple[str, str], float]) -> CellMeans:
    """Diagonal, off-diagonal, row and column means of a value for each cell.

    TaskError where a cell is missing or there is but one language.
    """
    languages = list(dict.fromkeys(first for first, _ in values))
    cells = [(first, second) for first in languages for second in languages]
    if len(languages) < 2 or set(cells) != set(values):
        message = f"{len(values)} cells of {len(languages)} languages; means need each ordered pair of at least two."
        raise TaskError(message)
    table = np.array([values[cell] for cell in cells], dtype=np.float64).reshape(len(languages), -1)
    own = np.eye(len(languages), dtype=bool)
    return CellMeans(
        diagonal=float(table[own].mean()),
        off_diagonal=float(table[~own].mean()),
        by_first=dict(zip(languages, table.mean(1).tolist(), strict=True)),
        by_second=dict(zip(languages, table.mean(0).tolist(), strict=True)),
    )


def _pairs(examples: Examples[Example], code: str, split: str) -> dict[str, TextExample]:
    by_key = {}
    for example in examples.split(code, split):
        if not isinstance(example, TextExample) or not example.second:
            message = f"{examples.name}: item {example.key!r} of {code} is no pair of texts; mixed pairs need two each."
            raise TaskError(message)
        by_key[example.key] = example
    return by_key


def _check_labels(
    name: str, split: str, one: str, ones: Mapping[str, TextExample], other: str, others: Mapping[str, TextExample]
) -> None:
    shared = [key for key in ones if key in others]
    n_differing = sum(ones[key].label != others[key].label for key in shared)
    if n_differing > _MOST_DIFFERING * len(shared):
        message = (
            f"{name} {split}: {one} and {other} disagree on {n_differing} of {len(shared)} labels, so that equal keys "
            "are no translations; use files whose rows say the same, or that carry ids."
        )
        raise TaskError(message)
