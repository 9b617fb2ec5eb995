"""What a paper's tables show and where, as one small TOML file says it.

To add a layout, put NAME.toml beside this module; `xl report --layout NAME` knows it from then on. Its keys are the
fields of the classes below: those of `Layout` at the top, `[languages]` for lists that tables name, a `[[score]]` for
each task and metric, a `[[table]]` for each table. `ppa.toml` has all there is. A table has four axes (AXES): what is
not in its `down` or `across` must have one value. A file of a user's own is read the same way.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from xl_analysis.errors import AnalysisError

AXES = ("system", "score", "source", "language")
SIDES = ("target", "source", "pair")
STATISTICS = ("mean", "std", "rpd", "difference")
COEFFICIENTS = "coefficients"
"""Correlations with all coefficients of two columns in a line."""
OWN = "own"
"""A source that is the target itself: a model trained in each language, words of one language."""
_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True)
class Score:
    """A task and metric: a place of the axis "score"."""

    name: str
    """As the paper's header has it: "SR-B"."""
    task: str = ""
    metric: str = ""
    data: str = ""
    """The data set of the rows; "" takes any."""
    sources: Mapping[str, str] = field(default_factory=lambda: {"eng": "eng_Latn"})
    """Title -> code of the language trained on or asked with, or OWN; the places of the axis "source"."""
    side: str = "target"
    """What the axis "language" is of rows: their "target", their "source" (`sources` are then the targets), or their
    "pair", "deu_Latn-eng_Latn" in either order."""
    languages: tuple[str, ...] = ()
    """Those that the paper has; () for all of a table's. Other cells are dashes that nothing is said of."""
    of: tuple[str, ...] = ()
    """Names of the scores that this one is the mean of, in place of a task."""


@dataclass(frozen=True, kw_only=True)
class Average:
    """A place of the axis "language" that is a statistic of others."""

    name: str
    over: tuple[str, ...] = ()
    """Languages; () for all of a table's."""
    without: tuple[str, ...] = ()
    shared: bool = False
    """Only those that all systems have."""
    statistic: str = "mean"
    """Of STATISTICS: the mean, the sample standard deviation (in the unit of the scores), the mean relative percentage
    difference of all pairs, or how much less the second of two languages has. Of the last three the lowest is best."""

    def of(self, languages: Sequence[str]) -> list[str]:
        """Those of `languages` that it is over."""
        return [code for code in languages if (not self.over or code in self.over) and code not in self.without]


def told(averages: Iterable[Average], languages: Sequence[str]) -> str:
    """A sentence for a caption on what each average is over, of the languages that there are; empty for none."""
    return "".join(f" {each.name}: {', '.join(each.of(languages)) or 'none of these'}." for each in averages)


@dataclass(frozen=True, kw_only=True)
class TableLayout:
    """One table."""

    number: str
    """As in the paper; its own rows (`paper`, `table`) are in the table of their number alone."""
    cells_of: tuple[str, ...] = ()
    """Numbers of other tables whose rows of the paper are this one's too, since it prints averages alone."""
    title: str
    scores: tuple[str, ...]
    """Names of scores, in order."""
    down: tuple[str, ...]
    """Axes of the lines, the outermost first."""
    across: tuple[str, ...]
    """Axes of the columns, the outermost first."""
    languages: tuple[str, ...] = ()
    """Codes, in order; () for those that rows have."""
    averages: tuple[Average, ...] = ()
    """After the languages."""
    only_averages: bool = False
    """Whether the languages themselves have no place."""
    sources: tuple[str, ...] = ()
    """Titles of sources, in order; () for all of the scores'."""
    systems: tuple[str, ...] = ()
    """Variants that are shown; () for all."""
    other_systems: tuple[str, ...] = ()
    """Variants that are not, as another table has them."""
    with_source: bool = False
    """Whether a language is scored by what is trained on it, in cells and averages; "src" stands there if not."""
    bold: str = ""
    """Axis along which the best is bold."""
    underline: str = ""
    """Axis along which the best is underlined; "second" for the second best along that of `bold`."""
    percent: bool = True
    digits: int = 1
    spread: bool = False
    """Whether cells have the standard deviation over seeds."""
    difference: bool = False
    """Whether a table of differences to the model before training follows."""
    wrap: int = 0
    """Columns after which the table goes on below; 0 for never."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The tables of a paper."""

    name: str
    paper: str = ""
    """What the field `paper` of its own rows holds."""
    title: str = ""
    """Who wrote it, for captions."""
    scores: tuple[Score, ...]
    tables: tuple[TableLayout, ...]
    also: tuple[str, ...] = ()
    """Kinds of rows (`rows_by_kind`) whose usual tables follow: "matrix", "correlation" ..., and COEFFICIENTS."""

    def scores_of(self, table: TableLayout) -> list[Score]:
        """The scores of a table, in its order."""
        by_name = {score.name: score for score in self.scores}
        return [by_name[name] for name in table.scores]


def layout_names() -> list[str]:
    """The names of the layouts that are shipped."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def read_layout(name: str | Path) -> Layout:
    """The layout of that name, or of a TOML file; AnalysisError for an unknown one and for what a layout cannot say."""
    path = Path(__file__).with_name(f"{name}.toml") if str(name) in layout_names() else Path(name)
    if not path.is_file():
        message = f"layout {name} is none of {', '.join(layout_names())} and no TOML file."
        raise AnalysisError(message)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        message = f"{path}: not a TOML file: {error}"
        raise AnalysisError(message) from None
    try:
        return _layout(path.stem, content)
    except AnalysisError as error:
        message = f"{path}: {error}"
        raise AnalysisError(message) from None


def _layout(name: str, content: Mapping[str, object]) -> Layout:
    given = dict(content)
    groups = given.pop("languages", {})
    scores = tuple(_made(Score, each, groups, "[[score]]") for each in _tables(given, "score"))
    tables = []
    for each in _tables(given, "table"):
        averages = tuple(_made(Average, a, groups, "averages") for a in _tables(each, "averages", "averages"))
        tables.append(_made(TableLayout, {**each, "averages": averages}, groups, "[[table]]"))
    layout = _made(Layout, {"name": name, **given, "scores": scores, "tables": tuple(tables)}, groups, "the top")
    _check(layout)
    return layout


def _tables(given: dict, key: str, where: str = "") -> list[dict]:
    several = given.pop(key, [])
    if not isinstance(several, list) or not all(isinstance(each, dict) for each in several):
        message = f"{where or f'[[{key}]]'} is no list of tables."
        raise AnalysisError(message)
    return [dict(each) for each in several]


def _made(kind: type[_Made], given: Mapping[str, object], groups: object, where: str) -> _Made:
    """An instance of a class of this module; lists become tuples, the name of a group its languages."""
    known = {each.name: each for each in fields(kind)}  # ty: ignore[invalid-argument-type]
    values = {}
    for name, value in given.items():
        if name not in known:
            message = f"{where}: unknown key {name[:60]!r}; known: {', '.join(known)}."
            raise AnalysisError(message)
        if isinstance(value, str) and name in ("languages", "over", "without"):
            if not isinstance(groups, dict) or value not in groups:
                message = f"{where}: {name} = {value!r} is no list of [languages]."
                raise AnalysisError(message)
            value = groups[value]
        values[name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**values)
    except TypeError as error:  # a key that is missing
        message = f"{where}: {str(error).partition('__init__() ')[2] or error}."
        raise AnalysisError(message) from None


def _check(layout: Layout) -> None:
    """AnalysisError for names that are none, and for axes that have no place."""
    names = [score.name for score in layout.scores]
    for score in layout.scores:
        _known(f"[[score]] {score.name}: side", [score.side], SIDES)
        _known(f"[[score]] {score.name}: of", score.of, names)
    for table in layout.tables:
        where = f"[[table]] {table.number}"
        _known(f"{where}: scores", table.scores, names)
        _known(f"{where}: down, across", (*table.down, *table.across), AXES)
        _known(f"{where}: bold", [table.bold], (*AXES, ""))
        _known(f"{where}: underline", [table.underline], (*AXES, "second", ""))
        titles = [title for score in layout.scores_of(table) for title in score.sources]
        _known(f"{where}: sources", table.sources, titles)
        for average in table.averages:
            _known(f"{where}: statistic of {average.name}", [average.statistic], STATISTICS)
        placed = (*table.down, *table.across)
        needed = {
            "system": True,
            "score": len(table.scores) > 1,
            "source": len(table.sources or dict.fromkeys(titles)) > 1,
            "language": len(table.averages) > 1 or not table.only_averages,
        }
        for axis, is_needed in needed.items():
            if placed.count(axis) > 1 or (is_needed and axis not in placed):
                message = f"{where}: {axis} must stand once in down or across."
                raise AnalysisError(message)


def _known(where: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            message = f"{where}: {name[:60]!r} is none of {ascii(', '.join(filter(None, known)))[1:-1][:200]}."
            raise AnalysisError(message)
