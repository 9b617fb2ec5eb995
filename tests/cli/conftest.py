"""A small parallel corpus on disk and a way to call `xl` as a user does."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.warm import environment

Run = Callable[..., subprocess.CompletedProcess[str]]

SYLLABLES = ["ba", "de", "gi", "ko", "lu", "ma", "ne", "pi", "ro", "su", "ta", "vi"]
GREEK = dict(zip("abdegiklmnoprstuv", "αβδεγικλμνοπρστυφ", strict=True))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 made-up names, line by line, in Latin letters, in Greek ones, and in Latin ones with an ending."""
    folder = tmp_path_factory.mktemp("corpus")
    names = [
        SYLLABLES[i % 12] + SYLLABLES[(i // 12) % 12] + SYLLABLES[(5 * i + i // 7) % 12] + SYLLABLES[(7 * i) % 12]
        for i in range(120)
    ]
    (folder / "eng_Latn.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    greek = ["".join(GREEK[letter] for letter in name) for name in names]
    (folder / "ell_Grek.txt").write_text("".join(f"{name}\n" for name in greek), encoding="utf-8")
    (folder / "tr.txt").write_text("".join(f"{name}lar\n" for name in names), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def xl() -> Run:
    """Run `xl ARGUMENTS...` in this process, which has torch loaded already; gives what a process would give."""

    def call(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        from xl_cli.main import main

        argv = ["xl", *map(str, arguments)]
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", argv)
            # Of `python -m pytest` the library would make the program's name.
            patch.setattr(sys.modules["__main__"], "__package__", None)
            patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
            patch.delenv("XL_DEBUG", raising=False)
            if cwd is not None:
                patch.chdir(cwd)
            try:
                main()
            except SystemExit as stopped:
                code = stopped.code or 0
        return subprocess.CompletedProcess(argv, int(str(code)), out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def xl_process() -> Run:
    """Run `xl ARGUMENTS...` in a process of its own, one thread, no network; gives the finished process."""

    def call(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "xl_cli", *map(str, arguments)],
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
            encoding="utf-8",
            env=environment(),
            **options,
        )

    return call


@pytest.fixture(scope="session")
def xl_forked() -> Run:
    """As `xl_process`, in a process that has torch loaded already, which takes a tenth of the time."""

    def call(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return warm.run("-m", "xl_cli", *arguments, **options)

    return call


def small(corpus: Path, *more: str) -> list[str]:
    """Arguments of `xl align` that make it train a tiny encoder on `corpus` in a few seconds."""
    settings = [
        'data.kind="parallel"', f'data.files="{corpus}"', "model.size=tiny", "model.pieces=80", "model.max_len=24",
        "train.batch=16", "train.steps=6", "train.log_every=1", *more,
    ]  # fmt: skip
    return ["align", *(part for setting in settings for part in ("--set", setting))]
