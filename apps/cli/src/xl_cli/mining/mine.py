"""`xl mine`: which sentences of two corpora that are not parallel are translations of one another."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.mining.config import READ_WHERE, MineConfig
from xl_cli.mining.known import read_known
from xl_cli.mining.search import search
from xl_cli.mining.sentences import Sentences
from xl_cli.results import Rows
from xl_cli.settings import takes
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.word_files import check_new, language_of

if TYPE_CHECKING:
    from xl_cli.evaluation.opened import Opened
    from xl_tasks.scoring.margin import Neighbours, Pairs


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """Pairs from the best score down, of which the first `n` are kept.

    expected: precision, recall and F1 by the humps; None where no threshold was learnt. why: what the threshold is.
    """

    pairs: "Pairs"
    n: int
    threshold: float
    why: str
    expected: tuple[float, float, float] | None = None


@takes(config=MineConfig)
def mine(first: str | Path, second: str | Path, *, config: MineConfig, given: frozenset[str], out: str | Path) -> Rows:
    """Pairs of sentences of two corpora that are translations, by margin scores, written from the best score down.

    first, second: text files, a sentence a line, read several times. out: TSV file to write, a pair a line: both
    sentences, the score and both line numbers; must be new.

    A call that was stopped goes on where it was. Raises UsageError for wrong settings, CliError for what is missing.
    """
    first, second = Path(first), Path(second)
    target = check_new(out)
    if config.sample:
        _check_unmarked(_sample_path(target))
    refuse_unread(READ_WHERE, given, config)
    for path in (first, second):
        if str(path) == "-":
            message = "xl mine reads its files several times; write standard input to a file."
            raise UsageError(message)
    extra = [path for path in (config.known, config.gold) if path is not None]
    check_at_hand(files=[first, second, *extra], models=[config.model], revision=config.revision)
    with processes.alone(target, beside=True):
        return _mined(first, second, config, target)


def _mined(first: Path, second: Path, config: MineConfig, target: Path) -> Rows:
    with Progress("reading sentences", quiet=True):
        sides = Sentences(first, ids=config.ids), Sentences(second, ids=config.ids)
        known = read_known(config.known, *sides) if config.known else {}
        gold = read_known(config.gold, *sides) if config.gold else {}
    folder = config.vectors or target.with_name(f"{target.name}.partial")
    opened, near = _neighbours(sides, config, folder)
    kept = _kept(near, known, config)
    texts = tuple(
        side.named(set(rows[: kept.n].tolist()))
        for side, rows in zip(sides, (kept.pairs.first, kept.pairs.second), strict=True)
    )
    _write(target, kept, texts, sample=config.sample)
    if config.vectors is None:
        shutil.rmtree(folder)
    return _told(sides, opened, kept, texts, gold, config, target)


def _neighbours(sides: tuple[Sentences, Sentences], config: MineConfig, folder: Path) -> "tuple[Opened, Neighbours]":
    from xl_cli.evaluation.opened import open_model
    from xl_encoders.reading.vector_files import fingerprint

    opened = open_model(config.model, **config.read)
    if opened.note:
        say(opened.note)
    folder.mkdir(parents=True, exist_ok=True)
    vectors = []
    digest = hashlib.blake2b(fingerprint(opened.encoder).encode(), digest_size=16)
    for name, side in zip(("a", "b"), sides, strict=True):
        file = folder / f"{name}.npy"
        vectors.append(
            opened.encoder.embed(
                side, layer=opened.layers[0], pooling=opened.pooling, precision=config.precision, out=file
            )
        )
        digest.update(file.with_name(f"{file.name}.json").read_bytes())
    k = config.k if config.score == "margin" or config.in_order else 1
    near = search((vectors[0], vectors[1]), k, folder / "neighbours", of=digest.hexdigest())
    return opened, near


def _kept(near: "Neighbours", known: Mapping[tuple[int, int], bool], config: MineConfig) -> _Kept:
    """The pairs that count, with the threshold that was given or learnt."""
    import numpy as np

    from xl_tasks.scoring.humps import fit_humps
    from xl_tasks.scoring.margin import best_threshold, in_order, one_to_one

    if config.in_order:
        pairs = in_order(near, score=config.score, least=config.threshold)
        least = float(pairs.scores[-1]) if len(pairs.scores) else float("inf")
        return _Kept(pairs=pairs, n=len(pairs.scores), threshold=least, why="the least in the heaviest chain in order")
    pairs = one_to_one(near, score=config.score)
    if config.threshold is not None:
        n = int((pairs.scores >= config.threshold).sum())
        return _Kept(pairs=pairs, n=n, threshold=config.threshold, why="as given")
    labels = np.full(len(pairs.scores), -1, dtype=np.int8)
    partners = {one: other for (one, other), translated in known.items() if translated}
    for place, pair in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
        if pair in known:
            labels[place] = known[pair]
        elif pair[0] in partners:
            labels[place] = 0  # its translation is another sentence
    humps = fit_humps(pairs.scores, labels)
    threshold, f1 = best_threshold(pairs.scores, humps.likely, float(humps.likely.sum()))
    n = int((pairs.scores >= threshold).sum())
    right = float(humps.likely[:n].sum())
    why = (
        f"learnt from {int((labels >= 0).sum()):,} known pairs and the scores" if known else "by the scores' two humps"
    )
    if humps.separation < 2:
        say(
            f"note: scores of translations and of others hardly differ (separation {humps.separation:.1f}, clear above "
            "2): look at some pairs (--sample 50), and give --threshold, or --known with pairs that you know."
        )
    expected = (right / max(n, 1), right / max(float(humps.likely.sum()), 1e-12), f1)
    return _Kept(pairs=pairs, n=n, threshold=threshold, why=why, expected=expected)


def _write(target: Path, kept: _Kept, texts: tuple[dict[int, tuple[str, str]], ...], *, sample: int) -> None:
    from xl_translit import replacing

    lines = []
    for place in range(kept.n):
        one, other = texts[0][int(kept.pairs.first[place])], texts[1][int(kept.pairs.second[place])]
        lines.append((_flat(one[1]), _flat(other[1]), f"{kept.pairs.scores[place]:.6f}", one[0], other[0]))
    if sample and lines:
        places = sorted(
            {round(part * (len(lines) - 1) / max(sample - 1, 1)) for part in range(sample)} & {*range(len(lines))}
        )
        with replacing(_sample_path(target)) as file:
            for place in places:
                one, other, score, key, partner = lines[place]
                file.write("\t".join((key, partner, "", score, one, other)) + "\n")
    with replacing(target) as file:  # last, as a call that was killed before it goes on
        for line in lines:
            file.write("\t".join(line) + "\n")


def _check_unmarked(path: Path) -> None:
    """UsageError for a sample that somebody has judged, as it would be written over."""
    rows = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    if any(len(cells) < 3 or cells[2].strip() for cells in (row.split("\t") for row in rows)):
        message = f"{path} has marks in its third column, and --sample would write it anew; name another --out."
        raise UsageError(message)


def _sample_path(target: Path) -> Path:
    return target.with_name(f"{target.name.partition('.tsv')[0]}.sample.tsv")


def _flat(text: str) -> str:
    """A sentence for a column: a TAB would begin the next."""
    return text.replace("\t", " ")


def _told(
    sides: tuple[Sentences, Sentences],
    opened: "Opened",
    kept: _Kept,
    texts: tuple[dict[int, tuple[str, str]], ...],
    gold: Mapping[tuple[int, int], bool],
    config: MineConfig,
    target: Path,
) -> Rows:
    """What was found, as rows and in words."""
    from xl_tasks import Row

    ones, others = (rows[: kept.n].tolist() for rows in (kept.pairs.first, kept.pairs.second))
    figures: dict[str, tuple[float, int]] = {
        "pairs": (kept.n, len(kept.pairs.scores)),
        "threshold": (kept.threshold, 1),
    }
    lines = [side.told() for side in sides]
    lines.append(f"{target}: {kept.n:,} pairs with a {config.score} of at least {kept.threshold:.4f} ({kept.why})")
    if kept.expected is not None:
        names = ("precision", "recall", "f1")
        figures |= {f"expected_{name}": (value, kept.n) for name, value in zip(names, kept.expected, strict=True)}
        lines.append("to be expected by the scores: precision {:.1%}, recall {:.1%}, F1 {:.1%}".format(*kept.expected))
    copies = sum(texts[0][one][1] == texts[1][other][1] for one, other in zip(ones, others, strict=True))
    if copies:
        lines.append(f"{copies:,} of the pairs are the same text on both sides")
    if gold:
        right = {pair for pair, translated in gold.items() if translated}
        hits = len(right & set(zip(ones, others, strict=True)))
        precision, recall = hits / max(kept.n, 1), hits / max(len(right), 1)
        f1 = 2 * hits / max(kept.n + len(right), 1)
        figures |= {"precision": (precision, kept.n), "recall": (recall, len(right)), "f1": (f1, len(right))}
        lines.append(f"by {len(right):,} gold pairs: precision {precision:.1%}, recall {recall:.1%}, F1 {f1:.1%}")
    if config.sample and kept.n:
        lines.append(f"{_sample_path(target)}: pairs to judge; write 1 or 0 into the third column, give it as --known")
    rows = [
        Row(
            task="mine",
            metric=metric,
            value=float(value),
            n=n,
            source=language_of(config.source_lang, sides[0].path),
            target=language_of(config.target_lang, sides[1].path),
            seed=opened.seed,
            model=opened.encoder.name,
            layer=opened.layers[0],
            pooling=f"{opened.pooling}+{config.score}",
            variant=opened.variant,
            data=f"{sides[0].path.name} {sides[1].path.name}",
        )
        for metric, (value, n) in figures.items()
    ]
    return Rows(rows, lambda: "\n".join(lines), target)
