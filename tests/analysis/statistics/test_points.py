"""Points out of result rows: which figures belong together, and what is refused where rows do not tell."""

import pytest

from xl_analysis import AnalysisError, column, points

Row = dict[str, object]


def row(metric: str, value: float, source: str, target: str, **more: object) -> Row:
    return {"task": metric, "metric": metric, "value": value, "source": source, "target": target, **more}


CKA = [row("cka", 0.1, "amh", "eng"), row("cka", 0.2, "amh", "tur"), row("cka", 0.3, "eng", "tur")]


def found(rows: list[Row], *names: str) -> dict[str, tuple[float, ...]]:
    return {point.about["pair"]: point.values for point in points(rows, [column(name) for name in names])}


def test_pairs_without_a_direction_meet_scores_of_one_source() -> None:
    scores = [row("f1", 0.7, "eng", "tur"), row("f1", 0.5, "eng", "amh"), row("f1", 0.9, "eng", "eng")]
    assert found([*CKA, *scores], "cka", "f1") == {"eng-tur": (0.3, 0.7), "eng-amh": (0.1, 0.5)}
    assert found([*CKA, *scores], "f1", "cka") == {"eng-tur": (0.7, 0.3), "eng-amh": (0.5, 0.1)}


def test_two_directions_are_one_pair_without_direction() -> None:
    both = [row("top1", 0.6, "eng", "tur"), row("top1", 0.8, "tur", "eng"), row("top1", 0.4, "amh", "tur")]
    assert found([*CKA, *both], "cka", "top1") == {"amh-tur": (0.2, 0.4), "eng-tur": (0.3, pytest.approx(0.7))}
    # With both columns directed a direction is a point.
    margins = [row("margin", 1, "eng", "tur"), row("margin", 2, "tur", "eng"), row("margin", 3, "amh", "tur")]
    assert len(found([*both, *margins], "top1", "margin")) == 3


def test_seeds_meet_seeds_and_are_averaged_against_one() -> None:
    scores = [row("f1", 0.5 + 0.1 * seed, "eng", target, seed=seed) for seed in (0, 1) for target in ("tur", "amh")]
    gaps = [row("gap", seed, "eng", target, seed=seed) for seed in (0, 1) for target in ("tur", "amh")]
    assert len(points([*scores, *gaps], [column("gap"), column("f1")])) == 4
    assert found([*CKA, *scores], "cka", "f1") == {"eng-amh": (0.1, pytest.approx(0.55)), "eng-tur": (0.3, 0.55)}


def test_conditions_choose_and_a_fixed_language_is_one_figure_a_seed() -> None:
    layers = [row("cka", 0.1 * n, "eng", target, layer=n) for n in (4, 8) for target in ("tur", "amh")]
    scores = [row("f1", 0.5 + 0.1 * s, "eng", c, seed=s) for s in (0, 1, 2) for c in ("eng", "tur", "amh")]
    assert found([*layers, *scores], "cka,layer=8", "f1")["eng-tur"] == (0.8, pytest.approx(0.6))
    with pytest.raises(AnalysisError, match=r"2 figures for target=tur, which differ in layer \(4, 8\); choose one"):
        found([*layers, *scores], "cka", "f1")
    gaps = [row("gap", 3.0 + s, "eng", c, seed=s) for s in (0, 1, 2) for c in ("tur", "amh")]
    pairs = points([*scores, *gaps], [column("f1,target=eng"), column("gap")])
    # The score of English is repeated for each language, as in the paper's table 3: 30 points of 15 seeds.
    assert sorted(point.values for point in pairs) == sorted([(0.5 + 0.1 * s, 3.0 + s) for s in (0, 1, 2)] * 2)


def test_numbers_of_rows_are_columns_too() -> None:
    rows = [row("top1", 0.1 * n, "eng", "tur", layer=n) for n in (1, 2, 3)]
    assert [p.values for p in points(rows, [column("layer"), column("top1")])] == [
        (n, pytest.approx(0.1 * n)) for n in (1.0, 2.0, 3.0)
    ]
    with pytest.raises(AnalysisError, match="layer and seed are fields of rows; one column has to be a metric"):
        points(rows, [column("layer"), column("seed")])


def test_what_does_not_fit_together_is_told() -> None:
    scores = [row("f1", 0.7, "fra", "fra"), row("f1", 0.5, "deu", "deu")]
    with pytest.raises(AnalysisError, match="column 'bleu': no row has the metric 'bleu'; they have cka, f1"):
        found([*CKA, *scores], "bleu", "f1")
    with pytest.raises(AnalysisError, match="column 'cka,layer=2': no row of it has layer=2; layer is nothing"):
        found([*CKA, *scores], "cka,layer=2", "f1")
    with pytest.raises(AnalysisError, match="'layer' is no condition; write METRIC,FIELD=VALUE"):
        column("cka,layer")
    twice = [row("f1", 0.7, "eng", "tur"), row("f1", 0.6, "eng", "tur"), row("f1", 0.6, "eng", "amh")]
    with pytest.raises(AnalysisError, match=r"two figures for one point, 0\.7 and 0\.6, which no field tells apart"):
        found([*CKA, *twice], "f1", "cka")
    with pytest.raises(AnalysisError, match="no point has cka,source=eng and f1: no rows of theirs agree in target"):
        found([*CKA, *scores], "cka,source=eng", "f1")
