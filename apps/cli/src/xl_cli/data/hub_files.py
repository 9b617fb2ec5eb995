"""Files of data sets of the hub that a [[data]] names by OWNER/NAME, fetched into the hub's cache once."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xl_cli.data.columns import COLUMN_FILES
from xl_cli.errors import CliError, UsageError
from xl_cli.launch.progress import Progress
from xl_cli.recipe.config import DataConfig

_FILES = (*COLUMN_FILES, ".txt", ".tsv", ".gz", ".zst", ".xz")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def of_hub(name: str) -> bool:
    """Whether one of data.files is a data set of the hub: no file or folder here, nor the name of a file."""
    path = Path(name)
    named = path.exists() or path.parent.is_dir() or path.suffix in _FILES
    return bool(_HUB_ID.fullmatch(name)) and not named


def with_hub_files(entry: DataConfig) -> DataConfig:
    """The entry with the files of its data sets of the hub, as they are in `data.revision`, in the place of their ids.

    UsageError where the revision is left open; CliError, in one sentence, for what the hub does not have or give, and
    for a hub that cannot be reached.
    """
    if entry.kind == "vectors" or not any(map(of_hub, entry.files)):
        return entry
    if not entry.revision:
        given = next(filter(of_hub, entry.files))
        message = f"{given} is no file here; of a data set of the hub say which state: --set data.revision=COMMIT."
        raise UsageError(message)
    files = [file for given in entry.files for file in (_fetched(given, entry) if of_hub(given) else [given])]
    return replace(entry, files=tuple(files))


def _fetched(hub_id: str, entry: DataConfig) -> Iterator[str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    patterns = [entry.hub_files] if entry.hub_files else [f"*{suffix}" for suffix in COLUMN_FILES]
    try:
        with Progress(f"files of {hub_id}", quiet=True):
            folder = snapshot_download(hub_id, repo_type="dataset", revision=entry.revision, allow_patterns=patterns)
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        message = f"{hub_id} at revision {entry.revision} could not be fetched from the hub ({reason})."
        raise CliError(message) from error
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix in COLUMN_FILES)
    files = [path for path in files if any(path.relative_to(folder).match(pattern) for pattern in patterns)]
    if not files:
        message = f"{hub_id} at revision {entry.revision} has no files {' or '.join(patterns)}; see data.hub_files."
        raise CliError(message)
    yield from map(str, files)
