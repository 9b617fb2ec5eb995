"""Fonts of pictures: the letters of every script are drawn where a font is installed, and named where none is."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTCollection, TTFont
from matplotlib import image
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager
from tests.thinned import thinned

from xl_analysis import picture_bytes, picture_note
from xl_analysis.pictures import fonts

WORDS = {
    "Arabic": "سلام", "Ethiopic": "አማርኛ", "Myanmar": "မြန်မာ", "Tibetan": "བོད་སྐད", "Thai": "ภาษาไทย", "Hangul": "한국어",
    "Cjk": "漢字", "Hebrew": "תודה", "Devanagari": "क्षत्रिय", "Khmer": "ខ្មែរ", "Tamil": "தமிழ்",
}  # fmt: skip
# A character that Unicode will never give a meaning to: what it draws is the box for a missing one.
NO_CHARACTER = "\ufdd0"


def figure(text: str) -> Figure:
    shown = Figure(figsize=(3, 0.8))
    shown.text(0.05, 0.3, text, fontsize=20)
    return shown


def ink(text: str) -> np.ndarray:
    return image.imread(io.BytesIO(picture_bytes(figure(text), "png")))[..., 0] < 0.5


def installed(text: str) -> bool:
    """Whether some font of the system has all of the letters, as fontconfig sees it."""
    if shutil.which("fc-list") is None:
        pytest.skip("no fc-list to ask for the system's fonts")
    letters = " ".join(f"{ord(letter):x}" for letter in text)
    asked = subprocess.run(["fc-list", f":charset={letters}", "file"], capture_output=True, text=True, check=True)
    return bool(asked.stdout.strip())


@pytest.mark.parametrize("script", thinned(WORDS, 4))
def test_a_word_has_no_empty_boxes_or_a_note_names_the_package(script: str) -> None:
    word = WORDS[script]
    note = picture_note(figure(word))
    if installed(word):
        assert note == ""
    if note:
        package = "fonts-noto-cjk" if script in ("Hangul", "Cjk") else "fonts-noto-core"
        assert f"({script})" in note
        assert f"Debian packages {package}," in note
        return
    box = ink(NO_CHARACTER)
    for letter in word:
        assert not np.array_equal(ink(letter), box)
    families = fonts.font_families([word])
    assert set(map(ord, word)) <= set().union(*(characters(entry) for entry in entries(families)))


def entries(families: list[str]) -> list[FontEntry]:
    return [entry for entry in fontManager.ttflist if entry.name in families and entry.weight == 400]


def characters(entry: FontEntry) -> set[int]:
    """What a font file has, read by another library than matplotlib's."""
    path = Path(entry.fname)
    font = TTCollection(path).fonts[entry.index] if path.suffix == ".ttc" else TTFont(path)
    return set(font.getBestCmap() or {})


def test_arabic_letters_are_joined_and_run_to_the_left() -> None:
    word = "سلام"
    apart = "\u200c".join(word)  # joining forbidden
    assert not np.array_equal(ink(word), ink(apart))
    # Forced to the left the letters stand as they do unforced, forced to the right they do not.
    assert np.array_equal(ink(word), ink(f"\u202e{word}\u202c"))
    assert not np.array_equal(ink(word), ink(f"\u202d{word}\u202c"))


def test_a_font_installed_since_matplotlib_made_its_list_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A font of this project's making that alone has a letter of a private area, added after the list was made."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    letter = "\U000f1234"
    note = picture_note(figure(letter))
    assert "No installed font has 1 of the characters" in note
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (500, 0), (250, 700)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "triangle"])
    builder.setupCharacterMap({ord(letter): "triangle"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "triangle": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "triangle": (500, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Late Triangle", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "late.ttf"
    builder.save(path)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(path), str(tmp_path / "none.ttf")])
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist])
    assert picture_note(figure(letter)) == ""
    assert "Late Triangle" in fonts.font_families([letter])


def test_blanks_and_marks_of_order_need_no_font() -> None:
    assert picture_note(figure("a\u200f\u00a0\u2028\tb\n")) == ""
    assert fonts.font_families([]) == ["DejaVu Sans"]
