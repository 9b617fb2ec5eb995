"""Centred kernel alignment between languages (Kornblith et al. 2019), layer by layer."""

import dataclasses
from typing import TYPE_CHECKING

from xl_cli.measure.registry import Measure
from xl_cli.measure.views import REVISION, Space, SpaceConfig, space_rows
from xl_cli.unread_options import ReadWhere

if TYPE_CHECKING:
    from xl_tasks import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class CkaConfig(SpaceConfig):
    """Which model is measured on what, and how."""

    debiased: bool = dataclasses.field(default=False, metadata={"help": "Correct the upward bias of few sentences."})


def cka_rows(config: CkaConfig) -> "list[Row]":
    """Linear CKA between languages: how alike the model arranges the same sentences, 0 to 1.

    Example: xl analyze cka --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    # Over the items that all of the languages have, at each layer. A side that names no language is every language; of
    # a pair, which has no direction, there is one row.
    return space_rows(config, (cka_at, config))


def cka_at(space: Space, layer: int, config: CkaConfig) -> "list[Row]":
    """CKA of each pair at a layer."""
    from xl_analysis import cka_matrix

    names, matrix = cka_matrix(space.views(layer), debiased=config.debiased)
    place = {name: number for number, name in enumerate(names)}
    metric = "cka_debiased" if config.debiased else "cka"
    return [space.row("cka", metric, matrix[place[a], place[b]], a, b, layer) for a, b in space.pairs]


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
        REVISION,
    ),
)
