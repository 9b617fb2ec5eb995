"""`xl static neighbours`: words of one language that may stand for one another, out of its vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import say
from xl_cli.options import check_options
from xl_cli.settings import takes
from xl_cli.vectors.word_files import DEVICES, check_new, usable_device
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import NeighbourTable


@dataclass(frozen=True, kw_only=True)
class NeighboursConfig:
    """How many neighbours a word has, and which words take part."""

    k: int = setting(8, "Most neighbours of a word.", low=1)
    min_similarity: float = setting(0.5, "Least cosine of a neighbour, -1 to 1.", low=-1)
    limit: int = setting(0, "Most frequent words that take part; 0: all", low=0)
    device: str = setting("cpu", DEVICES)

    def __post_init__(self) -> None:
        check_options(self)


@takes(config=NeighboursConfig)
def neighbours(vectors: str | Path, *, config: NeighboursConfig, out: str | Path | None = None) -> "NeighbourTable":
    """Near words of each word, for training that exchanges words (`robust="rs-da"` of `evaluate`).

    vectors: file of word vectors of one language. out: file to write the table to, .tsv or .json; must be new.
    """
    vectors = Path(vectors)
    out = check_new(out)
    check_at_hand(files=[vectors])
    device = usable_device(config.device)
    from xl_staticemb import read_vectors
    from xl_tasks import TaskError
    from xl_tasks.robustness.neighbour_table import check_table_name, nearest_words, write_neighbours

    if out is not None:
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
    if out is not None:
        write_neighbours(out, table)
    say(f"{len(table)} of {len(read)} words have neighbours, {table.n_pairs / len(table):.1f} on the mean")
    return table
