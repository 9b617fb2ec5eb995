"""Centred kernel alignment between languages (Kornblith et al. 2019), layer by layer."""

import dataclasses
from typing import TYPE_CHECKING

from xl_cli.errors import CliError
from xl_cli.measure.registry import Measure
from xl_cli.recipe.config import RetrievalConfig
from xl_cli.unread_options import ReadWhere, revision_row

if TYPE_CHECKING:
    from xl_tasks import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class CkaConfig(RetrievalConfig):
    """Which model is measured on what, and how."""

    debiased: bool = dataclasses.field(default=False, metadata={"help": "Correct the upward bias of few sentences."})


def cka_rows(config: CkaConfig) -> "list[Row]":
    """Linear CKA between languages: how alike the model arranges the same sentences, 0 to 1.

    Example: xl analyze cka --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    # Over the items that all of the languages have, at each layer. A side that names no language is every language; of
    # a pair, which has no direction, there is one row.
    from xl_analysis import cka_matrix
    from xl_cli.data.items import load_items, pairs_both_ways, scored_keys
    from xl_cli.evaluation.layer_sweep import LayerSweep
    from xl_cli.measure.measured import measured_row, open_asked

    data, keys = load_items(config)
    if data.pools:
        message = f"{data.name} joins bitexts that share no items; CKA needs the same items in every language."
        raise CliError(message)
    unordered: dict[frozenset[str], tuple[str, str]] = {}
    for pair in pairs_both_ways(data, config.source, config.target):
        unordered.setdefault(frozenset(pair), pair)
    pairs = list(unordered.values())
    languages = [language for language in data.languages if any(language in pair for pair in pairs)]
    shared = scored_keys(data, keys, languages, config.limit)
    opened = open_asked(config)
    texts = {language: [data.texts[language][key] for key in shared] for language in languages}
    sweep = LayerSweep(opened.encoder, texts, opened.layers, opened.pooling, config.transform)
    opened = dataclasses.replace(opened, pooling=sweep.pooling)
    rows = []
    for layer in opened.layers:
        names, matrix = cka_matrix(sweep.views(layer), debiased=config.debiased)
        place = {name: number for number, name in enumerate(names)}
        metric = "cka_debiased" if config.debiased else "cka"
        rows += [
            measured_row(opened, data, "cka", metric, matrix[place[a], place[b]], len(shared), a, b, layer)
            for a, b in pairs
        ]
    return rows


CKA = Measure(
    settings=CkaConfig,
    rows=cka_rows,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(
            ("transform",),
            lambda call: not call.transform or call.transform[-1] != "center",
            "with center at its end: CKA takes each language's own mean away in any case",
        ),
        revision_row("model"),
    ),
)
