"""`xl embed`: sentences or words of a corpus as vectors in files."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from xl_cli.embedding.config import READ_WHERE, SUFFIXES, EmbedConfig
from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand, is_there
from xl_cli.launch import processes
from xl_cli.settings import takes
from xl_cli.unread_options import refuse_unread

if TYPE_CHECKING:
    from xl_cli.embedding.job import Embedded
    from xl_translit.corpora.inputs import Corpus

_TABLES = tuple(f"{kind}{packed}" for kind in (".tsv", ".tab") for packed in ("", ".gz", ".zst", ".xz"))


@takes(settings=EmbedConfig)
def embed(
    files: str | Path | Sequence[str | Path], *, settings: EmbedConfig, given: frozenset[str], out: str | Path
) -> "Embedded":
    """Write a vector for each sentence, or each word, of a corpus: what was done.

    files: files, folders, patterns, ids of hub data sets, or "-". out: folder of shards, or one file (.parquet,
    .safetensors). Both may be URLs of a store that every process sees (s3://bucket/texts). A call that was stopped
    goes on with the shard that it was at when it is made again; made again after its end it computes nothing.
    """
    from xl_translit.corpora.inputs import is_hub_id, open_corpus
    from xl_translit.corpora.storage import is_url

    names = [str(files)] if isinstance(files, (str, Path)) else [str(name) for name in files]
    of_hub = [is_hub_id(name, settings.column) for name in names]
    refuse_unread(READ_WHERE, given, settings, of_hub=of_hub)
    suffix = PurePosixPath(out).suffix.removeprefix(".")
    if suffix in SUFFIXES and settings.format not in ("", suffix):
        message = f"--out {out} is a file of {suffix}, and --format is {settings.format}; leave --format out."
        raise UsageError(message)
    if processes.several():
        message = "xl embed is one process; leave torchrun or accelerate launch out, and give --engine ray for more."
        raise UsageError(message)
    if "-" in names and settings.engine == "ray":
        message = "- (stdin) is read by one process; write the text to a file for --engine ray."
        raise UsageError(message)
    local = [name for name, hub in zip(names, of_hub, strict=True) if not hub and name != "-" and not is_url(name)]
    check_at_hand(
        files=[name for name in local if not is_there(name) and "**" not in name],
        models=[settings.model],
        revision=settings.revision,
    )
    corpus = open_corpus(names, **settings.reader)
    _check_columns(corpus, settings)
    # Before torch is loaded, so that whoever is refused hears it at once.
    with processes.alone(out, beside=True):
        from xl_cli.embedding.job import embed_corpus

        return embed_corpus(names, corpus, settings, str(out))


def _check_columns(corpus: "Corpus", config: EmbedConfig) -> None:
    """UsageError for a table of which nobody said what its text is: whole lines of it would be taken for texts."""
    if config.column is not None or config.input_format:
        return
    for source in corpus.sources:
        name = source.layout.name
        if name.endswith(_TABLES):
            message = (
                f"{name} has columns; name that of the text as the first line does or, in a file without names, "
                "by its number (--column 2). --input-format text takes whole lines."
            )
            raise UsageError(message)
