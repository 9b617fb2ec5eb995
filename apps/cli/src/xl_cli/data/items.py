"""Which items of parallel texts are used: their split, how many, and the pairs of languages to compare."""

from collections.abc import Iterable, Sequence

from xl_cli.errors import CliError
from xl_cli.recipe.config import EvalConfig, ParallelConfig
from xl_tasks import DATASETS, ParallelTexts, load_texts
from xl_tasks.drawing import first_by_hash


def load_items(config: ParallelConfig) -> tuple[ParallelTexts, list[str]]:
    """The parallel data that `config` names, restricted to its languages, and the keys to use."""
    data = load_texts(config.data)
    if config.source and config.target:  # a side that is not named means every language
        data = data.restrict([*config.source, *config.target])
    return data, split_keys(data, config.split, config.data)


def split_keys(data: ParallelTexts, split: str, name: str) -> list[str]:
    """The keys of a split; "" is the test split where the data has splits, else everything."""
    split = split or ("test" if data.splits else "all")
    if split != "all" and not data.splits:
        message = f"{name} has no splits of its own; leave --split out, or give all."
        raise CliError(message)
    return [key for key in data.keys if split == "all" or data.splits.get(key) == split]


def pairs_both_ways(data: ParallelTexts, source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str]]:
    """Ordered pairs, both directions; a side that names no language is every language."""
    sources = data.restrict(source).languages if source else data.languages
    targets = data.restrict(target).languages if target else data.languages
    pairs = [(a, b) for a in sources for b in targets if a != b]
    pairs = list(dict.fromkeys([pair for a, b in pairs for pair in ((a, b), (b, a))]))
    if not pairs:
        message = f"no pair of two languages: sources {', '.join(sources)}; targets {', '.join(targets)}."
        raise CliError(message)
    return pairs


def scored_keys(data: ParallelTexts, keys: list[str], languages: Iterable[str], limit: int) -> list[str]:
    """The keys to score: at most `limit` (0 for all, -1 for the published number) of those that all languages have.

    The same items for every pair make pairs comparable. Where the data joins collections that share no items (the
    bitexts of Tatoeba), the limit counts in each of them.
    """
    if limit < 0:
        limit = DATASETS[data.name].n_published if data.name in DATASETS else 0
    if data.pools:
        pools: dict[str, list[str]] = {}
        for key in keys:
            pools.setdefault(data.pools[key], []).append(key)
        return [key for members in pools.values() for key in first_by_hash(members, limit)]
    codes = set(languages)
    shared = [key for key in keys if all(key in data.texts[language] for language in codes)]
    if not shared:
        message = f"{data.name}: no item has a text in each of {', '.join(sorted(codes))}; leave one of them out."
        raise CliError(message)
    return first_by_hash(shared, limit)


def scored_pairs(corpus: ParallelTexts, scoring: EvalConfig) -> list[tuple[str, str]]:
    """The ordered pairs that a run scores: both directions with the pivot, else all of its sources and targets."""
    if scoring.pivot:
        return pairs_both_ways(corpus, [scoring.pivot], [])
    return language_pairs(corpus, scoring.sources, scoring.targets)


def language_pairs(corpus: ParallelTexts, sources: Sequence[str], targets: Sequence[str]) -> list[tuple[str, str]]:
    """Ordered pairs of two languages; a side that is not named means every language."""
    queries = corpus.restrict(sources).languages if sources else corpus.languages
    candidates = corpus.restrict(targets).languages if targets else corpus.languages
    return [(source, target) for source in queries for target in candidates if source != target]
