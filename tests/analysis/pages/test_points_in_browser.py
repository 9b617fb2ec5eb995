"""The page of points as a reader has it: the text of the point that the pointer rests on, right to left where it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from xl_analysis import points_page, scatter

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"document.title='ran'\"> & <b>bold</b>"
ARABIC = "لغة عربية"


def test_hover_tells_the_text(opened: "Callable[..., Page]") -> None:
    figure = scatter([0, 1, 2], [0, 1, 0], groups=["a", "b", "b"], texts=[EVIL, ARABIC, "plain"])
    page = opened(points_page(figure, title=EVIL, about=EVIL), width=360)
    told = page.locator("#text")
    for number, text in enumerate((EVIL, ARABIC, "plain")):
        page.locator("svg g:has(> title)").nth(number).locator("use, path").first.hover(force=True)
        assert told.inner_text() == text
        right = told.evaluate("element => getComputedStyle(element).direction")
        assert right == ("rtl" if text == ARABIC else "ltr")
    assert page.title() == EVIL  # the script in it has not run
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
