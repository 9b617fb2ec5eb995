"""Readers under a coverage-guided fuzzer: a reading, or the package's own error; nothing else, in bounded time.

By hand, as it runs for minutes: `uv run --with atheris python -m tests.trust.fuzzing KIND -atheris_runs=200000`, one
kind a process; `list` names them. A kind is a reader of `tests.workspace.test_readers`, or a data set of
`tests.workspace.test_data_set_readers`: there the first byte of an input says which of its files the rest is.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

# What is followed branch by branch; numpy, pyarrow and the like are not.
_FOLLOWED = ["xl_translit", "xl_staticemb", "xl_objectives", "xl_tasks", "xl_analysis", "xl_cli", "tomllib"]
# Of these only what reads files: following all of torch's neighbours would take longer than the run.
_FOLLOWED += ["xl_encoders.streams", "xl_encoders.sentence_files", "xl_encoders.model.model_files"]

Step = tuple[list[bytes], Callable[[bytes], object], tuple[type[Exception], ...]]
"""Inputs to begin with, what is done with one, and the errors that may come of it."""


def of_reader(reader: Any, folder: Path) -> Step:
    """A file of one name, written anew for each input."""
    path = folder / reader.name
    path.parent.mkdir(parents=True, exist_ok=True)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        reader.read(path)

    return reader.whole, read, reader.error


def of_data_set(layout: Any, folder: Path) -> Step:
    """A folder of files of which one is written anew for each input, and stands as it was for the next."""
    from xl_staticemb import StaticembError
    from xl_tasks import TaskError
    from xl_translit import TranslitError

    ways = sorted(layout.files)
    for way in ways:
        (folder / way).parent.mkdir(parents=True, exist_ok=True)
        (folder / way).write_bytes(layout.files[way])
    options = {"on_error": "skip"} if "on_error" in signature(layout.load).parameters else {}

    def read(data: bytes) -> None:
        way = ways[data[0] % len(ways)] if data else ways[0]
        (folder / way).write_bytes(data[1:])
        try:
            layout.load(folder, **options)
        finally:
            (folder / way).write_bytes(layout.files[way])

    seeds = [bytes([number]) + layout.files[way] for number, way in enumerate(ways)]
    return seeds, read, (TaskError, TranslitError, StaticembError)


def kinds() -> dict[str, Any]:
    """Name -> a reader, or the files of a data set with what reads them."""
    readers = import_module("tests.workspace.test_readers").READERS
    layouts = import_module("tests.workspace.test_data_set_readers").LAYOUTS
    return {**readers, **{f"data set {name}": layout for name, layout in layouts.items()}}


def prepared(kind: Any, folder: Path) -> Step:
    """One of `kinds`, over an empty folder."""
    return (of_data_set if hasattr(kind, "files") else of_reader)(kind, folder)


def main() -> None:
    """Give one reader what the fuzzer makes up."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=_FOLLOWED):
        all_kinds = kinds()
    if sys.argv[1:] == ["list"]:
        sys.stdout.write("\n".join(all_kinds) + "\n")
        return
    kind = all_kinds[sys.argv.pop(1)]
    logging.disable()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        for part in ("seeds", "work"):
            (folder / part).mkdir()
        whole, read, errors = prepared(kind, folder / "work")
        for number, data in enumerate(whole):
            (folder / "seeds" / str(number)).write_bytes(data)

        def tried(data: bytes) -> None:
            try:
                read(data)
            except errors as error:
                if not all(line.isprintable() for line in str(error).split("\n")):
                    raise

        # A folder that is given keeps what led further.
        atheris.Setup([sys.argv[0], *sys.argv[1:], "-timeout=10", "-rss_limit_mb=4096", str(folder / "seeds")], tried)
        os.chdir(folder / "work")
        atheris.Fuzz()


if __name__ == "__main__":
    main()
