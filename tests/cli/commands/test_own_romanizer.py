"""A romaniser is one class and one line of the registry: `xl translit --romanizer`, manifests and listing know it."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from xl_translit import ROMANIZERS, CorpusOptionError, make_transliterator, romanize_corpus


class Capitals:
    """Capital letters of whatever script."""

    name, version = "capitals", "7"

    def __init__(self, lang: str | None = None) -> None:
        self.lang = lang

    def __call__(self, text: str) -> str:
        return text.upper()

    def batch(self, texts: Sequence[str]) -> list[str]:
        return [self(text) for text in texts]

    def unmapped(self, texts: Sequence[str], results: Sequence[str]) -> Counter[str]:
        return Counter()


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROMANIZERS, "capitals", f"{__name__}:Capitals")


@pytest.mark.usefixtures("registered")
def test_the_command_writes_what_it_gives_and_says_so(xl: Run, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ελλάδα\nRossiya\n", encoding="utf-8")
    out = tmp_path / "out.txt"
    done = xl("translit", tmp_path / "in.txt", "--romanizer", "capitals", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_text(encoding="utf-8") == "ΕΛΛΆΔΑ\nROSSIYA\n"
    manifest = json.loads((tmp_path / "out.txt.manifest.json").read_text(encoding="utf-8"))
    assert (manifest["options"]["romanizer"], manifest["options"]["transliterator"]) == ("capitals", "capitals")
    assert manifest["versions"]["capitals"] == "7"
    romanize_corpus(tmp_path / "in.txt", tmp_path / "again.txt", romanizer="capitals")
    assert (tmp_path / "again.txt").read_bytes() == out.read_bytes()


@pytest.mark.usefixtures("registered")
def test_another_romaniser_does_not_go_on_with_a_run(xl: Run, tmp_path: Path) -> None:
    lines = [b"\xce\xb1\n"] * 5000
    lines[4999] = b"\xff\n"  # stops the run behind the first chunk
    (tmp_path / "in.txt").write_bytes(b"".join(lines))
    call = ("translit", tmp_path / "in.txt", "--out", tmp_path / "out.txt")
    assert xl(*call, "--romanizer", "capitals").returncode == 1
    refused = xl(*call)
    assert refused.returncode == 1
    assert "an unfinished run of other options" in refused.stderr
    assert "romanizer: capitals then, None now" in refused.stderr
    go_on = xl(*call, "--romanizer", "capitals", "--on-error", "skip")
    assert go_on.returncode == 0, go_on.stderr
    assert "4096 of them by an earlier start" in go_on.stderr


@pytest.mark.usefixtures("registered")
def test_the_listing_knows_it_and_a_wrong_name_tells_all(xl: Run) -> None:
    rows = [json.loads(line) for line in xl("ls", "romanizers", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == ["fast", "reference", "capitals"]
    assert rows[-1]["what"] == "Capital letters of whatever script."
    assert all(row["what"] for row in rows)
    wrong = xl("translit", "--romanizer", "slow")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "xl: romanizer 'slow' is not known; it can be: fast, reference, capitals\n",
    )
    with pytest.raises(CorpusOptionError, match="engine: no option of to=latn"):
        make_transliterator(romanizer="capitals", engine="fast")


def test_the_language_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROMANIZERS, "capitals", f"{__name__}:Capitals")
    made = make_transliterator("latn", "tur_Latn", romanizer="capitals")
    assert isinstance(made, Capitals)
    assert made.lang == "tur_Latn"
