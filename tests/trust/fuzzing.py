"""Readers under a coverage-guided fuzzer: a reading, or the package's own error; nothing else, in bounded time.

By hand, as it runs for minutes: `uv run --with atheris python -m tests.trust.fuzzing KIND -atheris_runs=200000`, one
kind of `tests.workspace.test_readers.READERS` a process; `list` names them.
"""

import logging
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

# What is followed branch by branch; numpy, pyarrow and the like are not.
_FOLLOWED = ["xl_translit", "xl_staticemb", "xl_objectives", "xl_tasks", "xl_cli", "tomllib"]


def main() -> None:
    """Give one reader what the fuzzer makes up."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=_FOLLOWED):
        readers = import_module("tests.workspace.test_readers")
    if sys.argv[1:] == ["list"]:
        sys.stdout.write("\n".join(readers.READERS) + "\n")
        return
    kind = sys.argv.pop(1)
    reader = readers.READERS[kind]
    logging.disable()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, whole in enumerate(reader.whole):
            (seeds / str(number)).write_bytes(whole)
        work = Path(folder) / "work"
        work.mkdir()
        path = work / reader.name

        def read(data: bytes) -> None:
            path.write_bytes(data)
            try:
                reader.read(path)
            except reader.error as error:
                if not all(line.isprintable() for line in str(error).split("\n")):
                    raise

        atheris.Setup([sys.argv[0], *sys.argv[1:], "-timeout=10", "-rss_limit_mb=4096", str(seeds)], read)
        os.chdir(work)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
