"""Whether the objectives of a run pull its encoder the same way: cosines of their gradients (Yu et al. 2020)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.measure.registry import Measure
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.recipe.recipe import Recipe
    from xl_tasks import Row


@dataclass(frozen=True, kw_only=True)
class GradientsConfig:
    """Which training is looked at, when, and on how much of its data."""

    run: str = field(
        metadata={
            "help": "Run folder, shipped recipe or .toml file of one (xl ls recipes).",
            "argument": "RUN",
        }
    )
    set: tuple[str, ...] = setting((), "of a recipe: key=value that overrides it, as in xl align; repeat for more")
    steps: tuple[str, ...] = setting(
        (),
        "finished steps after which gradients are taken, 0 for the start, or last; repeat for more. The variant is "
        "trained (again) up to the largest; last alone of a finished run reads its model "
        "[default: last of a finished run, else 0]",
    )
    variant: str = setting("", "mix of objectives that is trained [default: the last of the recipe]")
    batches: int = setting(4, "batches of each objective that a gradient is the mean of", low=1)
    task: str = setting(
        "", "also the gradient of a task's loss: of a linear probe fitted to the state that is looked at, e.g. sib200"
    )
    data: str = setting("", "of --task: folder of its data, or of all data; else the hub")
    source: str = setting("eng_Latn", "of --task: language of its training examples, any spelling")
    picture: str = setting("", "picture (png, svg, pdf) of the cosines: a line a pair of objectives, a column a layer")

    def __post_init__(self) -> None:
        check_options(self)
        for step in self.steps:
            if step != "last" and not step.isdecimal():
                message = f"--steps is {step!r}; give a number of finished steps, or last."
                raise UsageError(message)
        if self.picture and not self.picture.endswith((".png", ".svg", ".pdf")):
            message = f"--picture {self.picture} is no picture; give a name that ends in .png, .svg or .pdf."
            raise UsageError(message)


def gradients_rows(config: GradientsConfig) -> "list[Row]":
    """Cosines between the gradients of a run's objectives, by layer and over all: below 0 they undo one another.

    Example: xl analyze gradients names --steps 0 --steps 100
    """
    # Of the weights of the encoder, without dropout and without the objectives' weights, which a cosine does not see.
    check_new(config.picture or None, "--picture")
    run, recipe = _opened(config)
    from xl_cli.alignment.gradients import measure_gradients

    return measure_gradients(config, run, recipe)


def _opened(config: GradientsConfig) -> "tuple[RunFolder | None, Recipe]":
    """The run, if it is one, and its recipe."""
    from xl_cli.folder.run_folder import RunFolder
    from xl_cli.recipe.faults import SettingFaults
    from xl_cli.recipe.recipe import load_recipe, parse_recipe

    path = Path(config.run)
    if (path / "run.json").is_file():
        run = RunFolder(path)
        about = run.about()
        if "recipe" not in about:
            message = f"{path} trained nothing (it has no recipe), so it has no objectives; name a run of xl align."
            raise CliError(message)
        return run, parse_recipe(about["recipe_name"], about["recipe"])
    if path.is_dir():
        message = f"{path} is no run (it has no run.json); name a run of xl align, or a recipe."
        raise CliError(message)
    faults = SettingFaults()
    return None, load_recipe(config.run, list(config.set), faults)


GRADIENTS = Measure(
    settings=GradientsConfig,
    rows=gradients_rows,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(("set",), lambda call: not (Path(call.run) / "run.json").is_file(), "for a run, only for a recipe"),
        ReadWhere(("data", "source"), lambda call: call.task, "without --task"),
    ),
)
