"""Links as text and as files: Pharaoh lines, JSON lines, a table of one pair, pictures, sentence pairs that pass."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xl_analysis import ReliabilityBin, Table, WordLinks, heat_map, picture_bytes, picture_note, scatter
from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_cli.words.confidence import Confidences
from xl_cli.words.config import AlignWordsConfig
from xl_cli.words.linking import PairLinks, SentencePairs
from xl_objectives import format_pharaoh
from xl_translit import replacing


def pharaoh(links: Sequence[PairLinks]) -> Iterator[str]:
    """A line a pair, without its end."""
    return format_pharaoh(pair.pairs for pair in links)


def write_links(path: Path, pairs: SentencePairs, links: Sequence[PairLinks], confidences: Confidences) -> None:
    """Pharaoh lines, or of a `.jsonl` an object a pair: words, [i, j, confidence] a link, words without a partner."""
    jsonl = ".jsonl" in path.suffixes
    with replacing(path) as file:
        for line in _objects(pairs, links, confidences) if jsonl else pharaoh(links):
            file.write(f"{line}\n")


def _objects(pairs: SentencePairs, links: Sequence[PairLinks], confidences: Confidences) -> Iterator[str]:
    for number, (pair, sure) in enumerate(zip(links, confidences, strict=True)):
        left, right = pairs.words(number)
        its = {
            "left": left,
            "right": right,
            "links": [[i, j, round(float(c), 4)] for (i, j), c in zip(pair.pairs, sure, strict=True)],
            "left_alone": pair.alone[0],
            "right_alone": pair.alone[1],
        }
        yield json.dumps(its, ensure_ascii=False)


def pair_links_table(pairs: SentencePairs, links: PairLinks, confidences: "np.ndarray", about: str) -> Table:
    """The links of the first pair, a line each, and the words without a partner."""
    left, right = pairs.words(0)
    body = [(f"{i}-{j}", left[i], right[j], f"{c:.2f}") for (i, j), c in zip(links.pairs, confidences, strict=True)]
    body += [(f"{i}-", left[i], "-", "") for i in links.alone[0]] + [
        (f"-{j}", "-", right[j], "") for j in links.alone[1]
    ]
    return Table(("link", "source", "target", "confidence"), tuple(body), about, n_labels=3)


def write_matrix(path: Path, pairs: SentencePairs, number: int, links: WordLinks, about: str) -> None:
    """A picture of the scores of all pairs of words; a note tells of letters that no font has."""
    left, right = pairs.words(number)
    figure = heat_map(links.matrix, left, right, title=about, label="score", limits=(0, 1), outlined=links.pairs)
    _write_picture(path, figure)


def write_reliability(path: Path, curve: Sequence[ReliabilityBin], about: str) -> None:
    """A picture of the share of right links by confidence; each point has its number of links beside it."""
    figure = scatter(
        [each.confidence for each in curve],
        [each.right for each in curve],
        names=[str(each.n) for each in curve],
        title=about,
        x_label="confidence",
        y_label="share of links that are right",
        line=(1.0, 0.0),
    )
    figure.axes[0].set(xlim=(-0.02, 1.05), ylim=(-0.02, 1.05))
    _write_picture(path, figure)


def _write_picture(path: Path, figure: object) -> None:
    content = picture_bytes(figure, path.suffix.removeprefix("."))  # ty: ignore[invalid-argument-type]
    with replacing(path, "wb") as file:
        file.write(content)
    if note := picture_note(figure):  # ty: ignore[invalid-argument-type]
        say(f"note: {note}")


def write_kept(
    config: AlignWordsConfig, pairs: SentencePairs, links: Sequence[PairLinks], confidences: Confidences
) -> int:
    """Write the pairs that pass as `.tsv`, say how many do not and why, and give the number of those that do."""
    n_alone = n_unsure = 0
    passing = []
    for number, (pair, sure, lens) in enumerate(zip(links, confidences, pairs.lens, strict=True)):
        lonely = config.max_alone is not None and share_alone(pair, lens) > config.max_alone
        unsure = config.min_confidence is not None and mean_confidence(sure) < config.min_confidence
        n_alone += lonely
        n_unsure += unsure
        if not lonely and not unsure:
            passing.append(number)
    with replacing(Path(config.kept)) as file:
        for number in passing:
            file.write(f"{pairs.texts[0][number]}\t{pairs.texts[1][number]}\n")
    reasons = []
    if config.max_alone is not None:
        reasons.append(f"{n_alone} have more than {100 * config.max_alone:g} % of their words without a partner")
    if config.min_confidence is not None:
        reasons.append(f"{n_unsure} a mean confidence below {config.min_confidence:g}")
    dropped = len(pairs) - len(passing)
    say(f"{config.kept}: {len(passing)} of {len(pairs)} pairs kept, {dropped} dropped: {', '.join(reasons)}.")
    return len(passing)


def check_tabs(pairs: SentencePairs) -> None:
    """CliError for a sentence with a tab, which a `.tsv` of pairs would cut."""
    for place, left, right in zip(pairs.where, *pairs.texts, strict=True):
        if "\t" in left + right:
            message = f"{place}: a tab in this sentence or its translation, which --kept would cut there; take it out."
            raise CliError(message)


def share_alone(pair: PairLinks, lens: tuple[int, int]) -> float:
    """Share of the words of a pair that have no partner; 1 for no words."""
    return sum(map(len, pair.alone)) / sum(lens) if sum(lens) else 1.0


def mean_confidence(confidences: "np.ndarray") -> float:
    """Of the links of a pair; 0 for none."""
    return float(confidences.mean()) if len(confidences) else 0.0
