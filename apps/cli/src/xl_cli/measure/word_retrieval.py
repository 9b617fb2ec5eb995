"""How often a word in its sentence finds its aligned word among all words of the other side (Cao et al. 2020)."""

from typing import TYPE_CHECKING

from xl_cli.measure.registry import Measure
from xl_cli.unread_options import ReadWhere, revision_row
from xl_cli.words.config import WordRetrievalConfig

if TYPE_CHECKING:
    from xl_tasks import Row


def word_retrieval_rows(config: WordRetrievalConfig) -> "list[Row]":
    """How often a word in context finds its aligned word among all words of the translations, and back, by CSLS.

    Example: xl analyze word-retrieval --model runs/ot-word --files a.tr --files a.en --links tr-en.align --tokenized
    """
    from xl_cli.words.retrieval import retrieve_words

    return retrieve_words(config)


WORD_RETRIEVAL = Measure(
    settings=WordRetrievalConfig,
    rows=word_retrieval_rows,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(("engine",), lambda call: not call.tokenized, "with --tokenized, whose words stand between spaces"),
        revision_row("model"),
    ),
)
