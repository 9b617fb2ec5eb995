"""One recipe on several amounts of its sentence pairs: a run each, and the curve of what they scored.

The samples are nested: each holds the first pairs of every bitext, and so all of a smaller one (Alqahtani et al. 2021,
table 4 and appendix D).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.alignment.align import RunPlan, align, as_overrides, plan
from xl_cli.errors import UsageError
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.results import Rows

if TYPE_CHECKING:
    from xl_cli.recipe.recipe import Recipe
    from xl_tasks import Row

_METRIC = "top10"


def align_amounts(
    recipe: str | Path,
    amounts: Iterable[int],
    *,
    upsample: bool = False,
    set: Mapping[str, object] | Iterable[str] = (),  # noqa: A002 - the option's name
    out: str | Path | None = None,
    resume: bool = False,
) -> Rows:
    """`align` on each of `amounts` sentence pairs of every bitext, in OUT/AMOUNT, and all their rows in OUT.

    amounts: pairs of each language, 1 or more; each sample holds the first pairs and so the smaller ones. upsample:
    every amount trains for as many steps as the largest, beginning its pairs again; else each as its recipe says.
    out: by default runs/RECIPE-amounts; a finished amount there is kept with `resume`, an interrupted one gone on with.
    A row's variant is called VARIANT@AMOUNT; OUT has `results.jsonl` and, where something was scored, `curve.png`.
    Raises as `align` does, before any training.

    >>> align_amounts("ot-word", [1000, 10_000], set={"data.files": ["a.tr", "a.en"]})  # doctest: +SKIP
    """
    folder = Path(out) if out is not None else Path("runs") / f"{Path(recipe).stem}-amounts"
    given = as_overrides(set)
    plans = plan_amounts(recipe, amounts, upsample=upsample, set=given)
    if not resume and folder.exists() and any(folder.iterdir()):
        message = f"--out {folder} exists already; name another folder, or go on with it by --resume."
        raise UsageError(message)
    rows: list[Row] = []
    for amount, (planned, settings) in plans.items():
        run = RunFolder(folder / str(amount))
        say(f"{amount:,} sentence pairs of each language: {run.path}")
        begun = resume and run.has_about()
        if begun:
            _check_same(run, planned)
        if begun and run.about()["status"] == "finished":
            done = run.rows()
        else:
            done = align(recipe, set=() if begun else settings, out=run.path, resume=begun)
        rows += _named(done, planned.recipe, amount, first=not rows)
    if processes.is_main():
        from xl_tasks import write_rows

        write_rows(folder / "results.jsonl", rows)
        _draw(folder, rows, list(plans))
    return Rows(rows, lambda: _text(folder, rows, list(plans)), folder)


def plan_amounts(
    recipe: str | Path,
    amounts: Iterable[int],
    *,
    upsample: bool = False,
    set: Mapping[str, object] | Iterable[str] = (),  # noqa: A002 - the option's name
) -> dict[int, tuple[RunPlan, list[str]]]:
    """What `align_amounts` would run: the plan of each amount, ascending, and the settings that it is run with."""
    given, ascending = as_overrides(set), _ascending(amounts)
    whole = plan(recipe, set=given)
    read = _read_by_bitexts(whole.recipe)
    if not read:
        message = "--amounts counts sentence pairs, and no objective of the recipe reads any; take one such as ot-word."
        raise UsageError(message)
    limited = [setting for setting in given if setting.partition("=")[0].endswith(".limit") and "data" in setting]
    if limited:
        message = f"--set {limited[0]} and --amounts both say how many pairs are read; leave one of them out."
        raise UsageError(message)
    most = f"train.steps={_steps(plan(recipe, set=[*given, *_limits(read, ascending[-1])]))}" if upsample else ""
    plans = {}
    for amount in ascending:
        settings = [*given, *_limits(read, amount), *([most] if most else [])]
        plans[amount] = plan(recipe, set=settings), settings
    at_hand = {its.figures.get("sentence pairs") for its, _ in plans.values()}
    if len(at_hand) < len(plans) and None not in at_hand:
        say("note: the data has fewer pairs than the largest amounts, so that some of them are the same.")
    return plans


def _check_same(run: RunFolder, planned: RunPlan) -> None:
    """UsageError where a run that is to go on has other settings than those that are asked for now."""
    if run.about().get("recipe") != json.loads(json.dumps(planned.recipe.as_dict())):
        message = f"--resume: {run.path} was begun with other settings; give the same ones, or another --out."
        raise UsageError(message)


def _ascending(amounts: Iterable[int]) -> list[int]:
    ascending = sorted({int(amount) for amount in amounts})
    if not ascending or ascending[0] < 1:
        message = f"--amounts is {','.join(map(str, ascending)) or 'empty'}; give numbers of sentence pairs, 1 or more."
        raise UsageError(message)
    return ascending


def _read_by_bitexts(recipe: "Recipe") -> list[int]:
    """Numbers of the [[data]] that objectives on sentence pairs read."""
    of_pairs = [name for name, its in recipe.objectives.items() if its.family != "text" and "pairs" in its.reads]
    return sorted({number for name in of_pairs for number in recipe.data_of(name)})


def _limits(numbers: Sequence[int], amount: int) -> list[str]:
    return [f"data.{number}.limit={amount}" for number in numbers]


def _steps(planned: RunPlan) -> int:
    """The steps of the variant with the most."""
    steps = planned.figures["steps for each variant"]
    counts = steps.values() if isinstance(steps, dict) else [steps]
    if not all(isinstance(count, int) for count in counts):
        message = "--upsample: the steps of the largest amount are not known before there is data; give data.files."
        raise UsageError(message)
    return max(int(str(count)) for count in counts)


def _named(rows: "Sequence[Row]", recipe: "Recipe", amount: int, *, first: bool) -> "list[Row]":
    """Rows of one amount: variants by name and amount, and once those of what was not trained."""
    trained = recipe.train.variants
    return [
        replace(row, variant=f"{row.variant}@{amount}") if row.variant in trained else row
        for row in rows
        if first or row.variant in trained
    ]


def _means(rows: "Sequence[Row]") -> dict[str, float]:
    """Mean top-10 over all pairs of languages, by variant."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.metric == _METRIC:
            values.setdefault(row.variant, []).append(row.value)
    return {variant: sum(its) / len(its) for variant, its in values.items()}


def _draw(folder: Path, rows: "Sequence[Row]", amounts: Sequence[int]) -> None:
    means = _means(rows)
    if not means:
        return
    from xl_analysis import amount_curves, picture_bytes
    from xl_translit import replacing

    curves: dict[str, list[tuple[int, float]]] = {}
    level = {}
    for variant, mean in means.items():
        name, _, amount = variant.partition("@")
        if amount:
            curves.setdefault(name, []).append((int(amount), 100 * mean))
        else:
            level[name] = 100 * mean
    figure = amount_curves(curves, level, x="sentence pairs of each language", y="retrieval, top-10 %")
    with replacing(folder / "curve.png", "wb") as file:
        file.write(picture_bytes(figure))


def _text(folder: Path, rows: "Sequence[Row]", amounts: Sequence[int]) -> str:
    if not rows:
        runs = " ".join(str(folder / str(amount)) for amount in amounts)
        return f"Nothing was scored: give eval.data a folder of parallel text, or score the runs by xl eval: {runs}"
    from xl_analysis import retrieval_table

    table = retrieval_table([asdict(row) for row in rows]).render("text")
    return f"{table}\n\nCurve: {folder / 'curve.png'}  (rows: {folder / 'results.jsonl'})"
