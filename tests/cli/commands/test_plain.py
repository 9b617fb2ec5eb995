"""What others wrote into a file does not move the cursor of who reads our words."""

import json
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Run

from xl_cli.launch.plain import plain


@given(st.text())
def test_letters_stay_and_controls_are_escaped(text: str) -> None:
    shown = plain(text)
    kept = [char for char in text if unicodedata.category(char) != "Cc" or char in "\t\n"]
    turning = {name for name in kept if unicodedata.bidirectional(name) in ("LRE", "RLE", "LRO", "RLO", "PDF")}
    turning |= {name for name in kept if unicodedata.bidirectional(name) in ("LRI", "RLI", "FSI", "PDI")}
    assert not any(unicodedata.category(char) == "Cc" and char not in "\t\n" for char in shown)
    assert not turning.intersection(shown)
    if not turning and len(kept) == len(text):
        assert shown == text


def test_names_in_a_file_are_shown_as_escapes(xl: Run, tmp_path: Path) -> None:
    row = {"task": "sib200", "metric": "accuracy", "value": 0.5, "n": 4, "source": "eng_Latn", "target": "tur_Latn",
           "seed": 1, "model": "red \x1b[31m \u202eabc", "layer": 1}  # fmt: skip
    (tmp_path / "results.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    for call in (("report", tmp_path), ("report", tmp_path / "red \x1b[31m")):
        done = xl(*call)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr
        assert r"\x1b[31m" in done.stdout + done.stderr
