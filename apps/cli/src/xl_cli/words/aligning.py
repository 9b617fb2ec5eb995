"""One call of `xl analyze align-words`: its rows, its files, and what it prints."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xl_analysis import (
    Calibration,
    GoldLinks,
    alignment_scores,
    brier_score,
    calibration_error,
    pair_table,
    parse_gold,
    reliability_curve,
)
from xl_cli.data.letters import tell_letters
from xl_cli.errors import UsageError
from xl_cli.evaluation.opened import Opened, open_model
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import say
from xl_cli.results import Rows
from xl_cli.vectors.word_files import check_new
from xl_cli.words.confidence import Confidences, description, learned, read_calibration, right_links
from xl_cli.words.config import AlignWordsConfig
from xl_cli.words.linking import (
    PairLinks,
    SentencePairs,
    link_pairs,
    linked,
    read_sentence_pairs,
    read_verses,
    shifted,
    unit_of,
)
from xl_cli.words.written import (
    check_tabs,
    mean_confidence,
    pair_links_table,
    pharaoh,
    share_alone,
    write_kept,
    write_links,
    write_matrix,
    write_reliability,
)
from xl_tasks import Row
from xl_translit import read_lines, replacing

# Of 12, as published for mBERT.
_DEPTH_SHARE = 2 / 3
_FILES = ("links", "calibrate", "reliability", "picture", "kept")
_PICTURES = (".png", ".svg", ".pdf")


def align_pairs(config: AlignWordsConfig) -> Rows:
    """Link, measure, write; `str` of the rows is what the command prints."""
    gold_lines = "" if config.has_verses else config.gold
    check_at_hand(files=[each for each in (*config.files, gold_lines, config.calibration) if each])
    for name in _FILES:
        check_new(getattr(config, name) or None, f"--{name}")
    for name in ("reliability", "picture"):
        given = getattr(config, name)
        if given and not given.endswith(_PICTURES):
            message = f"--{name} {given} is no picture; give a name that ends in .png, .svg or .pdf."
            raise UsageError(message)
    books: list[str] = []
    gold: list[GoldLinks] = []
    if config.has_verses:
        pairs, gold, books = read_verses(config)
    else:
        pairs = read_sentence_pairs(config)
        if config.gold:
            gold = list(parse_gold(read_lines(config.gold), lens=pairs.lens, name=config.gold))
    pairs = shifted(pairs) if config.shifted else pairs
    if config.kept:
        check_tabs(pairs)
    if config.line > len(pairs):
        message = f"--line is {config.line}, but there are {len(pairs)} sentence pairs; give 1 to {len(pairs)}."
        raise UsageError(message)
    opened = _open(config)
    tell_letters(opened.encoder, dict(zip(("left", "right"), pairs.texts, strict=True)), "--files")
    written = [f"--{name}" for name in (*_FILES, "calibration") if getattr(config, name)]
    if len(opened.layers) > 1 and written:
        message = f"{len(opened.layers)} layers are asked for, and {written[0]} is of one; give one --layer."
        raise UsageError(message)
    rows: list[Row] = []
    for layer in opened.layers:
        links = link_pairs(opened.encoder, pairs, layer, config)
        figures, confidences = _figures(config, opened, pairs, links, gold, layer)
        if config.kept:
            n_kept = write_kept(config, pairs, links, confidences)
            figures.append(("kept", n_kept / len(pairs), len(pairs)))
        rows += [_row(config, opened, pairs, layer, *figure) for figure in figures]
        rows += [
            dataclasses.replace(_row(config, opened, pairs, layer, "book_aer", aer, n), data=f"{pairs.name} {book}")
            for book, aer, n in _by_book(links, gold, books)
        ]
    if config.links:
        write_links(Path(config.links), pairs, links, confidences)
    if config.picture:
        number = config.line - 1
        (its,) = linked(opened.encoder, pairs, [number], layer, config)
        about = f"{config.method}, layer {layer}, {opened.encoder.name}"
        write_matrix(Path(config.picture), pairs, number, its, about)

    def text() -> str:
        figures = pair_table([dataclasses.asdict(row) for row in rows]).render("text")
        if config.text and len(opened.layers) == 1:
            about = f"{config.method} at layer {layer} of {opened.encoder.name}; "
            about += "scores that no gold has calibrated." if not config.calibration else "calibrated confidences."
            return pair_links_table(pairs, links[0], confidences[0], about).render("text")
        if config.links or config.has_verses or config.shifted or len(opened.layers) > 1:
            return figures
        return "\n".join(pharaoh(links))

    if config.files and not (config.links or config.shifted) and len(opened.layers) == 1:
        say("; ".join(f"{row.metric} {row.value:.3f}" for row in rows))
    return Rows(rows, text)


def _open(config: AlignWordsConfig) -> Opened:
    # Sentence encoders are read at the end by their files; words are told apart best in the middle.
    opened = open_model(
        config.model, revision=config.revision, layer=config.layer or ("last",), pooling="mean-all", prompt=""
    )
    if config.layer:
        return opened
    layer = round(opened.encoder.n_layers * _DEPTH_SHARE)
    say(f"note: {opened.encoder.name} is read at layer {layer} of {opened.encoder.n_layers}, two thirds of its depth.")
    return dataclasses.replace(opened, layers=[layer])


def _figures(
    config: AlignWordsConfig,
    opened: Opened,
    pairs: SentencePairs,
    links: Sequence[PairLinks],
    gold: Sequence[GoldLinks],
    layer: int,
) -> tuple[list[tuple[str, float, int]], Confidences]:
    """Metric, value and count of all that is measured; the confidences of the links of each pair."""
    name = opened.encoder.name
    confidences: Confidences = [pair.scores for pair in links]
    if config.calibration:
        calibration = read_calibration(config, name, layer)
        confidences = [calibration(scores) for scores in confidences]
    figures: list[tuple[str, float, int]] = []
    if gold:
        scores = alignment_scores((pair.pairs for pair in links), gold)
        figures += [(metric, getattr(scores, metric), len(pairs)) for metric in ("aer", "precision", "recall")]
        right = right_links(links, gold)
        if config.calibrate:
            figures += [(f"{metric} before", value, n) for metric, value, n in _calibrated(confidences, right)]
            whole, confidences = learned(links, right, config.calibrator)
            _keep(config.calibrate, whole, description(config, name, layer))
        figures += _calibrated(confidences, right)
        if config.reliability and scores.n_links:
            curve = reliability_curve(np.concatenate(confidences), np.concatenate(right))
            state = "calibrated" if config.calibrate or config.calibration else "scores as they are"
            write_reliability(Path(config.reliability), curve, f"{config.method}, layer {layer}, {name}: {state}")
    n_links = sum(len(pair.pairs) for pair in links)
    alone = [share_alone(pair, lens) for pair, lens in zip(links, pairs.lens, strict=True)]
    figures += [
        ("links", n_links / len(pairs), len(pairs)),
        ("alone", float(np.mean(alone)), len(pairs)),
        ("confidence", float(np.mean([mean_confidence(each) for each in confidences])), len(pairs)),
    ]
    return figures, confidences


def _by_book(
    links: Sequence[PairLinks], gold: Sequence[GoldLinks], books: Sequence[str]
) -> Iterator[tuple[str, float, int]]:
    """Book, its AER and number of verses."""
    for book in dict.fromkeys(books):
        here = [number for number, its in enumerate(books) if its == book]
        scores = alignment_scores((links[number].pairs for number in here), [gold[number] for number in here])
        yield book, scores.aer, len(here)


def _calibrated(confidences: Confidences, right: Sequence[np.ndarray]) -> list[tuple[str, float, int]]:
    values, answers = np.concatenate(confidences), np.concatenate(right)
    if not len(values):
        return []
    return [
        ("brier", brier_score(values, answers), len(values)),
        ("calibration_error", calibration_error(values, answers), len(values)),
    ]


def _keep(name: str, calibration: Calibration, about: dict[str, object]) -> None:
    with replacing(Path(name)) as file:
        file.write(calibration.to_json(**about) + "\n")


def _row(
    config: AlignWordsConfig, opened: Opened, pairs: SentencePairs, layer: int, metric: str, value: float, n: int
) -> Row:
    return Row(
        task="align-words",
        metric=metric,
        value=float(value),
        n=n,
        source=pairs.languages[0],
        target=pairs.languages[1],
        seed=opened.seed,
        model=opened.encoder.name,
        layer=layer,
        pooling=config.method,
        unit=unit_of(config),
        variant=opened.variant,
        noise="shifted" if config.shifted else "",
        data=pairs.name,
    )
