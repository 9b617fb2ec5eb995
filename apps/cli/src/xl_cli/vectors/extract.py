"""`xl static extract`: static word vectors out of an encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand, is_there
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.settings import takes
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.extract_config import (
    READ_WHERE,
    ExtractConfig,
    HubTextConfig,
    WordReadingConfig,
    as_options,
    is_hub_text,
    with_preset,
)
from xl_cli.vectors.word_files import check_new

if TYPE_CHECKING:
    from xl_cli.vectors.extraction import Summary


@takes(reading=WordReadingConfig, hub=HubTextConfig, training=ExtractConfig)
def extract(
    texts: str | Path | Sequence[str | Path],
    *,
    reading: WordReadingConfig,
    hub: HubTextConfig,
    training: ExtractConfig,
    given: frozenset[str],
    out: str | Path,
    cache: str | Path | None = None,
) -> "Summary | None":
    """Take one vector a word out of an encoder (X2Static, or the mean over a word's occurrences): what was done.

    texts: files, patterns, folders, ids of hub data sets, or "-". out: file of vectors to write; must be new. cache:
    folder for contexts and the state of the training, kept at the end. A call that was stopped goes on where it was
    when it is made again.
    None on all processes but the main one.
    """
    names = [str(texts)] if isinstance(texts, (str, Path)) else [str(name) for name in texts]
    reading, training, preset = with_preset(reading, training, given)
    of_hub = [name for name in names if is_hub_text(name)]
    refuse_unread(READ_WHERE, given, reading, training, of_hub=of_hub)
    if preset:
        say(f"note: preset {reading.preset} sets {as_options(preset)}; an option that is given counts instead.")
    out = check_new(out)
    for name in names:
        if name != "-" and name not in of_hub and not is_there(name):
            message = f"{name}: no such file or folder, and nothing matches it as a pattern."
            raise CliError(message)
        if Path(name).is_dir() and name not in of_hub and not reading.lang:
            message = f"{name} is a folder; say which language's text to read: --lang kor_Hang."
            raise UsageError(message)
    check_at_hand(models=[reading.model], revision=reading.revision)
    # Before torch is loaded, so that whoever is refused hears it at once.
    with processes.alone(out, beside=True):
        from xl_cli.vectors.extraction import extract_vectors

        return extract_vectors(names, reading, hub, training, out, None if cache is None else Path(cache), preset)
