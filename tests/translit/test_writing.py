"""Scripts of texts, against the regular expressions of Unicode's own properties and real text of 30 languages."""

import csv
from pathlib import Path

import pytest
import regex

from xl_translit import is_script_of, language, main_script

TEXTS = {
    "Latn": "Çay güzel, été",
    "Tibt": "བོད་ཡིག A",
    "Arab": "سلام دنیا x",
    "Deva": "नमस्ते दुनिया",
    "Hani": "漢字 k",
    "Hang": "안녕하세요 hi",
    "Kana": "カタカナ",
    "Ethi": "ሰላም",
    "Grek": "νερό",
    "": "12 — 34!",
}


@pytest.mark.parametrize(("name", "text"), TEXTS.items())
def test_the_script_of_most_letters(name: str, text: str) -> None:
    assert main_script(text) == name
    if name:
        own = len(regex.findall(rf"(?=\p{{L}})\p{{Script={name}}}", text))
        assert own > len(regex.findall(r"\p{L}", text)) / 2


@pytest.mark.parametrize(
    ("name", "code", "fits"),
    [("Hani", "zho_Hans", True), ("Kana", "jpn", True), ("Hani", "ko", True), ("Latn", "bod", False),
     ("Tibt", "bo", True), ("Cyrl", "tur", False)],
)  # fmt: skip
def test_a_script_of_a_language(name: str, code: str, fits: bool) -> None:
    assert is_script_of(name, code) == fits


@pytest.mark.data
def test_real_text_is_in_the_script_of_its_language(data_folder: Path) -> None:
    for folder in sorted((data_folder / "sib200").iterdir()):
        code = language(folder.name)
        with (folder / "dev.tsv").open(encoding="utf-8") as file:
            texts = [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        strange = [text for text in texts if not is_script_of(main_script(text), code)]
        assert len(strange) <= 0.02 * len(texts), (code, strange[:3])
