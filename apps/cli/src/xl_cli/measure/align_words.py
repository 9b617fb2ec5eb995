"""Which words of two sentences belong together, by an encoder's vectors; with gold, how good such links are."""

from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.measure.registry import Measure
from xl_cli.words.bible_links import links_file
from xl_cli.words.config import READ_WHERE, AlignWordsConfig

if TYPE_CHECKING:
    from xl_cli.results import Rows


def align_words_rows(config: AlignWordsConfig) -> "Rows":
    """Which words of a sentence and its translation belong together: links with confidences; with gold links, AER.

    Links go to stdout as Pharaoh lines (i-j, from 0), or with --links to a file and figures to stdout; of a Bible whose
    words --gold gives, figures alone, AER by book among them.

    Example: xl analyze align-words --model runs/names --files a.tr --files a.en --links a.tr-en
    """
    if config.has_verses:
        # Before torch is loaded: a folder without links is told at once.
        links_file(Path(config.gold))
    from xl_cli.words.aligning import align_pairs

    return align_pairs(config)


ALIGN_WORDS = Measure(
    settings=AlignWordsConfig, rows=align_words_rows, table="xl_analysis:pair_table", read_where=READ_WHERE
)
