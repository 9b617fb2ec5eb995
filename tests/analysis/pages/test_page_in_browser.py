"""The report's page as a reader has it: in a real browser, with a pointer, on a phone and in print."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from xl_analysis import Facts, Section, Table, html_page, report_page, scatter, shown_picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]

EVIL = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
ARABIC = "لغة عربية (1)"
CODES = ["tur_Latn", "ell_Grek", "amh_Ethi", "heb_Hebr"]


@pytest.fixture(scope="session")
def report() -> str:
    """A page of every kind of section, with markup and Arabic among its data."""
    rows = [
        {"task": "retrieval", "metric": metric, "value": (i + 2 * j + k) / 20, "source": source, "target": target,
         "variant": variant, "n": 100, "data": "names", "model": "m", "layer": 8}
        for k, variant in enumerate(("untrained", ARABIC, EVIL)) for metric in ("top1", "top10")
        for i, source in enumerate(CODES) for j, target in enumerate(CODES) if i != j
    ]  # fmt: skip
    rows += [
        {"task": EVIL, "metric": "f1", "value": 0.5, "source": "eng_Latn", "target": f"aaa{chr(97 + n)}_Latn",
         "protocol": "zero-shot", "split": "test", "variant": "w" * 80}
        for n in range(26)
    ]  # fmt: skip
    rows += [
        {"task": "cka", "metric": "cka", "value": 0.5, "source": a, "target": b, "variant": "mlm", "layer": 8}
        for a in CODES for b in CODES if a < b
    ]  # fmt: skip
    log = [{"variant": EVIL, "step": step, "losses": {EVIL: 1.0 / step}} for step in (1, 2, 3)]
    facts = [Facts(name=EVIL, entries=[("data", EVIL), ("machine", "x" * 300), ("languages", ARABIC)])]
    return report_page(rows, EVIL, facts=facts, logs={EVIL: log}, names={"tur_Latn": "Turkish", "tur": "Turkish"})


def test_it_opens_without_an_error_and_markup_in_data_stays_text(opened: Open, report: str) -> None:
    page = opened(report)
    assert page.title() == EVIL
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    for place in ("summary", "dd", "td", "caption", "svg text"):
        assert page.locator(place).filter(has_text="src=x").count() >= 1, place


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_scrolls_sideways(opened: Open, report: str, width: int) -> None:
    page = opened(report, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than the screen scrolls in a frame of its own, which the keyboard reaches.
    wide = page.evaluate("[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length")
    assert wide > 0
    assert page.locator(".scroll:not([tabindex='0'])").count() == 0
    beyond = page.evaluate(
        "[...document.querySelectorAll('h1, h2, p, dd, figcaption, caption, .scroll, svg')]"
        ".filter(e => !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert beyond == 0


def column(page: "Page", number: int) -> list[str]:
    return page.locator(f"tbody tr td:nth-child({number + 1})").all_inner_texts()


def table(cells: Sequence[tuple[str, ...]]) -> str:
    return html_page([Section(title="t", tables=[Table(("name", "score", "gain", "mixed"), tuple(cells))])], "t")


def test_a_click_on_a_head_sorts_by_figures_then_the_other_way(opened: Open) -> None:
    cells = [
        *[("b10", "9.5 ±0.3", "-3.0", "1e5"), ("a", "-", "+12.5 *", "x")],
        *[("b9", "100.0", "−20.5", "2"), ("c", "10.0", "+1", "")],
    ]
    page = opened(table(cells))
    for number, expected in (
        (1, ["100.0", "10.0", "9.5 ±0.3", "-"]),
        (2, ["+12.5 *", "+1", "-3.0", "−20.5"]),
    ):
        head = page.locator("th").nth(number)
        head.locator("button").click()
        assert column(page, number) == expected
        assert head.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Enter")
        figures = [text for text in expected if text != "-"]
        assert column(page, number) == [*reversed(figures), *(text for text in expected if text == "-")]
        assert head.get_attribute("aria-sort") == "ascending"
    page.locator("th").nth(0).locator("button").click()
    assert column(page, 0) == ["a", "b9", "b10", "c"]  # whole lines move: the figures go with their names
    assert column(page, 1) == ["-", "100.0", "9.5 ±0.3", "10.0"]
    page.locator("th").nth(3).locator("button").click()
    assert column(page, 3) == ["1e5", "2", "x", ""]
    assert page.locator("th[aria-sort='none']").count() == 3


def test_a_point_tells_its_sentence_and_a_code_its_name_where_the_pointer_rests(opened: Open, report: str) -> None:
    sentences = ["an English sentence", f"{ARABIC} & <b>", "a third"]
    picture = shown_picture("three sentences", scatter([0, 1, 2], [0, 2, 1], texts=sentences))
    page = opened(html_page([Section(title="t", pictures=[picture])], "t"))
    points = page.locator("svg g:has(> title) use")
    assert points.count() == 3
    told = set()
    for number in range(3):
        box = points.nth(number).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        told.add(
            page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y).closest('g:has(> title)')"
                ".querySelector('title').textContent", [x, y],
            )
        )  # fmt: skip
    assert told == set(sentences)
    assert opened(report).locator("th bdi[title='Turkish']").first.inner_text() == "tur"


def test_right_to_left_text_has_its_own_direction(opened: Open, report: str) -> None:
    page = opened(report)
    cell = page.locator("td bdi").filter(has_text="عربية").first
    assert cell.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert cell.evaluate("e => getComputedStyle(e.closest('tr')).direction") == "ltr"
    assert page.locator("dd").filter(has_text="عربية").evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_in_print_nothing_is_cut_off(opened: Open, report: str) -> None:
    page = opened(report, 700)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].every(e => getComputedStyle(e).overflowX == 'visible')"
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_very_long_table_is_folded_until_it_is_asked_for(opened: Open) -> None:
    page = opened(table([(f"n{number}", "1", "2", "3") for number in range(101)]))
    assert not page.locator("td").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator("td").first.is_visible()
    # Two sheets at least for a hundred lines; folded it was one.
    assert page.pdf().count(b"/Type /Page\n") > 1
    page.emulate_media(media="screen")
    assert not page.locator("td").first.is_visible()
    page.locator("summary").click()
    assert page.locator("td").first.is_visible()
    assert opened(table([("n", "1", "2", "3")] * 100)).locator("td").first.is_visible()
