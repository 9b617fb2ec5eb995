"""Why noise costs one language more than another: alignment and likeness of writing (Huang et al. 2021's question)."""

import dataclasses
from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError, UsageError
from xl_cli.launch.progress import say
from xl_cli.measure.pictures import check_plot, plot_setting, write_picture
from xl_cli.measure.registry import Measure
from xl_cli.measure.results.correlate import named_column
from xl_cli.measure.results.results_config import ResultsConfig
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_analysis import Point, Regression
    from xl_tasks import Row

OUTCOMES = ("drop", "kept", "noisy")
LIKENESS = ("script", "ngrams", "phonemes")
_SAID = {
    "drop": "drop: score of clean text less that of noisy text",
    "kept": "kept: share of the score of clean text that is left in noisy text",
    "noisy": "noisy: score of noisy text",
}
_TALK = {
    "same_script": "same script: 1 where the language is written as the source is",
    "ngram_jaccard": "ngram jaccard: share of romanised character trigrams in common with the source",
    "panphon_distance": "panphon distance: feature edits a segment between sentences of the same meaning",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RobustnessConfig(ResultsConfig):
    """Which scores, what they are explained by, and from which texts likeness of writing is measured."""

    metric: str = dataclasses.field(
        metadata={
            "help": "Score whose loss under noise is explained, with conditions as in correlate: accuracy,layer=8"
        }
    )
    noise: str = setting("", "Noise of the rows: typos=0.1 ... [default: the only one there is]")
    outcome: str = setting("drop", "drop (clean - noisy) | kept (noisy / clean) | noisy", choices=OUTCOMES)
    alignment: tuple[str, ...] = setting(
        (), "Predictor out of the rows, as --x of correlate: cka,layer=8 or top1,noise=; repeat for more"
    )
    data: str = setting("", "Folder of parallel text: also explain by how alike its languages are written.")
    likeness: tuple[str, ...] = setting(
        ("script", "ngrams"),
        "script (same or not) | ngrams (Jaccard of romanised trigrams) | phonemes (panphon distance); repeat for more",
        choices=LIKENESS,
    )
    limit: int = setting(100, "Texts a language that likeness is measured on, drawn by their key's hash.", low=1)
    plot: str = plot_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_plot(self.plot)
        if not self.alignment and not self.data and "script" not in self.likeness:
            message = "nothing to explain by; give --alignment, --data, or --likeness script."
            raise UsageError(message)


def robustness_rows(config: RobustnessConfig) -> "list[Row]":
    """What goes with the loss under noise over languages: alignment, script and likeness of writing, by regression.

    Example: xl analyze robustness runs/noisy runs/cka --metric accuracy --alignment cka --data sib200
    """
    from xl_analysis import AnalysisError, holm, points, regression

    rows = config.rows()
    noise = _noise(config, rows)
    columns = [f"{config.metric},noise=", f"{config.metric},noise={noise}", *config.alignment]
    found = points(rows, [named_column(name) for name in columns])
    found = _over_seeds([point for point in found if point.about["source"] != point.about["target"]])
    sources = list(dict.fromkeys(point.about["source"] for point in found))
    if len(sources) != 1:
        told = f"{len(sources)} sources ({', '.join(sources)})" if sources else "no target beside its source"
        message = f"{told}; scores of one source are compared over its targets: {config.metric},source=eng."
        raise CliError(message)
    targets = [point.about["target"] for point in found]
    likeness = _likeness(config, sources[0], targets)
    if mute := [code for code, *values in zip(targets, *likeness.values(), strict=True) if any(map(isnan, values))]:
        say(f"note: no phonemes for {', '.join(mute)}, which are left out; xl ls languages shows who has some")
        found = [point for point in found if point.about["target"] not in mute]
        kept = [place for place, code in enumerate(targets) if code not in mute]
        likeness = {name: [values[place] for place in kept] for name, values in likeness.items()}
        targets = [targets[place] for place in kept]
    outcome = [_outcome(config.outcome, *point.values[:2]) for point in found]
    predictors = {name: [p.values[2 + i] for p in found] for i, name in enumerate(config.alignment)}
    predictors |= _varied(likeness)
    about = {"source": sources[0], "noise": noise, "data": rows[0].get("data", "")}
    made = [*_by_language(config, about, targets, outcome, [p.values[:2] for p in found], predictors)]
    try:
        alone = {name: regression(outcome, {name: values}) for name, values in predictors.items()}
        slopes = [("alone", name, each, each.slopes[name]) for name, each in alone.items()]
        if len(predictors) > 1:
            every = regression(outcome, predictors)
            slopes += [("together", name, every, each) for name, each in every.slopes.items()]
    except AnalysisError as error:
        message = f"{config.outcome} of {config.metric} under {noise}: {error}"
        raise AnalysisError(message) from None
    for which in dict.fromkeys(which for which, *_ in slopes):
        part = [(name, fit, slope) for each, name, fit, slope in slopes if each == which]
        made += _slope_rows(config, noise, which, part, list(holm([slope.p for *_, slope in part])))
    if config.plot:
        from xl_analysis import fitted_scatter

        name, values = next(iter(predictors.items()))
        codes = [code.partition("_")[0] for code in targets]
        label = f"{config.outcome} of {config.metric} under {noise}"
        write_picture(
            config.plot, fitted_scatter(values, outcome, names=codes, texts=targets, x_label=name, y_label=label)
        )
    return made


def _over_seeds(points: "Sequence[Point]") -> "list[Point]":
    """The mean of what differs in its seed alone: seeds of one language are not so many languages."""
    from statistics import fmean

    alike: dict[tuple[tuple[str, str], ...], list[Point]] = {}
    for point in points:
        alike.setdefault(tuple((name, value) for name, value in point.about.items() if name != "seed"), []).append(
            point
        )
    return [
        dataclasses.replace(its[0], values=tuple(map(fmean, zip(*(each.values for each in its), strict=True))))
        for its in alike.values()
    ]


def _noise(config: RobustnessConfig, rows: "Sequence[Mapping[str, Any]]") -> str:
    noises = list(dict.fromkeys(str(row["noise"]) for row in rows if row.get("noise") and not row.get("baseline")))
    if config.noise in noises:
        return config.noise
    if config.noise or len(noises) != 1:
        there = ", ".join(noises) or "none, so score some with xl eval --noise typos=0.1"
        message = f"--noise {config.noise or 'is not given'}: the rows have {there}."
        raise UsageError(message)
    return noises[0]


def _outcome(which: str, clean: float, noisy: float) -> float:
    if which == "noisy":
        return noisy
    if which == "drop":
        return clean - noisy
    return noisy / clean if clean else 0.0


def _likeness(config: RobustnessConfig, source: str, targets: "Sequence[str]") -> dict[str, list[float]]:
    """What the writing of each target has in common with that of the source; NaN where it cannot be said."""
    found: dict[str, list[float]] = {}
    if "script" in config.likeness:
        found["same_script"] = [float(code.rpartition("_")[2] == source.rpartition("_")[2]) for code in targets]
    if config.data and {"ngrams", "phonemes"} & set(config.likeness):
        found |= _of_texts(config, source, targets)
    return found


def _varied(columns: "Mapping[str, list[float]]") -> dict[str, list[float]]:
    """The columns that are not the same for every language; a note names the others."""
    for name, values in columns.items():
        if len(set(values)) == 1:
            say(f"note: {name} is {values[0]:g} for every language, so it explains nothing and is left out")
    return {name: values for name, values in columns.items() if len(set(values)) > 1}


def _of_texts(config: RobustnessConfig, source: str, targets: "Sequence[str]") -> dict[str, list[float]]:
    from math import nan
    from statistics import fmean

    from xl_analysis import ngram_jaccard
    from xl_tasks import load_texts
    from xl_tasks.drawing import first_by_hash
    from xl_translit import Romanizer, UnknownLanguageError, feature_edit_distances, phonemize

    data = load_texts(config.data)
    if missing := [code for code in (source, *targets) if code not in data.texts]:
        message = f"--data {config.data} has no text in {', '.join(missing)}; add it, or name other data."
        raise CliError(message)
    keys = set.intersection(*(set(data.texts[code]) for code in (source, *targets)))
    kept = first_by_hash(sorted(keys), config.limit)
    if not kept:
        message = f"--data {config.data}: {source} and its targets share no item."
        raise CliError(message)
    texts = {code: [data.texts[code][key] for key in kept] for code in (source, *targets)}
    found: dict[str, list[float]] = {}
    if "ngrams" in config.likeness:
        romanised = {code: Romanizer().batch(own) for code, own in texts.items()}
        found["ngram_jaccard"] = [ngram_jaccard(romanised[source], romanised[code]) for code in targets]
    if "phonemes" in config.likeness:
        said = {}
        for code, own in texts.items():
            try:
                said[code] = [phonemize(text, code) for text in own]
            except UnknownLanguageError:
                if code == source:
                    raise
        found["panphon_distance"] = [
            fmean(feature_edit_distances(said[source], said[code], normalized=True)) if code in said else nan
            for code in targets
        ]
    return found


def _by_language(
    config: RobustnessConfig,
    about: dict[str, Any],
    targets: "Sequence[str]",
    outcome: "Sequence[float]",
    scores: "Sequence[tuple[float, ...]]",
    predictors: "Mapping[str, Sequence[float]]",
) -> "list[Row]":
    from xl_tasks import Row

    columns = {"clean": [each[0] for each in scores], "noisy": [each[1] for each in scores]}
    if config.outcome != "noisy":
        columns[config.outcome] = list(outcome)
    columns |= {name: list(values) for name, values in predictors.items()}
    notes = {config.outcome: _SAID[config.outcome], **_TALK}
    return [
        Row(task="robustness", metric=name, value=float(value), target=target, note=notes.get(name, ""), **about)
        for name, values in columns.items()
        for target, value in zip(targets, values, strict=True)
    ]


def _slope_rows(
    config: RobustnessConfig, noise: str, which: str, part: "Sequence[tuple[str, Regression, Any]]", p_holm: "list[Any]"
) -> "list[Row]":
    from xl_tasks import Row

    rows = [
        Row(
            task="robustness", metric="slope", value=slope.value, low=slope.low, high=slope.high, p=slope.p,
            p_holm=float(corrected), n=fit.n, source=name, target="all", variant=which, noise=noise,
        )
        for (name, fit, slope), corrected in zip(part, p_holm, strict=True)
    ]  # fmt: skip
    if which == "together":
        fit = part[0][1]
        more: dict[str, Any] = {"source": "all", "target": "all", "variant": which, "noise": noise}
        rows.append(Row(task="robustness", metric="r2", value=fit.r2, n=fit.n, **more))
    return rows


ROBUSTNESS = Measure(
    settings=RobustnessConfig,
    rows=robustness_rows,
    table="xl_analysis:robustness_tables",
    read_where=(
        ReadWhere(("limit",), lambda call: call.data and {"ngrams", "phonemes"} & set(call.likeness), "without --data"),
    ),
)
