"""Confidences of links: scores as they are, by a calibration that was kept, or by one that is learned from gold."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xl_analysis import Calibration, GoldLinks, fit_calibration
from xl_cli.errors import CliError
from xl_cli.folder.json_files import read_object
from xl_cli.launch.progress import say
from xl_cli.words.config import AlignWordsConfig
from xl_cli.words.linking import PairLinks, unit_of

Confidences = list[NDArray[np.float64]]


def right_links(links: Sequence[PairLinks], gold: Sequence[GoldLinks]) -> list[NDArray[np.bool_]]:
    """Of each link whether people drew it, surely or possibly."""
    return [
        np.array([link in its.possible for link in pair.pairs], dtype=bool)
        for pair, its in zip(links, gold, strict=True)
    ]


def learned(
    links: Sequence[PairLinks], right: Sequence[NDArray[np.bool_]], method: str
) -> tuple[Calibration, Confidences]:
    """The calibration that all links teach, and confidences of each half of the pairs by what the other half teaches.

    What a calibration was learned from, it cannot be measured on.
    """
    scores = [pair.scores for pair in links]
    whole = fit_calibration(np.concatenate(scores), np.concatenate(right), method)
    halves = [range(start, len(links), 2) for start in (0, 1)]
    confidences: Confidences = list(scores)
    for own, others in (halves, halves[::-1]):
        taught = [np.concatenate([part[n] for n in others]) for part in (scores, right)]
        calibration = fit_calibration(taught[0], taught[1], method)
        for number in own:
            confidences[number] = calibration(scores[number])
    return whole, confidences


def description(config: AlignWordsConfig, model: str, layer: int) -> dict[str, object]:
    """What a calibration is of; it means nothing for links that were made otherwise."""
    return {"links": config.method, "unit": unit_of(config), "layer": layer, "model": model}


def read_calibration(config: AlignWordsConfig, model: str, layer: int) -> Calibration:
    """The one in `config.calibration`. CliError for one of another method; a note where layer, unit or model differ."""
    path = Path(config.calibration)
    its = read_object(path, "make one with --calibrate.")
    calibration = Calibration.from_json(json.dumps(its), str(path))
    here = description(config, model, layer)
    if its.get("links") != here["links"]:
        message = (
            f"{path} calibrates links of method {str(its.get('links'))[:60]!r}, not of {here['links']!r}; learn one by "
            "--calibrate."
        )
        raise CliError(message)
    other = [f"{name} {its.get(name)} and not {value}" for name, value in here.items() if its.get(name) != value]
    if other:
        say(f"note: {path} was learned with {', '.join(other)}; its confidences may be off.")
    return calibration
