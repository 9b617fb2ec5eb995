"""`xl static induce`: a dictionary out of two vocabularies that share a space."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import say
from xl_cli.options import check_options
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_cli.vectors.word_files import (
    DEVICES,
    check_new,
    read_pair,
    usable_device,
)
from xl_objectives import setting
from xl_staticemb.search.choices import DIRECTIONS, RETRIEVALS

if TYPE_CHECKING:
    from xl_staticemb import WordVectors


@dataclass(frozen=True, kw_only=True)
class InduceConfig:
    """Which words look at each other, which pairs are taken, and which must not be."""

    direction: str = setting(
        "mutual",
        "mutual (each is the other's nearest) | forward (of each source word) | backward (of each target word) | union",
        choices=DIRECTIONS,
    )
    retrieval: str = setting("csls", "csls | nn (cosine) | invsoftmax | invnn", choices=RETRIEVALS)
    cutoff: int = setting(20_000, "Most frequent words of each side to look at; 0: all", low=0)
    k: int = setting(1, "Nearest words that count as such.", low=1)
    n_neighbours: int = setting(10, "Neighbours that CSLS takes the mean of.", low=1)
    temperature: float = setting(
        30.0, "Inverse temperature of invsoftmax.", above=0, below=inf, wanted="a number above 0"
    )
    min_score: float | None = setting(None, "Leave out pairs that score less.")
    max_pairs: int = setting(0, "Most pairs to write, the best ones; 0 writes all.", low=0)
    exclude: tuple[str, ...] = setting(
        (),
        "File of what must not appear, such as a test dictionary: source<TAB>target, two words, or one "
        "word (of either side) a line; '-' is standard input; repeatable.",
    )
    exclude_by: str = setting(
        "word",
        "Of a pair in --exclude: word (neither appears on its side) | pair (only the pair)",
        choices=("word", "pair"),
    )
    skip_identical: bool = setting(False, "Leave out pairs of equal strings.")
    device: str = setting("cpu", f"Of all but invnn: {DEVICES}")

    def __post_init__(self) -> None:
        check_options(self)


READ_WHERE = (
    ReadWhere(("n_neighbours",), lambda call: call.retrieval == "csls", "without --retrieval csls"),
    ReadWhere(("temperature",), lambda call: call.retrieval == "invsoftmax", "without --retrieval invsoftmax"),
    ReadWhere(
        ("device",), lambda call: call.retrieval != "invnn", "for --retrieval invnn, which stays on the processor"
    ),
    ReadWhere(("exclude_by",), lambda call: call.exclude, "without --exclude"),
)


@takes(config=InduceConfig)
def induce(
    source: str | Path,
    target: str | Path,
    *,
    config: InduceConfig,
    given: frozenset[str],
    out: str | Path | None = None,
) -> list[tuple[str, str, float]]:
    """Induce a dictionary: (source word, target word, score) of words that are each other's nearest, best first.

    source, target: files of word vectors that share a space. out: file to write the pairs to; must be new.
    """
    source, target = Path(source), Path(target)
    refuse_unread(READ_WHERE, given, config)
    out = check_new(out)
    check_at_hand(files=[source, target, *config.exclude])
    device = usable_device(config.device)
    from xl_staticemb import induce_dictionary, write_dictionary

    banned = _Banned(config)
    sides = read_pair(source, target, config.cutoff)
    banned.say_matches(*sides)
    pairs = induce_dictionary(
        *sides,
        direction=config.direction,
        retrieval=config.retrieval,
        cutoff=config.cutoff or None,
        k=config.k,
        n_neighbours=config.n_neighbours,
        temperature=config.temperature,
        min_score=config.min_score,
        max_pairs=config.max_pairs or None,
        exclude_pairs=banned.pairs,
        exclude_sources=banned.sources,
        exclude_targets=banned.targets,
        skip_identical=config.skip_identical,
        device=device,
    )
    if not pairs:
        message = f"{source} and {target}: no pair is left to write; lower --min-score, or take --direction union."
        raise CliError(message)
    if out is not None:
        write_dictionary(out, pairs)
    scores = f"{pairs[-1][2]:.3f} to {pairs[0][2]:.3f}"
    say(f"{len(pairs)} pairs among {len(sides[0])} and {len(sides[1])} words, scores {scores}")
    return pairs


class _Banned:
    """What --exclude names."""

    def __init__(self, config: InduceConfig) -> None:
        from xl_staticemb import parse_dictionary
        from xl_translit import read_lines

        self.pairs: list[tuple[str, str]] = []
        self.sources: list[str] = []
        self.targets: list[str] = []
        for path in config.exclude:
            lines = list(read_lines(path))
            words = [line.split()[0] if "\t" not in line and len(line.split()) == 1 else "" for line in lines]
            self.sources += filter(None, words)
            self.targets += filter(None, words)
            rest = ["" if word else line for line, word in zip(lines, words, strict=True)]
            if any(line.strip() for line in rest) or not any(words):
                self.pairs += parse_dictionary(rest, path)
        if config.exclude_by == "word":
            self.sources += [source for source, _ in self.pairs]
            self.targets += [target for _, target in self.pairs]

    def say_matches(self, source: "WordVectors", target: "WordVectors") -> None:
        """Say how many of the words are there at all: a list in the wrong direction bans nothing."""
        from xl_staticemb.lexicon.dictionaries import warn_if_turned

        if not (self.pairs or self.sources):
            return
        low = [{word.lower() for word in side.words} for side in (source, target)]
        if self.pairs:
            pairs = [(one.lower(), other.lower()) for one, other in self.pairs]
            warn_if_turned(pairs, *low, what="--exclude")
        banned = [{word.lower() for word in words} for words in (self.sources, self.targets)]
        if self.sources:
            n_source, n_target = (len(words & vocabulary) for words, vocabulary in zip(banned, low, strict=True))
            say(f"--exclude: {n_source} source words and {n_target} target words of the vocabularies may not appear")
        else:
            n_pairs = sum(one.lower() in low[0] and other.lower() in low[1] for one, other in self.pairs)
            say(f"--exclude: {n_pairs} of {len(self.pairs)} pairs have both words in the vocabularies")
