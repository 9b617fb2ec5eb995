"""Pictures of rows: which figures become which points and cells."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from xl_analysis import gains, picture_svg
from xl_analysis.pages.row_pictures import cka_pictures, gain_pictures, gap_pictures, retrieval_pictures

CODES = ("eng_Latn", "tur_Latn", "ell_Grek", "amh_Ethi")


def titles(figure: Figure) -> list[str]:
    root = ET.fromstring(picture_svg(figure, "x").replace("xlink:href", "href"))
    return [str(element.text) for element in root.iter("{http://www.w3.org/2000/svg}title")]


def score(target: str, value: float, **more: object) -> dict[str, object]:
    return {"task": "sib200", "metric": "macro_f1", "value": value, "source": "eng_Latn", "target": target, "layer": 8,
            "variant": "mlm", "model": "m", "protocol": "zero-shot", "split": "test", **more}  # fmt: skip


def likeness(a: str, b: str, value: float, **more: object) -> dict[str, object]:
    return {"task": "cka", "metric": "cka", "value": value, "source": a, "target": b, "layer": 8, "variant": "mlm",
            "model": "m", **more}  # fmt: skip


def test_gaps_beside_the_cka_of_the_same_layer() -> None:
    rows = [score(code, value) for code, value in zip(CODES, (0.9, 0.8, 0.6, 0.5), strict=True)]
    rows += [score(code, 0.5, layer=12) for code in CODES]
    rows += [score("tur_Latn", 0.1, split="dev"), score("tur_Latn", 0.1, variant="other")]
    cka = [
        likeness(code, "eng_Latn", 0.7 - n / 10, layer=layer) for n, code in enumerate(CODES[1:]) for layer in (8, 4)
    ]
    ((caption, picture),) = gap_pictures(rows, cka)
    assert caption.startswith("sib200, macro_f1")
    # Layer 12 has no CKA, and of two other layers none is its own.
    assert titles(picture) == [
        "eng_Latn → tur_Latn, mlm (layer 8): CKA 0.700, gap 10.0",
        "eng_Latn → ell_Grek, mlm (layer 8): CKA 0.600, gap 30.0",
        "eng_Latn → amh_Ethi, mlm (layer 8): CKA 0.500, gap 40.0",
    ]
    ((_, both),) = gap_pictures(rows, [row for row in cka if row["layer"] == 8])
    assert len(titles(both)) == 6


def test_two_models_stand_in_the_two_triangles_of_one_heat_map() -> None:
    rows = [
        likeness(a, b, value, variant=variant)
        for variant, value in (("mlm", 0.25), ("mlm+seq", 0.75)) for i, a in enumerate(CODES) for b in CODES[i + 1 :]
    ]  # fmt: skip
    ((caption, picture),) = cka_pictures([*rows, likeness("eng_Latn", "tur_Latn", 0.1, layer=2)])
    assert "above the diagonal mlm, below it mlm+seq" in caption
    cells = np.array([title.rpartition(" ")[2] for title in titles(picture)]).reshape(4, 4)
    assert set(cells[np.triu_indices(4, 1)]) == {"0.250"}
    assert set(cells[np.tril_indices(4, -1)]) == {"0.750"}
    ((caption, _),) = cka_pictures(rows[:6])
    assert caption == "CKA between languages, mlm."


def test_retrieval_is_a_map_of_the_best_model_where_all_languages_meet() -> None:
    def rows(variant: str, value: float, languages: tuple[str, ...] = CODES) -> list[dict[str, object]]:
        return [
            {"task": "tatoeba", "metric": "top1", "value": value, "source": a, "target": b, "variant": variant}
            for a in languages for b in CODES if a != b
        ]  # fmt: skip

    every = [*rows("mlm", 0.5), *rows("mlm+seq", 0.75), *rows("string-match", 0.9)]
    ((caption, picture),) = retrieval_pictures(every, "top1")
    assert "mlm+seq" in caption
    assert sum(title.endswith(": 75.0") for title in titles(picture)) == 12
    assert list(retrieval_pictures(rows("mlm", 0.5, CODES[:1]), "top1")) == []


def test_gains_are_points_of_before_and_after_and_bars_by_language() -> None:
    rows = [
        score(code, value, variant=variant) for variant, value in (("pretrained", 0.5), ("mlm", 0.75)) for code in CODES
    ]
    (_, points), (_, bars) = gain_pictures(gains(rows))
    assert titles(points)[1] == "eng_Latn → tur_Latn, mlm: 50.0 → 75.0"
    assert sorted(titles(bars)) == [f"{code}: +25" for code in sorted(CODES[1:])]  # without the language trained on
    assert points.axes[0].get_xlabel() == "macro_f1 %, pretrained"


@pytest.mark.parametrize("pictures", [cka_pictures, lambda rows: gap_pictures(rows, rows)])
def test_nothing_gives_no_picture(pictures) -> None:
    assert list(pictures([])) == []


def test_every_section_has_a_place_in_the_page() -> None:
    from xl_analysis.pages import report_page

    assert {*report_page._SECTIONS.values(), report_page._LAST} <= set(report_page._ORDER)
