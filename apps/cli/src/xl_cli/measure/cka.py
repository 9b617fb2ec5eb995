"""Centred kernel alignment between languages (Kornblith et al. 2019), layer by layer."""

import dataclasses

from xl_analysis import cka_matrix
from xl_cli.data.items import load_items, pairs_both_ways, scored_keys
from xl_cli.errors import CliError
from xl_cli.evaluation.layer_sweep import LayerSweep
from xl_cli.measure.measured import measured_row, open_asked
from xl_cli.recipe.config import RetrievalConfig
from xl_tasks import Row


def cka_rows(config: RetrievalConfig, *, debiased: bool) -> list[Row]:
    """Linear CKA of each source with each target over the items that all of them have, at each layer; a row a pair.

    A side that names no language is every language; of a pair, which has no direction, there is one row.
    """
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
        names, matrix = cka_matrix(sweep.views(layer), debiased=debiased)
        place = {name: number for number, name in enumerate(names)}
        metric = "cka_debiased" if debiased else "cka"
        rows += [
            measured_row(opened, data, "cka", metric, matrix[place[a], place[b]], len(shared), a, b, layer)
            for a, b in pairs
        ]
    return rows
