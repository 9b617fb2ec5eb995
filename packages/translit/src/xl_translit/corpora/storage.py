"""Files by name: paths of this machine, and URLs of stores that machines share (s3://, gs://, hf:// ...).

URLs go through pyarrow, which finds credentials, region and endpoint where each store's own tools do (for S3
AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL ...); schemes it does not know go through fsspec, if that does.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

from xl_translit.errors import CorpusError


def is_url(name: str | Path) -> bool:
    """Whether a name is a URL and no path."""
    return "://" in str(name)


def open_bytes(name: str) -> BinaryIO:
    """A file's bytes as stored; can be sought in. Raises OSError or CorpusError."""
    if not is_url(name):
        return Path(name).open("rb", buffering=0)
    system, path = _located(name)
    return cast("BinaryIO", system.open_input_file(path))


def stamp(name: str) -> tuple[int, int] | None:
    """Size in bytes and time of the last change in ns, None where there is no such file."""
    if not is_url(name):
        path = Path(name)
        return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None
    system, path = _located(name)
    info = system.get_file_info(path)
    return (info.size, info.mtime_ns or 0) if info.is_file else None


def files_below(name: str) -> list[str]:
    """Paths within a folder of the files at any depth in it, sorted; none where there is no folder."""
    if not is_url(name):
        return sorted(file.relative_to(name).as_posix() for file in Path(name).rglob("*") if file.is_file())
    system, path = _located(name.rstrip("/"))
    from pyarrow import fs  # there, or `_located` has said that it is not

    found = system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    return sorted(info.path.removeprefix(path).lstrip("/") for info in found if info.is_file)


def remove(name: str) -> None:
    """Delete a file if it is there, and folders that it leaves empty (two levels, those that `placing` makes)."""
    if not is_url(name):
        Path(name).unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            Path(name).parent.rmdir()
            Path(name).parent.parent.rmdir()
    elif stamp(name):
        system, path = _located(name)
        system.delete_file(path)


@contextmanager
def placing(name: str) -> Generator[Path]:
    """A path of this machine to write to; what is there at the end appears under `name`, whole or not at all.

    Folders that do not exist are made. After an error nothing is left behind.
    """
    if is_url(name):
        from pyarrow import fs

        with TemporaryDirectory() as folder:
            aside = Path(folder) / "file"
            yield aside
            # an upload that an error ends would be completed, half written; so it begins when all is there
            system, path = _located(name)
            fs.copy_files(str(aside), path, source_filesystem=fs.LocalFileSystem(), destination_filesystem=system)
        return
    target = Path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def place_text(name: str, text: str) -> None:
    """Write a small file, whole or not at all."""
    with placing(name) as path:
        path.write_bytes(text.encode())


def read_text(name: str) -> str:
    """A small file in UTF-8."""
    with open_bytes(name) as file:
        return file.read().decode()


def _located(name: str) -> tuple[Any, str]:
    """The store and the path in it."""
    scheme, _, rest = name.partition("://")
    first, slash, path = rest.partition("/")
    system, root = _store(f"{scheme}://{first}")
    return system, f"{root}{slash}{path}"


@lru_cache(maxsize=16)
def _store(root: str) -> tuple[Any, str]:
    try:
        from pyarrow import ArrowException, fs
    except ImportError:
        message = f"{root}: stores named by a URL need `pyarrow`; pip install 'xl-translit[corpora]'"
        raise CorpusError(message) from None
    try:
        return fs.FileSystem.from_uri(root)
    except (ArrowException, OSError, ValueError) as error:
        reason = str(error)
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(root)
    except (ImportError, OSError, ValueError) as error:
        message = f"{root}: no such store can be opened ({reason}; fsspec: {error}); check the scheme and its library"
        raise CorpusError(message) from None
    return fs.PyFileSystem(fs.FSSpecHandler(system)), path
