"""Centred kernel alignment between languages (Kornblith et al. 2019), layer by layer."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.measure.pictures import check_plot, plot_setting, write_picture
from xl_cli.measure.readings import OF_SPACE, Reading, SpaceConfig, by_reading
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import Space, open_space, space_rows
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_tasks import Row

KERNELS = ("linear", "rbf")
# HSIC_1 needs 4 items; the last minibatches are as large as the others but for one item.
_SMALLEST_MINIBATCH = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class CkaConfig(SpaceConfig):
    """Which model is measured on what, and how."""

    debiased: bool = dataclasses.field(default=False, metadata={"help": "Correct the upward bias of few sentences."})
    kernel: str = setting(
        "linear", "linear | rbf (looks at near neighbours the more, the smaller --bandwidth is)", choices=KERNELS
    )
    bandwidth: float = setting(0.8, "of the RBF kernel, as a share of the median distance of two sentences", above=0)
    minibatch: int = setting(
        0, "sentences that are in memory at a time, for more than it holds (averages unbiased estimates); 0 takes all"
    )

    plot: str = plot_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_plot(self.plot)
        if self.minibatch and self.minibatch < _SMALLEST_MINIBATCH:
            message = (
                f"--minibatch is {self.minibatch}; give 0 for all sentences at once, or {_SMALLEST_MINIBATCH} or more."
            )
            raise UsageError(message)


def cka_rows(config: CkaConfig, spread: Spread) -> "list[Row]":
    """CKA between languages: how alike the model arranges the same sentences, 0 to 1.

    Example: xl analyze cka --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    # Over the items that all of the languages have, at each layer. A side that names no language is every language; of
    # a pair, which has no direction, there is one row.
    if config.minibatch:
        rows = [row for rows in by_reading(config, spread, _streamed) for row in rows]
    else:
        rows = space_rows(config, spread, (cka_at, config))
    if config.plot:
        from xl_analysis import pair_maps

        for name, figure in pair_maps(dataclasses.asdict(row) for row in rows).items():
            path = Path(config.plot)
            write_picture(str(path.with_stem(f"{path.stem}-{name}") if name else path), figure)
    return rows


def _streamed(config: CkaConfig, reading: Reading) -> "list[Row]":
    """The rows where vectors of one minibatch at a time are in memory."""
    from xl_analysis import MinibatchCka

    space = open_space(config, reading)
    layers = {layer: MinibatchCka(_bandwidth(config)) for layer in space.layers}
    for part in _minibatches(space.keys, config.minibatch):
        read = dataclasses.replace(space, keys=part)
        for layer, kept in layers.items():
            kept.add(read.views(layer))
    return [row for layer, kept in layers.items() for row in _rows(space, layer, config, *kept.matrix())]


def cka_at(space: Space, layer: int, config: CkaConfig) -> "list[Row]":
    """CKA of each pair at a layer."""
    from xl_analysis import MinibatchCka, cka_matrix

    views = space.views(layer)
    if not config.minibatch:
        return _rows(space, layer, config, *cka_matrix(views, debiased=config.debiased, bandwidth=_bandwidth(config)))
    place = {key: number for number, key in enumerate(space.keys)}
    kept = MinibatchCka(_bandwidth(config))
    for part in _minibatches(space.keys, config.minibatch):
        taken = [place[key] for key in part]
        kept.add({language: vectors[taken] for language, vectors in views.items()})
    return _rows(space, layer, config, *kept.matrix())


def _minibatches(keys: Sequence[str], most: int) -> list[list[str]]:
    """Parts of about the same size, drawn by the keys' hash: neighbours in a text are alike."""
    from xl_tasks.drawing import ranked_by_hash

    order = ranked_by_hash(keys)
    n_parts = -(-len(keys) // most)
    return [[keys[place] for place in sorted(order[number::n_parts])] for number in range(n_parts)]


def _bandwidth(config: CkaConfig) -> float | None:
    return config.bandwidth if config.kernel == "rbf" else None


def _rows(
    space: Space, layer: int, config: CkaConfig, names: Sequence[str], matrix: "NDArray[np.float64]"
) -> "list[Row]":
    place = {name: number for number, name in enumerate(names)}
    kind = ["cka", *([f"rbf{config.bandwidth:g}"] if config.kernel == "rbf" else [])]
    kind += ["minibatch"] if config.minibatch else ["debiased"] if config.debiased else []
    return [space.row("cka", "_".join(kind), matrix[place[a], place[b]], a, b, layer) for a, b in space.pairs]


CKA = Measure(
    settings=CkaConfig,
    rows=cka_rows,
    at_layer=cka_at,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(
            ("transform",),
            lambda call: not call.transform or call.transform[-1] != "center",
            "with center at its end: CKA takes each language's own mean away in any case",
        ),
        ReadWhere(
            ("transform",),
            lambda call: not call.minibatch,
            "with --minibatch: it is fitted on all sentences, which are never together in memory",
        ),
        ReadWhere(("debiased",), lambda call: not call.minibatch, "with --minibatch, whose estimates have no bias"),
        ReadWhere(("bandwidth",), lambda call: call.kernel == "rbf", "without --kernel rbf"),
        *OF_SPACE,
    ),
)
