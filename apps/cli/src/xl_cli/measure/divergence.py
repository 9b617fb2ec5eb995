"""H-divergence between languages (Ben-David et al. 2010), layer by layer."""

import dataclasses
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.measure.readings import OF_SPACE, SpaceConfig
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import Space, space_rows
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class DivergenceConfig(SpaceConfig):
    """Which model is measured on what, and how."""

    classifier: str = setting(
        "linear", "linear | mlp (one hidden layer; minutes where linear takes a second)", choices=("linear", "mlp")
    )
    folds: int = dataclasses.field(
        default=5, metadata={"help": "Parts of the items; each is told apart by a classifier of the others.", "min": 2}
    )
    bound: str = setting(
        "",
        "also how much error rates can differ: bendavid (theorem 2 of 2010) | paper (as Jung et al. 2024 print it)",
        choices=("", "bendavid", "paper"),
    )
    vc: int = dataclasses.field(
        default=0, metadata={"help": "VC dimension of the classifiers; 0 takes the width + 1 of linear ones.", "min": 0}
    )
    delta: float = dataclasses.field(default=0.05, metadata={"help": "The bound holds but with this probability."})
    joint_error: float = dataclasses.field(
        default=0.0,
        metadata={"help": "Error of the best classifier of both languages, for bendavid.", "min": 0},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.delta < 1:
            message = f"--delta is {self.delta}; give a probability between 0 and 1."
            raise UsageError(message)
        if self.bound and self.classifier == "mlp" and not self.vc:
            message = "--bound needs --vc with --classifier mlp: the VC dimension of a network is not known."
            raise UsageError(message)


def divergence_rows(config: DivergenceConfig, spread: Spread) -> "list[Row]":
    """H-divergence between languages: how well a classifier tells their vectors apart, 0 (not) to 2 (always).

    Example: xl analyze divergence --model runs/names --data sib200 --source eng_Latn
    """
    return space_rows(config, spread, (divergence_at, config))


def divergence_at(space: Space, layer: int, config: DivergenceConfig) -> "list[Row]":
    """Proxy A-distance of each pair at a layer, with its interval, and the bound that follows."""
    from xl_analysis import bound, proxy_a_distance
    from xl_cli.launch.progress import Progress

    views = space.views(layer)
    how: dict[str, Any] = {"classifier": config.classifier, "n_folds": config.folds}
    with Progress(f"telling languages apart at layer {layer}", quiet=True):
        found = proxy_a_distance(views, space.pairs, **how)
    rows = []
    for (a, b), pad in found.items():
        ends = {"low": pad.low, "high": pad.high}
        rows.append(space.row("divergence", f"pad_{config.classifier}", pad.value, a, b, layer, **ends))
        if config.bound:
            vc = config.vc or views[a].shape[1] + 1
            form: dict[str, Any] = {"form": config.bound, "lambda_": config.joint_error}
            most = bound(pad.value, vc, pad.n_items, config.delta, **form)
            rows.append(space.row("divergence", f"bound_{config.bound}", most, a, b, layer))
    return rows


_OF_BOUND = "without --bound: it is one of its numbers"
DIVERGENCE = Measure(
    settings=DivergenceConfig,
    rows=divergence_rows,
    at_layer=divergence_at,
    table="xl_analysis:divergence_table",
    read_where=(
        ReadWhere(("vc", "delta"), lambda call: call.bound, _OF_BOUND),
        ReadWhere(("joint_error",), lambda call: call.bound == "bendavid", "without --bound bendavid"),
        *OF_SPACE,
    ),
)
