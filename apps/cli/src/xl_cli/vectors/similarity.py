"""`xl static similarity`: do cosines order pairs of words as people do."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import check_options
from xl_cli.results import Rows
from xl_cli.settings import takes
from xl_cli.vectors.word_files import bare_name, check_new, language_of, read_pair
from xl_objectives import setting
from xl_staticemb.search.choices import LOWERS

if TYPE_CHECKING:
    from xl_analysis import Table
    from xl_staticemb import SimilarityScore
    from xl_tasks import Row

OOVS = ("skip", "mid", "zero")
MULTI_WORDS = ("mean", "token", "skip")


@dataclass(frozen=True, kw_only=True)
class SimilarityConfig:
    """What is scored, and how words without a vector count."""

    gold: tuple[str, ...] = setting(
        (),
        "Pairs with their similarity, word1<TAB>word2<TAB>number; repeatable. Word 1 is looked up in "
        "VECTORS, word 2 in VECTORS2 if given. NAME.data.txt of SemEval-2017 finds its NAME.gold.txt.",
    )
    oov: tuple[str, ...] = setting(
        ("skip", "mid"),
        "Pairs without a vector: skip (left out; see coverage) | mid (middle of the cosines' range, the "
        "official way) | zero; repeatable, a line each",
        choices=OOVS,
    )
    lower: str = setting(
        "auto", "Look words up auto (as written, then in lower case) | always (lower case) | never", choices=LOWERS
    )
    multiword: str = setting(
        "mean",
        "Entries of several words: mean (of their vectors) | token (as one word with spaces or _ where the "
        "vocabulary holds it, else mean) | skip (no vector)",
        choices=MULTI_WORDS,
    )
    source_lang: str = setting("", "Language of VECTORS for the rows [default: by file name]")
    target_lang: str = setting("", "Language of VECTORS2 [default: by file name]")
    limit: int = setting(0, "Read only so many words of each file; 0 reads all.", low=0)

    def __post_init__(self) -> None:
        check_options(self)
        if not self.gold:
            message = "no --gold; name a file of word1<TAB>word2<TAB>similarity."
            raise UsageError(message)


@takes(config=SimilarityConfig)
def similarity(
    vectors: str | Path,
    vectors2: str | Path | None = None,
    *,
    config: SimilarityConfig,
    out: str | Path | None = None,
) -> Rows:
    """Score word vectors by the correlation of their cosines with similarities that people gave.

    vectors: file of word vectors. vectors2: those of the second words, in the same space. out: a results.jsonl for the
    rows; must be new.
    """
    vectors, vectors2 = Path(vectors), None if vectors2 is None else Path(vectors2)
    out = check_new(out)
    check_at_hand(files=[path for path in (vectors, vectors2, *config.gold) if path is not None])
    from xl_staticemb import StaticembError, parse_similarity, read_vectors, word_similarity
    from xl_tasks import write_rows

    first = language_of(config.source_lang, vectors)
    second = language_of(config.target_lang, vectors2 or vectors) if vectors2 or config.target_lang else first
    languages = first, second
    golds = [(path, parse_similarity(*_gold_lines(path))) for path in config.gold]
    source, target = (
        (read_vectors(vectors, config.limit or None), None)
        if vectors2 is None
        else read_pair(vectors, vectors2, config.limit)
    )
    scores = []
    for path, pairs in golds:
        for oov in config.oov:
            try:
                score = word_similarity(source, target, pairs, oov=oov, lower=config.lower, multiword=config.multiword)
            except StaticembError as error:
                message = f"{path}: {error}"
                raise StaticembError(message) from None
            scores.append((bare_name(path), score))
    model = " ".join(str(path) for path in (vectors, vectors2) if path is not None)
    rows = [row for name, score in scores for row in _rows(name, score, model, languages, config.multiword)]
    if out is not None:
        write_rows(out, rows)
    sizes = ", ".join(f"{len(side)} words of {side.width} dimensions" for side in (source, target) if side)
    about = f"{model}: {' and '.join(dict.fromkeys(languages))}, {sizes}; entries of several words: {config.multiword}"
    return Rows(rows, lambda: _table(scores, about).render("text"), out)


def _gold_lines(path: str) -> tuple:
    """What `parse_similarity` takes; `-` and compressed files are read as everywhere."""
    from xl_staticemb import keys_path
    from xl_translit import read_lines

    keys = keys_path(path)
    return read_lines(path), path, None if keys is None else (read_lines(keys), str(keys))


def _rows(name: str, score: "SimilarityScore", model: str, languages: tuple[str, str], multiword: str) -> list["Row"]:
    from importlib.metadata import version

    from xl_tasks import Row

    return [
        Row(
            task="similarity",
            metric=metric,
            value=value,
            n=score.n,
            source=languages[0],
            target=languages[1],
            model=model,
            pooling=f"oov-{score.oov}" if multiword == "mean" else f"oov-{score.oov}+{multiword}",
            unit="word",
            coverage=score.coverage,
            data=name,
            version=version("xl-staticemb"),
        )
        for metric, value in (
            ("pearson", score.pearson),
            ("spearman", score.spearman),
            ("harmonic", score.harmonic),
        )
    ]


def _table(scores: "list[tuple[str, SimilarityScore]]", about: str) -> "Table":
    from xl_analysis import Table

    body = tuple(
        (
            name,
            score.oov,
            *(f"{value:.3f}" for value in (score.pearson, score.spearman, score.harmonic)),
            str(score.n),
            f"{100 * score.coverage:.1f}",
        )
        for name, score in scores
    )
    header = ("data", "oov", "Pearson", "Spearman", "harmonic", "pairs", "coverage %")
    return Table(header, body, f"{about}. Coverage: share of pairs with a vector on both sides.", n_labels=2)
