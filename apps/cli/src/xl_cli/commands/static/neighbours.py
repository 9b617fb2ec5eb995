"""`xl static neighbours`: words of one language that may stand for one another, out of its vectors."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import with_options
from xl_cli.vectors.word_files import DEVICES, check_at_least, check_new, usable_device


@dataclass(frozen=True, kw_only=True)
class NeighboursConfig:
    """How many neighbours a word has, and which words take part."""

    k: int = field(default=8, metadata={"help": "Most neighbours of a word."})
    min_similarity: float = field(default=0.5, metadata={"help": "Least cosine of a neighbour, -1 to 1."})
    limit: int = field(default=0, metadata={"help": "Most frequent words that take part; 0: all"})
    device: str = field(default="cpu", metadata={"help": DEVICES})

    def __post_init__(self) -> None:
        for name, value, least in (
            ("k", self.k, 1),
            ("min-similarity", self.min_similarity, -1),
            ("limit", self.limit, 0),
        ):
            check_at_least(name, value, least)


@with_options(NeighboursConfig)
def neighbours(
    vectors: Annotated[Path, typer.Argument(help="Word vectors of one language.", metavar="VECTORS")],
    config: NeighboursConfig,
    out: Annotated[
        Path,
        typer.Option(help="Write word<TAB>neighbour<TAB>cosine (.tsv) or an object of lists (.json); must be new."),
    ],
) -> None:
    """Write a table of near words, for training that exchanges words (xl eval --robust rs-da).

    Example: xl static neighbours eng_Latn.vec --out eng_Latn.tsv --k 8 --min-similarity 0.6 --limit 50000
    """
    check_new(out)
    check_at_hand(files=[vectors])
    device = usable_device(config.device)
    from xl_cli.errors import CliError, UsageError
    from xl_cli.launch.progress import say
    from xl_staticemb import read_vectors
    from xl_tasks import TaskError
    from xl_tasks.robustness.neighbour_table import check_table_name, nearest_words, write_neighbours

    try:
        check_table_name(out)
    except TaskError as error:
        message = f"--out {error}"
        raise UsageError(message) from None
    read = read_vectors(vectors, config.limit or None)
    table = nearest_words(read, n_neighbours=config.k, min_similarity=config.min_similarity, device=device)
    if not len(table):
        message = f"{vectors}: no word has a neighbour of cosine {config.min_similarity} or more; lower it."
        raise CliError(message)
    write_neighbours(out, table)
    say(f"{len(table)} of {len(read)} words have neighbours, {table.n_pairs / len(table):.1f} on the mean")
