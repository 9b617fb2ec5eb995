"""The alignment card: whether translations are nearer than chance, and what is nearest where they are not."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.spread import Spread
from xl_cli.launch.progress import say
from xl_cli.measure.readings import OF_SPACE, Reading, SpaceConfig, by_reading
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import Space, open_space
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_tasks import Row

# Neighbours that are counted for hubs; fewer where there are few items.
_K = 10
# Cells of tables of miss kinds that are kept between layers.
_KEPT_CELLS = 2**29
_N_KINDS = 6
_SHOWN = 3

Miss = dict[str, object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityConfig(SpaceConfig):
    """Which model is measured on what, and how."""

    as_written: bool = setting(
        False,
        "leave out the texts in Latin letters, which take a second reading (so does --input phonemes or romanised)",
    )
    misses: str = setting(
        "", "file (.jsonl) for every text whose nearest is not its translation, with both and their kinds; must be new"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_new(self.misses or None, "--misses")


def similarity_rows(config: SimilarityConfig, spread: Spread) -> "list[Row]":
    """Cosine of translations beside random pairs, as written and romanised; hubs; what is nearest where they are not.

    Example: xl analyze similarity --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    rows: list[Row] = []
    found: list[Miss] = []
    for of_model, misses in by_reading(config, spread, _of_reading):
        rows += of_model
        found += misses
    for miss in found[-_SHOWN:]:
        say(_told(miss))
    if config.misses:
        from xl_translit import replacing

        with replacing(Path(config.misses)) as file:
            file.writelines(json.dumps(miss, ensure_ascii=False) + "\n" for miss in found)
    return rows


def _of_reading(config: SimilarityConfig, reading: Reading) -> "tuple[list[Row], list[Miss]]":
    space = open_space(config, reading)
    found: list[Miss] = []
    rows = [row for layer in space.layers for row in _rows_and_misses(space, layer, config, found)]
    return rows, found


def similarity_at(space: Space, layer: int, config: SimilarityConfig) -> "list[Row]":
    """The card of each pair of languages at a layer."""
    return _rows_and_misses(space, layer, config, None)


def _rows_and_misses(space: Space, layer: int, config: SimilarityConfig, found: list[Miss] | None) -> "list[Row]":
    from xl_analysis import hubness, pair_cosines, separation

    rows: list[Row] = []
    views = space.views(layer)
    # What reads phonemes cannot read Latin letters, and what reads these has them already.
    once = config.as_written or not space.reads_letters
    romanised = iter(()) if once else pair_cosines(space.views(layer, romanised=True), space.pairs)
    for (source, target), matrix in zip(space.pairs, pair_cosines(views, space.pairs), strict=True):
        figures: dict[str, float] = dict(separation(matrix)._asdict())
        if (latin := next(romanised, None)) is not None:
            figures |= {f"romanised_{name}": value for name, value in separation(latin)._asdict().items()}
        k = min(_K, len(space.keys) - 1)
        figures["hub_skew"] = (hubness(matrix, k) + hubness(matrix.T, k)) / 2
        shares, chances = _misses(space, source, target, matrix, layer, config.data, found)
        for name, value in (figures | shares).items():
            more: dict[str, Any] = {"chance": chances[name]} if name in chances else {}
            rows.append(space.row("alignment", name, value, source, target, layer, **more))
    return rows


def _misses(
    space: Space,
    source: str,
    target: str,
    matrix: "NDArray[np.floating]",
    layer: int,
    folder: str,
    found: list[Miss] | None,
) -> tuple[dict[str, float], dict[str, float]]:
    """Share of texts of both languages whose nearest is no translation, of these the share of each kind; and chance.

    The chance of a kind is its share among all wrong texts.
    """
    import numpy as np

    n_items = len(space.keys)
    n_missed, counts, chances = 0, dict[str, int](), dict[str, float]()
    of_both = _kinds(space, source, target, folder)
    for one, other, similarities in ((source, target, matrix), (target, source, matrix.T)):
        kinds, of_chance = of_both[one, other]
        nearest = similarities.argmax(axis=1)
        missed = np.flatnonzero(nearest != np.arange(n_items))
        n_missed += len(missed)
        for name, table in kinds.items():
            counts[name] = counts.get(name, 0) + int(table[missed, nearest[missed]].sum())
            chances[f"miss_{name}"] = chances.get(f"miss_{name}", 0.0) + of_chance[name] / 2
        if found is not None:
            found += [_miss(space, one, other, layer, int(i), int(nearest[i]), similarities, kinds) for i in missed]
    shares = {"misses": n_missed / (2 * n_items)}
    if n_missed:
        shares |= {f"miss_{name}": count / n_missed for name, count in counts.items()}
    return shares, chances


def _kinds(
    space: Space, source: str, target: str, folder: str
) -> "dict[tuple[str, str], tuple[Mapping[str, NDArray[np.bool_]], dict[str, float]]]":
    """(query's language, other) -> the kinds of miss of each text, (n, n), and the share of each among wrong texts."""
    from xl_analysis import Surfaces, miss_kinds, trigram_jaccard

    if (source, target) in space.kept:
        return space.kept[source, target]
    if "surfaces" not in space.kept:
        space.kept["surfaces"] = {name: Surfaces(space.texts[name], space.romanised[name]) for name in space.languages}
        space.kept["labels"] = _topics(space, folder)
    surfaces, topics, n_items = space.kept["surfaces"], space.kept["labels"], len(space.keys)
    alike = trigram_jaccard(surfaces[source], surfaces[target])
    found = {}
    for one, other, shares in ((source, target, alike), (target, source, alike.T)):
        kinds = miss_kinds(surfaces[one], surfaces[other], topics, alike=shares)
        n_wrong = {name: table.sum() - table.trace() for name, table in kinds.items()}
        found[one, other] = kinds, {name: float(n / (n_items * (n_items - 1))) for name, n in n_wrong.items()}
    if 2 * len(space.pairs) * _N_KINDS * n_items**2 <= _KEPT_CELLS:
        space.kept[source, target] = found
    return found


def _topics(space: Space, folder: str) -> list[str]:
    """The topic of each item where the data set has topics: SIB-200."""
    from xl_tasks import TaskError, load_sib200_topics

    try:
        by_language = load_sib200_topics(folder, [space.languages[0]]).by_language
    except TaskError:  # another data set, or a copy without topics
        return []
    topics = {each.key: each.label for splits in by_language.values() for part in splits.values() for each in part}
    return [topics[key] for key in space.keys] if topics.keys() >= set(space.keys) else []


def _miss(
    space: Space,
    source: str,
    target: str,
    layer: int,
    query: int,
    nearest: int,
    similarities: "NDArray[np.floating]",
    kinds: "Mapping[str, NDArray[np.bool_]]",
) -> Miss:
    return {
        "model": "+".join(dict.fromkeys(opened.encoder.name for opened in space.opened.values())),
        "layer": layer,
        "source": source,
        "target": target,
        "key": space.keys[query],
        "nearest": space.keys[nearest],
        "kinds": [name for name, table in kinds.items() if table[query, nearest]],
        "cosine": round(float(similarities[query, query]), 4),
        "cosine_nearest": round(float(similarities[query, nearest]), 4),
        "text": space.texts[source][query],
        "translation": space.texts[target][query],
        "nearest_text": space.texts[target][nearest],
    }


def _told(miss: Miss) -> str:
    kinds: Sequence[str] = miss["kinds"]  # ty: ignore[invalid-assignment]
    return (
        f"miss at layer {miss['layer']}, {miss['source']} to {miss['target']} ({', '.join(kinds) or 'no kind'}):\n"
        f"  {miss['text']}\n  is nearer to {miss['nearest_text']} ({miss['cosine_nearest']})\n"
        f"  than to {miss['translation']} ({miss['cosine']})"
    )


SIMILARITY = Measure(
    settings=SimilarityConfig,
    rows=similarity_rows,
    at_layer=similarity_at,
    table="xl_analysis:alignment_table",
    read_where=OF_SPACE,
)
