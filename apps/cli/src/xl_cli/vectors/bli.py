"""`xl static bli`: how often is the nearest word the translation."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import check_options
from xl_cli.results import Rows
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_cli.vectors.bli_models import dictionary_files, mean_rows, model_folder, models_table, score_models
from xl_cli.vectors.word_files import (
    DEVICES,
    bare_name,
    check_new,
    language_of,
    read_pair,
    usable_device,
)
from xl_objectives import setting
from xl_staticemb.search.choices import LOWERS, MULTI_WORDS, RETRIEVALS

if TYPE_CHECKING:
    from xl_analysis import Table
    from xl_staticemb import BliScore, WordVectors
    from xl_tasks import Row

_KS = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class BliConfig:
    """The dictionary, how translations are retrieved, and how entries are looked up."""

    dictionary: tuple[str, ...] = setting(
        (),
        "Test dictionary, source<TAB>target or two words a line; '-' is standard input. Repeatable: "
        "several files are one dictionary, such as the parts of speech of a MUSE test set.",
    )
    retrieval: tuple[str, ...] = setting(
        ("csls", "nn"), "csls | nn (cosine) | invsoftmax | invnn; repeatable, a line each", choices=RETRIEVALS
    )
    n_neighbours: int = setting(10, "Neighbours that CSLS takes the mean of.", low=1)
    temperature: float = setting(
        30.0,
        "Inverse temperature of invsoftmax: 30 as in MUSE, 1 as in VecMap.",
        above=0,
        below=inf,
        wanted="a number above 0",
    )
    limit: int = setting(200_000, "Read only so many words of each file; 0 reads all.", low=0)
    lower: str = setting(
        "auto", "Lower-case the entries: auto (where the vocabulary is lower-cased) | always | never", choices=LOWERS
    )
    multiword: str = setting(
        "skip",
        "Entries of several words that the vocabulary does not hold, with spaces or _: skip (left out and "
        "counted) | oov (no vector) | mean (of the words' vectors)",
        choices=MULTI_WORDS,
    )
    model: tuple[str, ...] = setting(
        (),
        "NAME=FOLDER with a file of vectors a language, as xl static map --pivot writes it; repeatable: models are "
        "scored on all pairs of languages that the dictionaries' names state (de-en.txt, or deu-eng=FILE, or a folder "
        "of them), with means over the pairs that all models have",
    )
    both: bool = setting(False, "Also the other way round, where the dictionaries have one direction only.")
    source_lang: str = setting("", "Language of SOURCE for the rows [default: by file name]")
    target_lang: str = setting("", "Language of TARGET for the rows [default: by file name]")
    variant: str = setting("", "What was done to the vectors, for rows and caption: unsupervised, ...")
    device: str = setting("cpu", f"Of csls and invsoftmax: {DEVICES}")

    def __post_init__(self) -> None:
        if not self.dictionary:
            message = "no --dictionary; name a file of source<TAB>target."
            raise UsageError(message)
        check_options(self)


READ_WHERE = (
    ReadWhere(
        ("source_lang", "target_lang", "variant"),
        lambda call: not call.model,
        "with --model, where files and names tell it",
    ),
    ReadWhere(("n_neighbours",), lambda call: "csls" in call.retrieval, "without --retrieval csls"),
    ReadWhere(("temperature",), lambda call: "invsoftmax" in call.retrieval, "without --retrieval invsoftmax"),
    ReadWhere(
        ("device",),
        lambda call: {"csls", "invsoftmax"} & set(call.retrieval),
        "for --retrieval nn and invnn, which stay on the processor",
    ),
)


@takes(config=BliConfig)
def bli(
    source: str | Path | None = None,
    target: str | Path | None = None,
    *,
    config: BliConfig,
    given: frozenset[str],
    out: str | Path | None = None,
) -> Rows:
    """Score mapped vocabularies: how often is the nearest target word a translation of the source word.

    source, target: files of word vectors that share a space; none of them with `model`, whose folders have a file a
    language. out: a results.jsonl for the rows; must be new.
    """
    refuse_unread(READ_WHERE, given, config)
    if bool(config.model) == (source is not None) or (source is None) != (target is None):
        message = "give SOURCE and TARGET, two files of vectors, or one --model NAME=FOLDER or more."
        raise UsageError(message)
    out = check_new(out)
    device = usable_device(config.device)
    if source is None or target is None:
        return _of_models(config, device, out)
    source, target = Path(source), Path(target)
    check_at_hand(files=[source, target, *config.dictionary])
    languages = language_of(config.source_lang, source), language_of(config.target_lang, target)
    pairs = _dictionary(config.dictionary)
    sides = read_pair(source, target, config.limit)
    from xl_staticemb.lexicon.dictionaries import warn_if_turned
    from xl_tasks import write_rows

    warn_if_turned(pairs, sides[0].index, sides[1].index)
    model = f"{source} {target}"
    data = "+".join(map(bare_name, config.dictionary))
    asked = [(sides, languages, pairs)]
    if config.both:
        asked.append((sides[::-1], languages[::-1], _turned(pairs)))
    name = " ".join(config.dictionary)
    scored = [(_scores(*each, those, config, device, name), names) for each, names, those in asked]
    rows = [
        row for scores, names in scored for score in scores for row in _rows(score, data, model, names, config.variant)
    ]
    if out is not None:
        write_rows(out, rows)
    return Rows(
        rows,
        lambda: "\n\n".join(_table(scores, data, names, config.variant).render("text") for scores, names in scored),
        out,
    )


def _of_models(config: BliConfig, device: str, out: Path | None) -> Rows:
    """Several models on several pairs of languages."""
    files = dictionary_files(config.dictionary)
    models = [model_folder(entry) for entry in config.model]
    for name in (each.name for each in models):
        if [each.name for each in models].count(name) > 1:
            message = f"--model {name} is there twice; name each model once."
            raise UsageError(message)
    check_at_hand(files=[file for several in files.values() for file in several])
    dictionaries = {pair: _dictionary(several) for pair, several in files.items()}
    if config.both:
        other = {(b, a): _turned(pairs) for (a, b), pairs in dictionaries.items()}
        turned = {pair: pairs for pair, pairs in other.items() if pair not in dictionaries}
        files |= {(a, b): files[b, a] for a, b in turned}
        dictionaries |= turned
    from xl_staticemb import read_vectors
    from xl_tasks import Row, write_rows

    results = score_models(
        models,
        dictionaries,
        lambda path: read_vectors(path, config.limit or None),
        lambda source, target, pairs, name: _scores(source, target, pairs, config, device, name),
    )
    names = {pair: "+".join(map(bare_name, several)) for pair, several in files.items()}
    rows = [
        row
        for result in results
        for pair, scores in result.scores.items()
        for score in scores
        for row in _rows(score, names[pair], result.name, pair, "")
    ]

    def mean(**settings: Any) -> "Row":
        return Row(
            task="bli", unit="word", data="+".join(dict.fromkeys(names.values())), version=_version(), **settings
        )

    rows += mean_rows(results, mean)
    if out is not None:
        write_rows(out, rows)

    def text() -> str:
        retrievals = dict.fromkeys(config.retrieval)
        tables = [
            models_table(results, list(dictionaries), which, name).render("text")
            for which, name in enumerate(retrievals)
        ]
        return "\n\n".join(tables)

    return Rows(rows, text, out)


def _dictionary(files: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of files, each once."""
    from xl_staticemb import parse_dictionary
    from xl_translit import read_lines

    pairs: dict[tuple[str, str], None] = {}
    for path in files:
        pairs.update(dict.fromkeys(parse_dictionary(read_lines(path), path, skip_unclear=True)))
    return list(pairs)


def _turned(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(target, source) for source, target in pairs]


def _scores(
    source: "WordVectors",
    target: "WordVectors",
    pairs: list[tuple[str, str]],
    config: BliConfig,
    device: str,
    name: str,
) -> "list[BliScore]":
    """A score a retrieval; StaticembError that begins with `name` where nothing is covered."""
    from xl_staticemb import StaticembError, induction_accuracy

    try:
        return [
            induction_accuracy(
                source,
                target,
                pairs,
                retrieval=retrieval,
                ks=_KS,
                n_neighbours=config.n_neighbours,
                temperature=config.temperature,
                lower=config.lower,
                multiword=config.multiword,
                device=device,
            )
            for retrieval in dict.fromkeys(config.retrieval)
        ]
    except StaticembError as error:
        message = f"{name}: {error}"
        raise StaticembError(message) from None


def _version() -> str:
    from importlib.metadata import version

    return version("xl-staticemb")


def _rows(score: "BliScore", data: str, model: str, languages: tuple[str, str], variant: str) -> list["Row"]:
    from xl_tasks import Row

    covered = {f"p@{k}": value for k, value in score.precision.items()} | {"mrr": score.mrr}
    strict = {f"strict p@{k}": value for k, value in score.strict.items()} | {"strict mrr": score.strict_mrr}
    return [
        Row(
            task="bli",
            metric=metric,
            value=value,
            n=n,
            source=languages[0],
            target=languages[1],
            model=model,
            pooling=score.retrieval,
            unit="word",
            variant=variant,
            coverage=score.coverage,
            data=data,
            version=_version(),
        )
        for figures, n in ((covered, score.n_covered), (strict, score.n_sources))
        for metric, value in figures.items()
    ]


def _table(scores: "list[BliScore]", data: str, languages: tuple[str, str], variant: str) -> "Table":
    from xl_analysis import Table

    def percent(value: float) -> str:
        return f"{100 * value:.1f}"

    header = ("retrieval", *(f"P@{k} %" for k in _KS), "MRR", *(f"strict P@{k} %" for k in _KS))
    body = tuple(
        (
            score.retrieval,
            *(percent(score.precision[k]) for k in _KS),
            f"{score.mrr:.3f}",
            *(percent(score.strict[k]) for k in _KS),
        )
        for score in scores
    )
    one = scores[0]
    what = ", ".join(filter(None, (data, f"{languages[0]} to {languages[1]}", variant)))
    about = (
        f"{what}: {one.n_covered} of {one.n_sources} source words covered "
        f"({percent(one.coverage)} %), strict counts the others as wrong"
    )
    if one.n_multiword:
        about += f"; {one.n_multiword} more of several words are left out"
    return Table(header, body, f"{about}. Vocabularies: {one.n_source_words} and {one.n_target_words} words.")
