"""How far apart languages lie in fine-tuned models, and whether their scores are too (Jung et al. 2024, figure 3)."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.config import CLUSTER_OPTIONS, ON_CLUSTER, ClusterConfig
from xl_cli.cluster.spread import Spread
from xl_cli.cluster.work import Work
from xl_cli.errors import UsageError
from xl_cli.launch.progress import Progress, say
from xl_cli.measure.pictures import check_plot, plot_setting, write_picture
from xl_cli.measure.registry import Measure
from xl_cli.measure.results.gap import rows_of_gaps
from xl_cli.measure.results.systems import System, kept_models, systems_of
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import Row
    from xl_tasks.protocols.cells import Scored

# What columns are called in the rows of the paper's table 3.
GAP = "performance gap"
DISTANCE = "sinkhorn distance"
# Of the Sinkhorn distance, as `xl analyze distance` has them.
_POWER, _BLUR = 2, 0.05
_KINDS = ("spearman", "kendall")
_FEWEST = 4
# Beside the unit what a picture calls a system by, where it differs.
_NAMED = ("task", "model", "variant", "robust")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinguisticGapConfig(ClusterConfig):
    """Which runs, on what CKA is measured, and the language that the others are compared with."""

    runs: tuple[str, ...] = dataclasses.field(
        metadata={"help": "Folders of xl eval --out; with --save-models for CKA.", "argument": "RUN"}
    )
    data: str = setting(
        "", "folder or file of parallel text that CKA is measured on, such as FLORES or SIB-200 [default: no CKA]"
    )
    pivot: str = setting("eng", "language, any spelling, that the others are compared with")
    metric: str = setting("", "score that gaps are of [default: the first of each task]")
    layer: str = setting(
        "", "of CKA: a hidden_states index or last [default: 0 of taggers, last of classifiers, as published]"
    )
    limit: int = setting(0, "most sentences for CKA, drawn by their key's hash; 0 takes all", low=0)
    resamples: int = setting(9999, "orders of the points behind p of a correlation", low=1)
    plot: str = plot_setting()

    def __post_init__(self) -> None:
        check_options(self)
        self.check_cluster()
        check_plot(self.plot)
        if not self.runs:
            message = "no RUN; name folders of xl eval --out."
            raise UsageError(message)


def linguistic_gap_rows(config: LinguisticGapConfig, spread: Spread) -> "list[Row]":
    """Gaps between scores, CKA and the Sinkhorn distance of outputs of each seed's models, and their correlations.

    Example: xl analyze linguistic-gap runs/phonemic --data DATA/flores --plot figure3.png --out runs/gaps
    """
    # For each system and seed: rows of gap, of cka between all its languages, of sinkhorn between the pivot and each;
    # then the correlations over seeds and pairs of languages.
    from xl_cli.folder.result_files import code

    pivot = code(config.pivot)
    systems = systems_of(config.runs, pivot)
    cka = spread.values(_cka_works(systems, config) if config.data else [])
    found: list[tuple[System, list[Row]]] = []
    for system in systems:
        own: list[Row] = []
        of_pivot: dict[int, float] = {}
        with Progress(f"gaps of {system.name}", len(system.cells), "seeds") as progress:
            for done, (seed, cells) in enumerate(system.cells.items(), start=1):
                scores = _scores(system, cells, pivot, config.metric)
                of_pivot[seed] = scores[pivot].value
                own += _gaps(system, scores, pivot)
                own += _output_distances(system, seed, cells, pivot)
                own += _from_pivot(next(cka, None) or (), pivot)
                progress.advance(done)
        found.append((system, own + _correlations(system, _columns(own, of_pivot, pivot), config.resamples)))
    if config.plot:
        write_picture(config.plot, _picture(found, pivot))
    return [row for _, rows in found for row in rows]


def _scores(system: System, cells: "Mapping[str, Scored]", pivot: str, metric: str) -> "dict[str, Row]":
    """Language -> row of its score; UsageError for a metric that the task does not have."""
    rows = {language: scored.all_rows() for language, scored in cells.items()}
    name = metric or rows[pivot][0].metric
    scores = {language: row for language, several in rows.items() for row in several if row.metric == name}
    if pivot not in scores:
        there = ", ".join(dict.fromkeys(row.metric for row in rows[pivot]))
        message = f"--metric {name}: {system.about['task']} has {there}."
        raise UsageError(message)
    return scores


def _gaps(system: System, scores: "Mapping[str, Row]", pivot: str) -> "list[Row]":
    from xl_analysis import language_gaps

    # What was chosen on dev is no other system: languages choose for themselves.
    like = {**dataclasses.asdict(scores[pivot]), "tuning": system.about["tuning"]}
    return rows_of_gaps(like, language_gaps({language: row.value for language, row in scores.items()}), pivot)


def _output_distances(system: System, seed: int, cells: "Mapping[str, Scored]", pivot: str) -> "list[Row]":
    """Between what the models say of the items in the pivot and in each other language; none but of classifiers."""
    from xl_analysis import sinkhorn_distances

    clouds = {language: scored.outputs for language, scored in cells.items() if scored.outputs is not None}
    pairs = [(pivot, language) for language in clouds if language != pivot]
    if pivot not in clouds:
        return []
    how = f"p={_POWER} blur={_BLUR:g}"
    return [
        system.row(
            task="distance",
            pooling="probs",
            metric=f"sinkhorn {how}",
            value=distance.divergence,
            n=len(clouds[pivot]),
            source=a,
            target=b,
            seed=seed,
        )
        for (a, b), distance in sinkhorn_distances(clouds, pairs, p=_POWER, blur=_BLUR).items()
    ]


def _cka_works(systems: Sequence[System], config: LinguisticGapConfig) -> list[Work]:
    """CKA of each system and seed between the languages that have a model and text, each read by its own.

    Notes say of which there is none.
    """
    from xl_tasks import load_texts

    texts, kept = load_texts(config.data).languages, kept_models(config.runs)
    works, notes = [], dict[str, None]()
    for system in systems:
        for seed, languages in system.cells.items():
            models = {language: kept.get(system.model(language, seed)) for language in languages if language in texts}
            if missing := [language for language in languages if not models.get(language)]:
                lacking = [
                    f"{code} ({'no model kept' if code in texts else f'no text in {config.data}'})" for code in missing
                ]
                notes[f"note: {system.name}: no CKA of {', '.join(lacking)}."] = None
            folders = {language: str(folder) for language, folder in models.items() if folder}
            arguments = {"system": system.about, "models": folders, "config": config}
            works.append(Work(label=f"CKA of {system.name} seed {seed}", function=_cka, arguments=arguments))
    for note in notes:
        say(note)
    return works


def _cka(*, system: Mapping[str, Any], models: Mapping[str, str], config: LinguisticGapConfig) -> "list[Row]":
    from xl_cli.measure.cka import CkaConfig, cka_rows
    from xl_tasks.catalogue.registry import TASKS
    from xl_tasks.catalogue.task import KINDS

    if len(models) < 2:
        return []
    by_word = not KINDS[TASKS[system["task"]].kind].pooled
    asked = CkaConfig(
        model=(",".join(f"{language}={folder}" for language, folder in models.items()),),
        input=(system["unit"],),
        data=config.data,
        layer=(config.layer or ("0" if by_word else "last"),),
        limit=config.limit,
    )
    return cka_rows(asked, Spread(asked))


def _from_pivot(rows: "Iterable[Row]", pivot: str) -> "list[Row]":
    """CKA has no direction: the pivot is the source, as of gaps and distances."""
    return [
        dataclasses.replace(row, source=row.target, target=row.source) if row.target == pivot else row for row in rows
    ]


def _correlations(
    system: System, columns: Mapping[str, Mapping[tuple[int, str], float]], resamples: int
) -> "list[Row]":
    """Of the gap with the pivot's score, distances of outputs and CKA, over seeds and languages (table 3)."""
    from xl_analysis import correlation

    gap = columns[GAP]
    found = []
    for name, column in columns.items():
        if name == GAP:
            continue
        points = [point for point in gap if point in column]
        x, y = [column[point] for point in points], [gap[point] for point in points]
        if len(points) < _FEWEST or len(set(x)) == 1 or len(set(y)) == 1:
            why = f"{len(points)} points" if len(points) < _FEWEST else "they are all the same"
            say(f"note: {system.name}: no correlation of {GAP} and {name}: {why}.")
            continue
        groups = [language for _, language in points]
        for kind in _KINDS:
            options: dict[str, Any] = {"kind": kind, "n_resamples": resamples}
            several = {"all points": correlation(x, y, **options)}
            if len(set(groups)) > 1 and _varies(x, groups) and _varies(y, groups):
                several["within pair"] = correlation(x, y, groups=groups, **options)
            found += [
                system.row(
                    task="correlate",
                    variant=which,
                    metric=kind,
                    value=each.value,
                    n=each.n,
                    source=GAP,
                    target=name,
                    low=each.low,
                    high=each.high,
                    p=each.p,
                )
                for which, each in several.items()
            ]
    return found


def _varies(column: Sequence[float], groups: Sequence[str]) -> bool:
    return len(set(zip(column, groups, strict=True))) > len(set(groups))


def _columns(
    rows: "Sequence[Row]", of_pivot: Mapping[int, float], pivot: str
) -> dict[str, dict[tuple[int, str], float]]:
    """Name -> (seed, language) -> figure of that language and the pivot; the gap has no sign."""
    columns: dict[str, dict[tuple[int, str], float]] = {GAP: {}, f"score of {pivot}": {}, DISTANCE: {}, "cka": {}}
    for row in rows:
        [*others] = {row.source, row.target} - {pivot}
        if len(others) != 1 or pivot not in (row.source, row.target):
            continue
        point = (row.seed, others[0])
        if row.metric == "gap":
            columns[GAP][point] = abs(row.value)
            columns[f"score of {pivot}"][point] = of_pivot[row.seed]
        elif row.task in ("distance", "cka"):
            columns[DISTANCE if row.task == "distance" else "cka"][point] = row.value
    return {name: column for name, column in columns.items() if column}


def _picture(found: "Sequence[tuple[System, Sequence[Row]]]", pivot: str) -> Any:
    """Figure 3: gap, CKA and distance of each pair, a colour a system; below, how they go together with the gap."""
    from xl_analysis import pair_panels

    telling = ("unit", *(name for name in _NAMED if len({system.about[name] for system, _ in found}) > 1))
    panels: dict[str, list[tuple[str, str, float]]] = {GAP: [], "cka": [], DISTANCE: []}
    told: dict[str, list[str]] = {}
    for system, rows in found:
        name = " ".join(filter(None, (str(system.about[each]) for each in telling)))
        for row in rows:
            [*others] = {row.source, row.target} - {pivot}
            if row.task == "correlate" and (row.metric, row.variant) == ("spearman", "all points"):
                told.setdefault(row.target, []).append(f"{name}: {row.metric} with the gap {row.value:+.2f}")
            elif len(others) == 1 and pivot in (row.source, row.target) and row.metric != "rpd":
                pair = f"{pivot.partition('_')[0]}-{others[0].partition('_')[0]}"
                title = {"gap": GAP, "distance": DISTANCE}.get(row.task, row.task)
                panels[title].append((name, pair, abs(row.value) if row.task == "gap" else row.value))
    return pair_panels({title: points for title, points in panels.items() if points}, told)


LINGUISTIC_GAP = Measure(
    settings=LinguisticGapConfig,
    rows=linguistic_gap_rows,
    table="xl_analysis:result_tables",
    read_where=(
        ReadWhere(
            ("layer", "limit", *CLUSTER_OPTIONS),
            lambda call: bool(call.data),
            "without --data, which CKA is measured on",
        ),
        ON_CLUSTER,
    ),
)
