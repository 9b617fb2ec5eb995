"""`xl report`: tables from the result rows of runs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.evaluation.config import MEANS
from xl_cli.evaluation.preset_options import mean_of
from xl_cli.folder.layouts import named_averages, paper_tables
from xl_cli.folder.run_facts import facts_of
from xl_cli.folder.run_folder import RunFolder
from xl_cli.folder.runs import RESULTS, folders_of, read_runs, results_of
from xl_cli.options import check_options
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_analysis import Facts
    from xl_tasks import Row

FORMATS = ("text", "md", "html", "tex", "csv")
_RETRIEVAL = ("top1", "top5", "top10")
_LAYOUTS = ("systems", "targets")
_ADOPT = "adopt"
READ_WHERE = (
    ReadWhere(("mean", "average"), lambda call: call.format != "csv", "for --format csv, which has rows and no means"),
    ReadWhere(("layout",), lambda call: call.format != "csv", "for --format csv, which has a line a row"),
    ReadWhere(
        ("average",), lambda call: call.layout != _ADOPT, "for layout adopt, which has the mean of old languages"
    ),
    ReadWhere(("start",), lambda call: call.layout not in (*_LAYOUTS, _ADOPT), "but for a paper's layout"),
    ReadWhere(
        ("mean", "metric"), lambda call: call.layout in _LAYOUTS, "for a paper's layout and adopt, which have their own"
    ),
)


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Which figures are shown, in which form, and what runs are called."""

    format: str = setting(
        "text",
        f"One of: {', '.join(FORMATS)} (csv: one table of all rows as they are, a line a result).",
        choices=FORMATS,
    )
    metric: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Retrieval figure to show, the first one by language too; repeat for more. "
            "[default: top10 and top1; csv: all]"
        },
    )
    label: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "What tables call a run: NAME=RUN, or NAME once for each RUN in order. "
            "[default: the folder's name, where the rows of two runs would look alike]"
        },
    )
    mean: str = setting(
        "",
        "Targets that a mean is over: others | all, without or with those trained on [default: as the paper of the "
        "preset has it, else others]; not for csv",
        choices=("", *MEANS),
    )
    layout: str = setting(
        "",
        "How results are laid out: systems (a line a system, a column a target language), targets (a line a target, a "
        "column a task and source language), adopt (a new language and the old ones, before and after), a paper's "
        "tables (xl ls layouts), or those of a TOML file like theirs; not for csv [default: adopt where every run "
        "adopted a language, else systems]",
    )
    average: tuple[str, ...] = field(
        default=(),
        metadata={"help": "NAME=CODE,CODE: means over these languages too, any spelling; repeat for more; not for csv"},
    )

    start: str = setting(
        "",
        "of a paper's layout: the model before training, as rows call it, which differences are from [default: the one "
        "that xl eval compared with, or that no variant was made of]",
    )

    def __post_init__(self) -> None:
        check_options(self)


@takes(config=ReportConfig)
def report(
    runs: str | Path | Sequence[str | Path],
    *,
    config: ReportConfig,
    given: frozenset[str],
    out: str | Path | None = None,
) -> str:
    """The tables of one or several runs from their result rows alone: retrieval, tasks, matrices, words, gains.

    runs: run folders or results.jsonl files. out: file to write the text to as well; must be new.

    >>> print(report(["runs/names", "e1"], format="md"))  # doctest: +SKIP
    """
    if config.layout:
        refuse_unread(READ_WHERE, given, config)
    out = check_new(out)
    several = [runs] if isinstance(runs, (str, Path)) else runs
    paths = list({path.resolve(): path for path in map(results_of, map(Path, several))}.values())
    labels = _labels(paths, config.label)
    from xl_translit import replacing

    read = dict(zip(labels, read_runs(paths), strict=True))
    if not config.layout:
        config = replace(config, layout=_usual_layout(read, config))
        refuse_unread(READ_WHERE, given, config)
    in_form = _by_kind if config.layout in _LAYOUTS else _adopted if config.layout == _ADOPT else _in_layout
    text = in_form(read, dict(zip(labels, paths, strict=True)), config)
    if out is not None:
        with replacing(out) as file:
            file.write(text + "\n")
    return text


def _by_kind(read: "Mapping[str, Sequence[Row]]", runs: Mapping[str, Path], config: ReportConfig) -> str:
    """Every row in a table of its kind."""
    from xl_analysis import tell_runs_apart
    from xl_cli.published.rows import published_beside

    rows = {name: [row.to_dict() for row in part] for name, part in read.items()}
    _check_asked([row for part in rows.values() for row in part], config)
    metric = config.metric or ("top10", "top1")
    if config.metric or config.format != "csv":
        # A retrieval row carries three figures; those that were not asked for are no table of their own.
        unasked = set(_RETRIEVAL) - set(metric)
        rows = {name: [row for row in part if row["metric"] not in unasked] for name, part in rows.items()}
    if config.format == "csv":
        return _csv(rows)
    apart = tell_runs_apart(rows, list(runs) if config.label else ())
    published = [row.to_dict() for row in published_beside(row for part in read.values() for row in part)]
    return _shown(apart, published, runs, metric, config)


def _usual_layout(read: "Mapping[str, Sequence[Row]]", config: ReportConfig) -> str:
    """The layout of a call that names none."""
    from xl_analysis import is_adopted

    # What was asked for that this layout has not, the other one has.
    asked = config.format == "csv" or config.metric or config.mean or config.average
    adopted = not asked and all(is_adopted([row.to_dict() for row in part]) for part in read.values())
    return _ADOPT if adopted else _LAYOUTS[0]


def _adopted(read: "Mapping[str, Sequence[Row]]", runs: Mapping[str, Path], config: ReportConfig) -> str:
    """A new language and the old ones, before and after."""
    from xl_analysis import AnalysisError, adopt_page, adopt_tables, tell_runs_apart

    rows = {name: [row.to_dict() for row in part] for name, part in read.items()}
    apart = tell_runs_apart(rows, list(runs) if config.label else ())
    try:
        if config.format != "html":
            tables = [table for part in adopt_tables(apart).values() for table in part]
            return "\n\n".join(table.render(config.format) for table in tables)
        title, facts = _facts(runs)
        return adopt_page(apart, title, facts=facts, logs=_logs(runs), names=_language_names(apart))
    except AnalysisError as error:
        message = f"--layout {_ADOPT}: {error}"
        raise UsageError(message) from None


def _in_layout(read: "Mapping[str, Sequence[Row]]", runs: Mapping[str, Path], config: ReportConfig) -> str:
    """The tables of a paper; for html what was run, too."""
    from xl_analysis import Section, html_page, tell_runs_apart

    rows = {name: [row.to_dict() for row in part] for name, part in read.items()}
    apart = tell_runs_apart(rows, list(runs) if config.label else ())
    paper, tables = paper_tables(apart, config.layout, named_averages(config.average), config.start)
    if config.format != "html":
        return "\n\n".join(table.render(config.format) for table in tables)
    title, facts = _facts(runs)
    sections = [Section(title="What was run", facts=facts)] if any(each.entries for each in facts) else []
    sections.append(Section(title=f"In the form of {paper}", tables=tables))
    return html_page(sections, title, names=_language_names(apart))


def _check_asked(every: "Sequence[Mapping[str, Any]]", config: ReportConfig) -> None:
    """UsageError for a figure or a mean that the rows have not."""
    from xl_analysis import rows_by_kind

    there = dict.fromkeys(row["metric"] for row in every)
    if unknown := [name for name in config.metric if name not in there]:
        message = f"--metric {unknown[0]}: no row has this figure; they have {', '.join(there)}."
        raise UsageError(message)
    of_retrieval = {row["metric"] for row in rows_by_kind(every, config.metric).get("retrieval", ())}
    if others := [name for name in config.metric if name not in of_retrieval]:
        message = f"--metric {others[0]}: no meaning for a figure that is not of retrieval; leave that out."
        raise UsageError(message)
    kinds = rows_by_kind(every, config.metric or _RETRIEVAL)
    if config.mean and "task" not in kinds:
        message = "--mean: no meaning for these rows, only for those of a task by target language; leave that out."
        raise UsageError(message)
    if config.average and not {"retrieval", "task"} & kinds.keys():
        message = "--average: no meaning for these rows, only for retrieval and tasks; leave that out."
        raise UsageError(message)
    if config.layout == "targets" and not {"retrieval", "task"} & kinds.keys():
        message = "--layout targets: no meaning for these rows, only for retrieval and tasks; leave that out."
        raise UsageError(message)


def _csv(rows: "Mapping[str, Sequence[Mapping[str, Any]]]") -> str:
    from dataclasses import fields

    from xl_analysis import rows_csv
    from xl_tasks import Row

    every = [row for part in rows.values() for row in part]
    return rows_csv(rows, [field.name for field in fields(Row) if any(field.name in row for row in every)])


def _shown(
    rows: "Sequence[Mapping[str, Any]]",
    published: "Sequence[Mapping[str, Any]]",
    runs: Mapping[str, Path],
    metrics: Sequence[str],
    config: ReportConfig,
) -> str:
    """The tables of all rows and what they say beside the papers; for html what was run, and pictures, too."""
    from xl_analysis import beside_tables, gains, group_tables, report_page, result_tables
    from xl_cli.published.rows import PAPERS

    mean = config.mean or mean_of(rows)
    averages = named_averages(config.average)
    beside = beside_tables(rows, published, PAPERS)
    if config.format != "html":
        tables = [*result_tables(rows, metrics=metrics, mean=mean, layout=config.layout, averages=averages), *beside]
        tables += group_tables(gains(rows))
        return "\n\n".join(table.render(config.format) for table in tables)
    title, facts = _facts(runs)
    return report_page(
        rows,
        title,
        facts=facts,
        logs=_logs(runs),
        beside=beside,
        metrics=metrics,
        mean=mean,
        layout=config.layout,
        averages=averages,
        names=_language_names(rows),
    )


def _logs(runs: Mapping[str, Path]) -> "dict[str, list[dict[str, Any]]]":
    return {name: RunFolder(path.parent).logged() for name, path in runs.items() if path.name == RESULTS}


def _facts(runs: Mapping[str, Path]) -> "tuple[str, Sequence[Facts]]":
    """The title of a page of runs, and what each was."""
    # A run alone has no label, as nothing must be told from it.
    alone = next(iter(runs.values())).resolve().parent.name
    title = f"Results of {', '.join(runs) if any(runs) else alone}"
    return title, facts_of({name or alone: path for name, path in runs.items()})


def _language_names(rows: "Sequence[Mapping[str, Any]]") -> dict[str, str]:
    """Codes as they stand in tables, with and without their script -> "Turkish"."""
    from xl_translit import UnknownLanguageError, language_name

    names = {}
    for code in {str(row[side]) for row in rows for side in ("source", "target")}:
        with suppress(UnknownLanguageError):
            names |= dict.fromkeys((code, code.partition("_")[0]), language_name(code))
    return names


def _labels(paths: Sequence[Path], given: Sequence[str]) -> list[str]:
    """A label for each run: as given, else by its folder; "" for one alone, which nothing must be told from."""
    if len(paths) == 1 and not given:
        return [""]
    from xl_cli.folder.short_names import short_names

    labels = short_names(folders_of(paths))
    named = dict(entry.partition("=")[::2] for entry in given)
    places = {str(path.resolve()): place for place, path in enumerate(paths)}
    if all(path and str(results_of(Path(path)).resolve()) in places for path in named.values()):
        for name, path in named.items():
            labels[places[str(results_of(Path(path)).resolve())]] = name
    elif len(given) == len(paths):
        labels = list(given)
    else:
        message = (
            f"--label {' '.join(given)} does not name the {len(paths)} runs; write NAME=RUN with a RUN as it is given, "
            "or one NAME for each of them, in order."
        )
        raise UsageError(message)
    if len(set(labels)) < len(labels) or not all(labels):
        message = f"--label: two runs are called {max(labels, key=labels.count)!r}; give each a name of its own."
        raise UsageError(message)
    return labels
