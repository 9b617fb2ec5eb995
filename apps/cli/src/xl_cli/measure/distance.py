"""Distances between languages: of their vectors layer by layer, or of what a classifier says of their texts."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.measure.readings import OF_SPACE, Reading, SpaceConfig, by_reading
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import Space, space_rows, units_of
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistanceConfig(SpaceConfig):
    """Which model is measured on what, and how."""

    outputs: str = setting(
        "",
        "probs | logits: the Sinkhorn distance of what a fine-tuned classifier says of the texts (--model: a folder "
        "of xl eval --save-models) [default: vectors are measured]",
        choices=("", "probs", "logits"),
    )
    power: int = dataclasses.field(
        default=2, metadata={"help": "Of the Sinkhorn distance: costs are |x - y|^p / p, p 1 or 2.", "min": 1, "max": 2}
    )
    blur: float = dataclasses.field(
        default=0.05, metadata={"help": "Of the Sinkhorn distance: outputs nearer than this are not told apart."}
    )
    permutations: int = dataclasses.field(
        default=200, metadata={"help": "Exchanges of translations behind the p of mmd2.", "min": 1}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.blur > 0:
            message = f"--blur is {self.blur}; give a distance above 0."
            raise UsageError(message)


def distance_rows(config: DistanceConfig, spread: Spread) -> "list[Row]":
    """Distances between languages: MMD, cosines, margins, hubness and isotropy of vectors; Sinkhorn of outputs.

    Example: xl analyze distance --model runs/names --data sib200 --source eng_Latn
    """
    if config.outputs:
        return [row for rows in by_reading(config, spread, _output_rows) for row in rows]
    return space_rows(config, spread, (distance_at, config))


def distance_at(space: Space, layer: int, config: DistanceConfig) -> "list[Row]":
    """Distances of each pair at a layer, and the shape of each language."""
    from xl_analysis import geometry, language_distances
    from xl_cli.launch.progress import Progress

    views = space.views(layer)
    with Progress(f"distances of languages at layer {layer}", quiet=True):
        found = language_distances(views, space.pairs, n_permutations=config.permutations)
        shapes = {language: dataclasses.asdict(geometry(view)) for language, view in views.items()}
    rows = []
    for (a, b), distance in found.items():
        rows.append(space.row("distance", "mmd2", distance.mmd.value, a, b, layer, p=distance.mmd.p))
        for metric in ("cosine", "margin", "hubness"):
            rows.append(space.row("distance", metric, getattr(distance, metric), a, b, layer))
        rows.append(space.row("distance", "hubness", distance.hubness_back, b, a, layer))
    for language, shape in shapes.items():
        rows += [space.row("distance", metric, value, language, language, layer) for metric, value in shape.items()]
    return rows


def _output_rows(config: DistanceConfig, reading: Reading) -> "list[Row]":
    """Sinkhorn distances between what classifiers say of the same items in two languages."""
    from xl_analysis import sinkhorn_distances
    from xl_cli.folder.at_hand import check_weights, run_model, run_variant
    from xl_cli.launch import processes
    from xl_cli.launch.progress import Progress
    from xl_tasks import Classifier, Row

    how = f"p={config.power} blur={config.blur:g}"
    data, keys, models = reading.data, reading.keys, reading.models
    sources = {name: run_model(name) for name in models.values()}
    for source, _ in sources.values():
        check_weights(Path(source))
    opened = {
        name: Classifier.load(source, revision=config.revision, max_len=config.max_len or None)
        for name, (source, _) in sources.items()
    }
    units = units_of({language: opened[name].encoder for language, name in models.items()}, reading.unit)
    clouds = {}
    with Progress("reading texts", len(keys) * len(models), "texts", quiet=True) as progress:
        for language, name in models.items():
            classifier = opened[name]
            classifier.model.to(processes.device())
            say_of = classifier.probs if config.outputs == "probs" else classifier.logits
            clouds[language] = say_of(units[language].texts([data.texts[language][key] for key in keys], language))
            progress.advance(len(keys))
    with Progress("distances of outputs", quiet=True):
        found = sinkhorn_distances(clouds, reading.pairs, p=config.power, blur=config.blur)
    abouts = [about for _, about in sources.values()]
    seeds = {about.get("seed", 0) for about in abouts}
    seed = seeds.pop() if len(seeds) == 1 else 0
    return [
        Row(
            task="distance",
            metric=f"{metric} {how}",
            value=value,
            n=len(keys),
            source=a,
            target=b,
            seed=seed,
            model="+".join(
                dict.fromkeys(
                    about.get("encoder") or reading.labels.get(name, opened[name].encoder.name)
                    for name, (_, about) in sources.items()
                )
            ),
            pooling=config.outputs,
            unit="+".join(dict.fromkeys(each.name for each in units.values())),
            variant="+".join(dict.fromkeys(map(run_variant, abouts))),
            tuning="+".join(dict.fromkeys(about.get("tuning", "") for about in abouts)),
            data=data.name,
        )
        for (a, b), distance in found.items()
        for metric, value in (("sinkhorn", distance.divergence), ("sinkhorn cost", distance.cost))
    ]


DISTANCE = Measure(
    settings=DistanceConfig,
    rows=distance_rows,
    at_layer=distance_at,
    table="xl_analysis:distance_tables",
    read_where=(
        ReadWhere(
            ("outputs",),
            lambda call: not hasattr(call, "measures"),
            "among measures of vectors; xl analyze distance --outputs reads outputs",
        ),
        ReadWhere(
            ("layer", "pooling", "prompt", "transform", "permutations"),
            lambda call: not call.outputs,
            "with --outputs: a classifier's own head reads its states",
        ),
        ReadWhere(("power", "blur"), lambda call: call.outputs, "without --outputs, whose transport they are of"),
        *OF_SPACE,
    ),
)
