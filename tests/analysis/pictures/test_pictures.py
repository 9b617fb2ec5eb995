"""Pictures: what stands in them, what is refused, that data stay text, and that the caller's settings stay."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from tests.thinned import thinned

from xl_analysis import (
    AnalysisError,
    both_triangles,
    gain_bars,
    heat_map,
    learning_curves,
    picture_bytes,
    picture_style,
    picture_svg,
    scatter,
)

EVIL = "<b>$a_1$ & \"q\" 'r' $</b>"
SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: Figure, tag: str = "text") -> list[str]:
    """The texts of a figure's SVG, as an XML parser reads them."""
    root = ET.fromstring(picture_svg(figure, "x").replace("xlink:href", "href"))
    return ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}{tag}")]


PICTURES: dict[str, Callable[[], Figure]] = {
    "heat map": lambda: heat_map([[0.1, 0.2]], [EVIL], ["a", EVIL], title=EVIL, label=EVIL),
    "scatter": lambda: scatter([0, 1], [1, 2], groups=[EVIL, "b"], texts=[EVIL, "c"], names=[EVIL, "d"], title=EVIL),
    "curves": lambda: learning_curves(
        [{"variant": EVIL, "step": n, "losses": {EVIL: 1.0}} for n in (1, 2)], title=EVIL
    ),
    "bars": lambda: gain_bars([EVIL, "b"], [0.1, -0.2], intervals=[(0.0, 0.2), None], title=EVIL),
}


NAME = "first-" + 80 * "long" + "-last"
LONG: dict[str, Callable[[], Figure]] = {
    "heat map": lambda: heat_map([[0.1, 0.2]], [NAME], ["a", NAME], label=NAME),
    "scatter": lambda: scatter([0, 1], [1, 2], groups=[NAME, "b"], names=[NAME, "d"], x_label=NAME, y_label=NAME),
    "curves": lambda: learning_curves([{"variant": NAME, "step": n, "losses": {NAME: 1.0}} for n in (1, 2)]),
    "bars": lambda: gain_bars([NAME, "b"], [0.1, -0.2], label=NAME),
}


@pytest.mark.parametrize("kind", thinned(PICTURES, 2))
def test_data_stay_text_in_every_format_and_the_same_rows_give_the_same_file(kind: str) -> None:
    make = PICTURES[kind]
    shown = texts(make())
    assert EVIL in shown
    assert kind == "curves" or any(EVIL in title for title in texts(make(), "title"))
    for form, head in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        content = picture_bytes(make(), form)
        assert content.startswith(head)
        assert content == picture_bytes(make(), form)


def test_the_settings_of_the_caller_come_back() -> None:
    before = dict(mpl.rcParams)
    for make in PICTURES.values():
        picture_bytes(make(), "svg")
    with pytest.raises(KeyError), picture_style():
        raise KeyError
    assert dict(mpl.rcParams) == before


def test_each_point_cell_and_bar_tells_its_own_text() -> None:
    points = scatter([3, np.nan, 1], [1, 1, 1], groups=["a", "a", "b"], texts=["first", "second", "third"])
    assert texts(points, "title") == ["first", "third"]  # what has no place is left out
    cells = heat_map([[0.25, np.nan], [0.5, 1.0]], ["r", "s"], ["c", "d"], digits=1)
    assert texts(cells, "title") == ["r · c: 0.25", "r · d: –", "s · c: 0.50", "s · d: 1.00"]
    bars = gain_bars(["tur", "ell"], [0.5, -0.25], intervals=[(0.25, 0.75), None])
    assert texts(bars, "title") == ["tur: +0.5 (+0.25 to +0.75)", "ell: -0.25"]


def test_colours_of_a_heat_map_are_those_of_its_figures() -> None:
    cells = heat_map([[-1.0, 0.0, 2.0]], ["r"], ["a", "b", "c"], centre=0.0).axes[0].collections[0]
    cells.update_scalarmappable()
    colours = mpl.colormaps["PuOr"]
    # 0 in the middle, and both sides on one scale: -1 of 2 is a quarter of the way up.
    assert np.allclose(cells.get_facecolor(), colours([0.25, 0.5, 1.0]), atol=0.02)
    plain = heat_map([[0.0, 1.0]], ["r"], ["a", "b"], limits=(0.0, 4.0)).axes[0].collections[0]
    plain.update_scalarmappable()
    assert np.allclose(plain.get_facecolor(), mpl.colormaps["cividis"]([0.0, 0.25]), atol=0.02)


def test_frames_stand_around_their_cells() -> None:
    figure = heat_map(np.zeros((2, 3)), ["a", "b"], ["x", "y", "z"], outlined=[(0, 2), (1, 0)])
    frames: Any = figure.axes[0].patches
    corners = [(*frame.get_xy(), frame.get_width()) for frame in frames]
    assert np.allclose(corners, [(1.54, -0.46, 0.92), (-0.46, 0.54, 0.92)])


@pytest.mark.parametrize("kind", LONG)
def test_a_long_name_leaves_room_for_the_picture(kind: str) -> None:
    """A warning, which a test fails for, says that the axes have no room left."""
    shown = LONG[kind]()
    assert picture_bytes(shown, "svg").startswith(b"<?xml")
    shortest = f"{NAME[:16]}…{NAME[-15:]}"
    assert any(shortest in text for text in texts(shown))


def test_two_triangles() -> None:
    both = both_triangles([[1, 2], [2, 1]], [[1, 3], [3, 1]])
    assert np.array_equal(both, [[np.nan, 2], [3, np.nan]], equal_nan=True)


def test_curves_are_the_lines_of_the_log() -> None:
    losses = {"aa": {"mlm": 2.0}, "b": {"mlm": 1.0, "seq": 0.5}}
    records = [
        {"variant": variant, "step": step, "losses": {name: step + loss for name, loss in losses[variant].items()}}
        for variant in losses
        for step in (1, 10)
    ]
    mlm, seq = learning_curves([*records, {"variant": "aa", "status": "done"}]).axes
    lines = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in mlm.lines}
    assert lines == {"aa": [[1, 3], [10, 12]], "b": [[1, 2], [10, 11]]}
    assert [line.get_label() for line in seq.lines] == ["b"]
    # One colour a variant in every plot.
    assert seq.lines[0].get_color() == mlm.lines[1].get_color()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: heat_map([[1.0]], ["a", "b"], ["c"]), "2 rows and 1 columns"),
        (lambda: heat_map(np.empty((0, 0)), [], []), "0 rows"),
        (lambda: both_triangles([[1.0]], [[1.0, 2.0]]), "two of one"),
        (lambda: scatter([1, 2], [1]), "2 points in x, and 1 in y"),
        (lambda: scatter([1], [1], texts=[]), "0 in texts"),
        (lambda: scatter([np.nan], [1]), "no point"),
        (lambda: learning_curves([{"step": 1}]), "no record of a loss"),
        (lambda: gain_bars([], []), "at least one"),
        (lambda: gain_bars(["a"], [1.0, 2.0]), "1 names, 2 gains"),
        (lambda: picture_bytes(gain_bars(["a"], [1.0]), "jpeg"), "png, svg, pdf"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        make()
