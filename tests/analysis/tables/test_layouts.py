"""Layouts of papers: each table's arithmetic against numpy over the same rows, marks by slow loops, and faults."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_analysis import AnalysisError, Average, Table, laid_out, layout_names, read_layout

LANGUAGES = ("ell_Grek", "heb_Hebr", "tur_Latn")
SCORES = {"Topics": ("sib200", "macro_f1"), "Tags": ("panx", "f1")}
SOURCES = {"Latn": "eng_Latn", "Grek": "ell_Grek"}
SYSTEMS = ("base", "mlm", "mlm+seq")
AXES = """
paper = "p"
title = "Nobody (1900)"
[languages]
three = ["ell_Grek", "heb_Hebr", "tur_Latn"]
[[score]]
name = "Topics"
task = "sib200"
metric = "macro_f1"
sources = { Latn = "eng_Latn", Grek = "ell_Grek" }
[[score]]
name = "Tags"
task = "panx"
metric = "f1"
sources = { Latn = "eng_Latn", Grek = "ell_Grek" }
[[score]]
name = "Both"
of = ["Topics", "Tags"]
sources = { Latn = "eng_Latn", Grek = "ell_Grek" }
"""
TABLE = """
[[table]]
number = "1"
title = "Transfer"
scores = ["Topics", "Tags", "Both"]
languages = "three"
averages = [{ name = "Average" }, { name = "without", without = ["tur_Latn"] }]
down = ["system", "language"]
across = ["score", "source"]
bold = "system"
underline = "source"
difference = true
"""


def layout_of(folder: Path, text: str) -> Path:
    path = folder / "made.toml"
    path.write_text(text, encoding="utf-8")
    return path


def row(system: str, task: str, metric: str, source: str, target: str, value: float, **more: object) -> dict:
    """A result row; the system "base" is the model before training, which has no variant."""
    about = {"task": task, "metric": metric, "source": source, "target": target, "value": value, "model": "base"}
    return {**about, "variant": "" if system == "base" else system, "split": "test", "protocol": "zero-shot", **more}


def cells_of(table: Table) -> dict[tuple[str, ...], str]:
    """(labels of the line, head of the column) -> cell."""
    return {
        (*line[: table.n_labels], head): cell
        for line in table.body
        for head, cell in zip(table.header[table.n_labels :], line[table.n_labels :], strict=True)
    }


KEYS = list(itertools.product(SYSTEMS, ("Topics", "Tags"), SOURCES, LANGUAGES, (42, 43)))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=len(KEYS), max_size=len(KEYS)), st.integers(0, len(KEYS) - 1))
def test_cells_averages_differences_and_marks_are_those_of_numpy(
    tmp_path_factory: pytest.TempPathFactory, thousandths: list[int], lacking: int
) -> None:
    path = layout_of(tmp_path_factory.mktemp("layout"), AXES + TABLE)
    values = {key: n / 1000 for key, n in zip(KEYS, thousandths, strict=True) if SOURCES[key[2]] != key[3]}
    # Both seeds of one cell, if it is no cell of a source, are missing.
    values = {key: value for key, value in values.items() if key[:4] != KEYS[lacking][:4]}
    rows = [row(s, *SCORES[score], SOURCES[src], t, v, seed=seed) for (s, score, src, t, seed), v in values.items()]
    main, difference = laid_out(rows, read_layout(path)).tables

    def mean(system: str, score: str, source: str, item: str) -> tuple[float, frozenset] | None:
        if score == "Both":
            parts = {part: mean(system, part, source, item) for part in ("Topics", "Tags")}
            found = {part: each for part, each in parts.items() if each is not None}
            basis = frozenset((part, each[1]) for part, each in found.items())
            return (float(np.mean([each[0] for each in found.values()])), basis) if found else None
        targets = {"Average": LANGUAGES, "without": LANGUAGES[:2]}.get(item, (item,))
        by_target = {
            t: np.mean([values[key] for key in values if key[:4] == (system, score, source, t)])
            for t in targets
            if any(key[:4] == (system, score, source, t) for key in values)
        }
        return (float(np.mean(list(by_target.values()))), frozenset(by_target)) if by_target else None

    items = (*LANGUAGES, "Average", "without")
    shown = cells_of(main)
    assert set(shown) == {
        (system, item, f"{score} % {source}")
        for system in SYSTEMS for item in items for score in ("Topics", "Tags", "Both") for source in SOURCES
    }  # fmt: skip
    for (system, item, head), cell in shown.items():
        score, source = head.split(" % ")
        value = mean(system, score, source, item)
        if value is None:
            assert cell == ("src" if SOURCES[source] == item else "-")
        else:
            assert float(cell) == pytest.approx(100 * value[0], abs=0.0501)
    for r, (system, item, *_) in enumerate(main.body):
        for c, head in enumerate(main.header[2:], start=2):
            score, source = head.split(" % ")
            own = mean(system, score, source, item)
            if own is None:
                assert (r, c) not in main.best | main.best_source
                continue
            rivals = [mean(other, score, source, item) for other in SYSTEMS]
            alike = {round(100 * rival[0], 1) for rival in rivals if rival is not None and rival[1] == own[1]}
            assert ((r, c) in main.best) == (len(alike) > 1 and round(100 * own[0], 1) == max(alike))
            others = [mean(system, score, other, item) for other in SOURCES]
            of_sources = {round(100 * other[0], 1) for other in others if other is not None}
            assert ((r, c) in main.best_source) == (len(of_sources) > 1 and round(100 * own[0], 1) == max(of_sources))
    for (system, item, head), cell in cells_of(difference).items():
        score, source = head.split(" % ")
        if score != "Both" and item in LANGUAGES:
            own, start = (mean(name, score, source, item) for name in (system, "base"))
            expected = None if own is None or start is None else 100 * (own[0] - start[0])
            assert cell in ("src", "-") if expected is None else float(cell) == pytest.approx(expected, abs=0.0501)
    assert {line[0] for line in difference.body} == {"mlm", "mlm+seq"}


def test_an_average_of_a_difference_is_over_the_cells_that_both_have(tmp_path: Path) -> None:
    rows = [row("base", *SCORES["Topics"], "eng_Latn", t, v) for t, v in zip(LANGUAGES, (0.1, 0.2, 0.6), strict=True)]
    rows += [row("mlm", *SCORES["Topics"], "eng_Latn", t, v) for t, v in zip(LANGUAGES[:2], (0.2, 0.4), strict=True)]
    main, difference = laid_out(rows, read_layout(layout_of(tmp_path, AXES + TABLE))).tables
    assert cells_of(main)["mlm", "Average", "Topics % Latn"] == "30.0"
    assert cells_of(main)["base", "Average", "Topics % Latn"] == "30.0"
    assert cells_of(difference)["mlm", "Average", "Topics % Latn"] == "+15.0"
    assert "mlm lacks 8 cells: Topics 3 of 5, Tags 5 of 5." in main.caption  # a source is no target of its own
    averages = {r for r, line in enumerate(main.body) if line[1] == "Average"}
    assert not averages & {r for r, _ in main.best}  # over other languages, which are not compared


def test_of_two_models_without_a_variant_one_is_the_start_as_named(tmp_path: Path) -> None:
    layout = read_layout(layout_of(tmp_path, AXES + TABLE))
    about = (*SCORES["Topics"], "eng_Latn", "tur_Latn")
    rows = [{**row("base", *about, value), "model": name} for name, value in (("one", 0.25), ("two", 0.5))]
    assert len(laid_out(rows, layout).tables) == 1
    compared = {**rows[1], "value": 0.25, "baseline": "model=one"}
    for made in (laid_out([*rows, compared], layout), laid_out(rows, layout, start="one")):
        _, difference = made.tables
        assert "difference from one" in difference.caption
        assert cells_of(difference)["two", "tur_Latn", "Topics % Latn"] == "+25.0"
    assert cells_of(laid_out(rows, layout, start="two").tables[1])["one", "tur_Latn", "Topics % Latn"] == "-25.0"


ALONG = """
[[table]]
number = "2"
title = "Languages across"
scores = ["Tags"]
sources = ["Latn"]
averages = [
    { name = "avg" }, { name = "shared", shared = true }, { name = "two", over = ["tur_Latn", "ell_Grek"] },
    { name = "std", statistic = "std" }, { name = "rpd", statistic = "rpd" },
]
down = ["system"]
across = ["language"]
with_source = true
bold = "system"
underline = "second"
digits = 2
spread = true
"""


def test_statistics_over_languages_the_source_among_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    languages = ("eng_Latn", *LANGUAGES)
    scores = {
        (system, target): rng.uniform(0.2, 0.9, size=3)
        for system in SYSTEMS
        for target in (languages if system != "mlm" else languages[:3])
    }
    rows = [
        row(system, *SCORES["Tags"], "eng_Latn", target, float(value), seed=seed)
        for (system, target), values in scores.items()
        for seed, value in enumerate(values)
    ]
    (table,) = laid_out(rows, read_layout(layout_of(tmp_path, AXES + ALONG))).tables
    assert table.header == ("system", "ell", "eng", "heb", "tur", "avg", "shared", "two", "std", "rpd")
    shown = {key: [float(part) for part in cell.split(" ±")] for key, cell in cells_of(table).items() if cell != "-"}
    for system in SYSTEMS:
        own = np.array([scores[system, target] for target in languages if (system, target) in scores])
        pairs = [(a, b) for a, b in itertools.combinations(own.mean(axis=1), 2)]
        expected = {
            "avg": own.mean(),
            "shared": np.mean([scores[system, target] for target in languages[:3]]),
            "two": np.mean([scores[system, t] for t in ("tur_Latn", "ell_Grek") if (system, t) in scores]),
            "std": own.mean(axis=1).std(ddof=1),
            "rpd": np.mean([abs(a - b) / ((a + b) / 2) for a, b in pairs]),
        }
        for name, value in expected.items():
            assert shown[system, name][0] == pytest.approx(100 * value, abs=0.00501)
        assert shown[system, "avg"][1] == pytest.approx(100 * own.mean(axis=0).std(ddof=1), abs=0.00501)
    columns = {name: place for place, name in enumerate(table.header)}
    for name in ("shared", "ell", "heb", "eng"):
        several = sorted((shown[system, name][0], r) for r, system in enumerate(line[0] for line in table.body))
        assert (several[-1][1], columns[name]) in table.best
        assert (several[-2][1], columns[name]) in table.best_source
    fewest = min(
        (shown[system, "std"][0], r) for r, system in enumerate(line[0] for line in table.body) if system != "mlm"
    )
    assert (fewest[1], columns["std"]) in table.best  # gaps: the lowest is the best


def test_a_users_average_stands_beside_a_tables_own(tmp_path: Path) -> None:
    rows = [row("mlm", *SCORES["Tags"], "eng_Latn", t, v) for t, v in zip(LANGUAGES, (0.1, 0.2, 0.6), strict=True)]
    rows.append(row("mlm", *SCORES["Tags"], "eng_Latn", "deu_Latn", 0.8))
    layout = read_layout(layout_of(tmp_path, AXES + TABLE))
    made = laid_out(rows, layout, averages=[Average(name="mine", over=("tur_Latn", "deu_Latn"))])
    assert cells_of(made.tables[0])["mlm", "mine", "Tags % Latn"] == "70.0"
    assert made.languages == []
    assert laid_out([*rows, row("x", "xnli", "accuracy", "eng_Latn", "tha_Thai", 0.5)], layout).tasks == ["xnli"]
    assert laid_out(rows, layout).languages == ["deu_Latn"]


def test_words_have_two_directions_and_pairs_either_order(tmp_path: Path) -> None:
    text = """
[[score]]
name = "xx-en"
task = "bli"
metric = "p@1"
side = "source"
[[score]]
name = "en-xx"
task = "bli"
metric = "p@1"
[[score]]
name = "harmonic"
task = "similarity"
metric = "harmonic"
side = "pair"
sources = { any = "" }
[[table]]
number = "1"
title = "Words"
scores = ["xx-en", "en-xx"]
down = ["system"]
across = ["language", "score"]
averages = [{ name = "avg" }]
wrap = 4
[[table]]
number = "2"
title = "Pairs"
scores = ["harmonic"]
down = ["system"]
across = ["language"]
languages = ["deu_Latn-eng_Latn"]
percent = false
digits = 2
"""
    rows = [
        row("x", "bli", "p@1", "tur_Latn", "eng_Latn", 0.25), row("x", "bli", "p@1", "eng_Latn", "tur_Latn", 0.5),
        row("x", "bli", "p@1", "eng_Latn", "ell_Grek", 0.75),
        row("x", "similarity", "harmonic", "eng_Latn", "deu_Latn", 0.71),
    ]  # fmt: skip
    first, second, pairs = laid_out(rows, read_layout(layout_of(tmp_path, text))).tables
    assert first.header == ("system", "ell % xx-en", "ell % en-xx", "tur % xx-en", "tur % en-xx")
    assert first.body == (("x", "-", "75.0", "25.0", "50.0"),)
    assert second.header == ("system", "avg % xx-en", "avg % en-xx")
    assert second.body == (("x", "25.0", "62.5"),)
    assert "Part 2 of 2" in second.caption
    assert pairs.body == (("x", "0.71"),)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('metric = "f1"', 'metrics = "f1"', "[[score]]: unknown key 'metrics'; known: name, task"),
        ('number = "1"\n', "", "[[table]]: missing 1 required keyword-only argument: 'number'"),
        ('languages = "three"', 'languages = "four"', "languages = 'four' is no list of [languages]"),
        ('of = ["Topics", "Tags"]', 'of = ["Topic"]', "'Topic' is none of Topics, Tags, Both"),
        ('down = ["system", "language"]', 'down = ["system"]', "language must stand once in down or across"),
        ('across = ["score", "source"]', 'across = ["score"]', "source must stand once in down or across"),
        ('bold = "system"', 'bold = "row"', "bold: 'row' is none of system, score, source, language"),
        ("[[table]]", "[[table]", "not a TOML file"),
    ],
)
def test_faults_of_a_layout_are_one_sentence(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = layout_of(tmp_path, (AXES + TABLE).replace(old, new))
    with pytest.raises(AnalysisError) as fault:
        read_layout(path)
    assert words in str(fault.value)
    assert str(fault.value).startswith(str(path))
    assert "\n" not in str(fault.value)


def test_every_shipped_layout_is_read_and_tells_what_it_shows() -> None:
    for name in layout_names():
        layout = read_layout(name)
        assert layout.name == name
        with pytest.raises(AnalysisError, match=f"no row is in a table of layout {name}; it shows "):
            laid_out([], layout)
    with pytest.raises(AnalysisError, match=r"layout pap is none of .*ppa.* and no TOML file"):
        read_layout("pap")
