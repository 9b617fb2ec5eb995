"""`xl static neighbours`: words of one language that may stand for one another, out of its vectors."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import say
from xl_cli.options import check_options
from xl_cli.settings import takes
from xl_cli.vectors.word_files import DEVICES, VECTOR_SUFFIXES, check_new, language_of, usable_device
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import NeighbourTable


@dataclass(frozen=True, kw_only=True)
class NeighboursConfig:
    """How many neighbours a word has, and which words take part."""

    k: int = setting(8, "Most neighbours of a word.", low=1)
    min_similarity: float = setting(0.5, "Least cosine of a neighbour, -1 to 1.", low=-1)
    limit: int = setting(0, "Most frequent words that take part; 0: all", low=0)
    among: Path | None = field(
        default=None,
        metadata={
            "help": "Neighbours are words of these vectors, of another language mapped into the same space "
            "[default: of the words themselves]"
        },
    )
    device: str = setting("cpu", DEVICES)

    def __post_init__(self) -> None:
        check_options(self)


@takes(config=NeighboursConfig)
def neighbours(
    vectors: str | Path, *, config: NeighboursConfig, out: str | Path | None = None
) -> "NeighbourTable | dict[str, NeighbourTable]":
    """Near words of each word, for training that exchanges words (`robust="rs-da"` of `evaluate`).

    vectors: file of word vectors of one language, or a folder with a file a language, which gives a table each by code.
    out: file to write the table to, .tsv or .json, or a folder for several; must be new.
    """
    vectors = Path(vectors)
    out = check_new(out)
    several = vectors.is_dir()
    check_at_hand(files=[each for each in (None if several else vectors, config.among) if each is not None])
    device = usable_device(config.device)
    from xl_staticemb import read_vectors
    from xl_tasks import TaskError
    from xl_tasks.robustness.neighbour_table import check_table_name, nearest_words, write_neighbours

    if out is not None and not several:
        try:
            check_table_name(out)
        except TaskError as error:
            message = f"--out {error}"
            raise UsageError(message) from None
    files = _by_language(vectors) if several else {"": vectors}
    among = None if config.among is None else read_vectors(config.among, config.limit or None)
    tables = {}
    for code, file in files.items():
        read = read_vectors(file, config.limit or None)
        if among is not None and among.width != read.width:
            message = f"{config.among} has vectors of {among.width} numbers, {file} of {read.width}; map them first."
            raise CliError(message)
        table = nearest_words(
            read, n_neighbours=config.k, min_similarity=config.min_similarity, among=among, device=device
        )
        if not len(table):
            message = f"{file}: no word has a neighbour of cosine {config.min_similarity} or more; lower it."
            raise CliError(message)
        mean = table.n_pairs / len(table)
        say(f"{f'{code}: ' if code else ''}{len(table)} of {len(read)} words have neighbours, {mean:.1f} on the mean")
        tables[code] = table
    if out is not None and not several:
        write_neighbours(out, tables[""])
    elif out is not None:
        aside = out.with_name(f".{out.name}.aside")
        aside.mkdir(exist_ok=True)
        for code, table in tables.items():
            write_neighbours(aside / f"{code}.tsv", table)
        aside.rename(out)
    return tables if several else tables[""]


def _by_language(folder: Path) -> dict[str, Path]:
    """Files of vectors by the language that their name states."""
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name.endswith(VECTOR_SUFFIXES):
            code = language_of("", file)
            if code in files:
                message = f"{folder}: {file.name} and {files[code].name} are both of {code}; keep one of the two."
                raise UsageError(message)
            if code != "und":
                files[code] = file
    if not files:
        message = f"{folder} has no file of vectors called by a language, such as eng_Latn.vec."
        raise UsageError(message)
    return files
