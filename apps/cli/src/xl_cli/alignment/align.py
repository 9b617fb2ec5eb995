"""`xl align` from Python: a recipe carried out, or what that would cost."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from xl_cli.errors import StoppedEarlyError, UsageError
from xl_cli.launch import processes
from xl_cli.launch.durations import words
from xl_cli.launch.stopping import ENDING
from xl_cli.recipe.faults import SettingFaults
from xl_cli.recipe.recipe import Recipe, load_recipe, parse_recipe
from xl_cli.results import Rows

if TYPE_CHECKING:
    from xl_cli.data.run_data import RunData
    from xl_cli.folder.run_folder import RunFolder
    from xl_tasks import Row

# Columns that lines under the table are broken to, as its caption is.
_WIDTH = 118


@dataclass(frozen=True)
class RunPlan:
    """A recipe as resolved, and what a run of it would cost."""

    recipe: Recipe
    figures: Mapping[str, object]

    def __str__(self) -> str:
        import tomli_w

        lines = [tomli_w.dumps(self.recipe.as_dict()).rstrip(), "\n# plan"]
        for name, value in self.figures.items():
            several = value.items() if isinstance(value, dict) else [("", value)]
            shown = ", ".join(f"{of} {_grouped(one)}".lstrip() for of, one in several)
            lines.append(f"# {name}: {shown}")
        return "\n".join(lines)


def align(
    recipe: str | Path = "names",
    *,
    set: Mapping[str, object] | Iterable[str] = (),  # noqa: A002 - the option's name
    out: str | Path | None = None,
    resume: bool = False,
) -> Rows:
    """Align an encoder across scripts: train the recipe's variants, score them on held-out items, keep the last.

    recipe: a shipped one (`xl ls recipes`) or a .toml file. set: keys to override, {"train.steps": 100} or
    ["train.steps=100"] (`xl ls keys`). out: folder of the run, which must be new; by default runs/RECIPE. resume: go on
    with an interrupted run. The folder stands in `out` of what comes back.
    Raises UsageError and CliError with all faults of the recipe, its files and its model before any work,
    StoppedEarlyError after a signal, with the run in a state to go on from.

    >>> align("names", set={"train.steps": 100}, out="runs/quick")  # doctest: +SKIP
    """
    resolved, data, folder = _checked(recipe, set, out, resume=resume)
    asked = {"recipe": str(recipe), "set": as_overrides(set)}
    from xl_cli.folder.run_folder import RunFolder
    from xl_translit import alone

    folder = folder or RunFolder.create(_path(out), resolved.name)
    # Whoever is refused here touches nothing of the run that is at work.
    with alone(folder.path) if processes.is_main() else nullcontext():
        # What can be refused was refused: only now is torch loaded.
        from xl_cli.alignment.run import run

        if not resume:
            folder.describe(recipe_name=resolved.name, recipe=resolved.as_dict(), status="running")
            folder.describe(**({"asked": asked} if resolved.mine.pivot else {}))
        try:
            if resolved.mine.pivot and not folder.about().get("mined"):
                resolved, data = _mined(resolved, data, folder)
            rows = run(resolved, data, folder)
        except StoppedEarlyError:
            raise
        except KeyboardInterrupt:  # between the trainings, which stop in their own way
            folder.describe(status="interrupted")
            message = f"stopped. Go on with: xl align --resume --out {folder.path}"
            raise StoppedEarlyError(message, ENDING.signal_number) from None
        except Exception:
            if not resume:
                folder.discard_if_empty()
            raise
    return Rows(rows, lambda: _text(resolved, rows, folder), folder.path)


def _mined(recipe: Recipe, data: "RunData", folder: "RunFolder") -> "tuple[Recipe, RunData]":
    """The recipe and data of a run once pairs are mined for it, from wherever an earlier attempt stopped."""
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.mining.rounds import mine_rounds

    asked = folder.about()["asked"]

    def train(without: tuple[str, ...], settings: Sequence[str], out: Path) -> Path:
        begun = (out / "run.json").is_file()
        if begun and RunFolder(out).about()["status"] == "finished":
            return out
        given = [] if begun else [*(text for text in asked["set"] if not text.startswith(without)), *settings]
        try:
            align(asked["recipe"], set=given, out=out, resume=begun)
        except StoppedEarlyError as stopped:
            message = f"stopped while {out} was trained. Go on with: xl align --resume --out {folder.path}"
            raise StoppedEarlyError(message, stopped.signal_number) from None
        return out

    given = mine_rounds(recipe, data, folder, train)
    resolved = load_recipe(asked["recipe"], [*asked["set"], *given])
    read = _read(resolved)
    folder.describe(recipe=resolved.as_dict(), mined=True)
    return resolved, read


def plan(
    recipe: str | Path = "names",
    *,
    set: Mapping[str, object] | Iterable[str] = (),  # noqa: A002 - the option's name
    out: str | Path | None = None,
    resume: bool = False,
) -> RunPlan:
    """What `align` with the same arguments would do and cost (`xl align --dry-run`); nothing is trained or written.

    >>> print(plan("names", set={"train.steps": 100}))  # doctest: +SKIP
    """
    resolved, data, _ = _checked(recipe, set, out, resume=resume, plan_only=True)
    from xl_cli.alignment.estimate import estimate

    return RunPlan(resolved, estimate(resolved, data))


def _checked(
    recipe: str | Path,
    given: Mapping[str, object] | Iterable[str],
    out: str | Path | None,
    *,
    resume: bool,
    plan_only: bool = False,
) -> "tuple[Recipe, RunData, RunFolder | None]":
    """The recipe and its data, once all that can be refused is; the run that goes on, None for a new one."""
    from xl_cli.alignment.further_tasks import check_tasks
    from xl_cli.data.language_mix import tell_mix
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.mining.rounds import check_rounds

    overrides = as_overrides(given)
    folder = None
    if resume:
        if overrides:
            message = "--resume goes on with the recipe as it was; --set cannot change it. Leave one of them out."
            raise UsageError(message)
        folder = RunFolder.reopen(_path(out), Path(recipe).stem)
        about = folder.about()
        resolved = parse_recipe(about["recipe_name"], about["recipe"])
    else:
        faults = SettingFaults()
        with faults.caught(UsageError):
            RunFolder.check_free(_path(out))
        resolved = load_recipe(str(recipe), overrides, faults, plan_only=plan_only)
    check_tasks(resolved, look=not plan_only)
    data = _read(resolved)
    if folder is None or not folder.about().get("mined"):
        check_rounds(resolved, data)
    if not resume:
        tell_mix(resolved, data)
    return resolved, data, folder


def _read(recipe: Recipe) -> "RunData":
    """The data of a recipe, once what it cannot be used for is refused."""
    from xl_cli.alignment.reading import check_selection, check_sources, check_widths
    from xl_cli.data.new_languages import check_scored
    from xl_cli.data.run_data import load_data
    from xl_cli.recipe.paths import shape_of

    data = load_data(recipe)
    check_sources(recipe, data)
    check_selection(recipe, data)
    check_scored(recipe, data)
    check_widths(recipe, data, shape_of(recipe.model)[1])
    return data


def as_overrides(given: Mapping[str, object] | Iterable[str]) -> list[str]:
    """Settings as `--set` takes them, "train.steps=100", out of a mapping or such a list."""
    return [f"{key}={_toml(value)}" for key, value in given.items()] if isinstance(given, Mapping) else list(given)


def _text(recipe: Recipe, rows: "Sequence[Row]", folder: "RunFolder") -> str:
    from xl_analysis import adopt_tables, is_adopted, result_tables, retrieval_table
    from xl_cli.alignment.row_meanings import row_meanings

    parts = []
    every = [asdict(row) for row in rows]
    scores = [row for row in rows if row.task == "retrieval" and not row.baseline]
    if is_adopted(every):
        # The vocabulary was told before training.
        parted = [each for each in every if each["task"] != "vocabulary"]
        parts += [table.render("text") + "\n" for part in adopt_tables(parted).values() for table in part]
    elif scores:
        parts.append(retrieval_table([asdict(row) for row in scores]).render("text") + "\n")
        if further := [row for row in every if row["protocol"] and not row["baseline"]]:
            parts += [table.render("text") + "\n" for table in result_tables(further)]
    if scores:
        for line in row_meanings(recipe, dict.fromkeys(row.variant for row in scores)):
            parts.append(fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))
    else:
        parts.append("Nothing was scored: the data is not parallel. Give eval.data a folder of parallel text.")
    parts += _costs(folder.about().get("cost", {}))
    if recipe.note:
        parts.append("\n" + fill(recipe.note, _WIDTH, break_long_words=False, break_on_hyphens=False))
    parts.append(f"\nModel: {folder.model}  (rows: {folder.results}, {words(folder.about()['wall_seconds'])})")
    return "\n".join(parts)


def _costs(costs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line on what a step of each variant took: the median of its seconds, the most memory."""
    each = [
        f"{variant} {cost['seconds_a_step']:.3g} s, {cost['peak_memory'] / 1e9:.2f} GB of the {cost['memory_of']}"
        for variant, cost in costs.items()
    ]
    return (
        ["", fill(f"A step: {'; '.join(each)}", _WIDTH, break_long_words=False, break_on_hyphens=False)] if each else []
    )


def _path(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)


def _toml(value: object) -> str:
    import tomli_w

    return tomli_w.dumps({"value": str(value) if isinstance(value, Path) else value}).partition("=")[2].strip()


def _grouped(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
