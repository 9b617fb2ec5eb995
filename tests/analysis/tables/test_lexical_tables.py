"""Wide tables of words: a line a pair and method, the metrics across."""

import statistics

import pytest

from xl_analysis import AnalysisError, lexical_table

FIGURES = {"p@1": 0.4, "p@5": 0.6, "mrr": 0.5, "strict p@1": 0.3, "strict mrr": 0.375}


def bli(target="tur_Latn", method="csls", factor=1.0, **more) -> list[dict]:
    return [
        {"task": "bli", "metric": metric, "value": value * factor, "n": 2000 if "strict" in metric else 1500,
         "source": "eng_Latn", "target": target, "model": f"en.vec {target}.vec", "variant": "unsupervised",
         "pooling": method, "unit": "word", "coverage": 0.75, "data": "xling"} | more
        for metric, value in FIGURES.items()
    ]  # fmt: skip


def test_one_line_a_pair_and_method():
    table = lexical_table([*bli(), *bli(method="nn", factor=0.5)])
    assert table.header == (
        "source", "target", "method", "P@1 %", "P@5 %", "MRR", "strict P@1 %", "strict MRR", "coverage %", "n",
    )  # fmt: skip
    assert table.body == (
        ("eng_Latn", "tur_Latn", "csls", "40.0", "60.0", "0.500", "30.0", "0.375", "75.0", "1500"),
        ("eng_Latn", "tur_Latn", "nn", "20.0", "30.0", "0.250", "15.0", "0.188", "75.0", "1500"),
    )
    assert table.n_labels == 3
    assert table.caption.startswith("bli, unsupervised: data xling, unit word.")
    assert "strict counts the others as wrong" in table.caption


def test_means_over_pairs_by_method():
    data = [*bli(), *bli("fin_Latn", factor=0.5, coverage=0.25), *bli(method="nn")]
    table = lexical_table(data)
    assert [line[:3] for line in table.body] == [
        ("eng_Latn", "tur_Latn", "csls"), ("eng_Latn", "fin_Latn", "csls"), ("mean of 2", "", "csls"),
        ("eng_Latn", "tur_Latn", "nn"),
    ]  # fmt: skip
    assert table.body[2][3:] == ("30.0", "45.0", "0.375", "22.5", "0.281", "50.0", "-")


def test_systems_data_sets_and_seeds():
    table = lexical_table([*bli(), *bli(variant="supervised", factor=0.9), *bli(data="panlex", factor=0.1)])
    assert table.header[:4] == ("system", "data", "source", "target")
    assert [line[:2] for line in table.body] == [
        ("unsupervised", "xling"), ("unsupervised", "panlex"), ("supervised", "xling"),
    ]  # fmt: skip
    layers = lexical_table([*bli(layer=0), *bli(layer=8, factor=0.5)])
    assert [line[0] for line in layers.body] == ["unsupervised (layer 0)", "unsupervised (layer 8)"]
    seeds = lexical_table([*bli(seed=1), *bli(seed=2, factor=0.5)])
    assert seeds.body[0][2] == f"30.0 ±{statistics.stdev([40, 20]):.1f}"
    assert "Mean of 2 seeds" in seeds.caption
    models = lexical_table([*bli(model="a b"), *bli(model="c d", factor=0.5)])
    assert [line[0] for line in models.body] == ["unsupervised (a b)", "unsupervised (c d)"]


def test_similarity():
    data = [
        {"task": "similarity", "metric": metric, "value": value, "n": 480, "source": "eng_Latn", "target": "pes_Arab",
         "model": "x.vec", "pooling": "oov-mid", "coverage": 0.96, "data": name, "skipped": 2}
        for name in ("en-fa.test", "en-fa.trial") for metric, value in (("pearson", -0.1), ("spearman", 0.25))
    ]  # fmt: skip
    table = lexical_table(data)
    assert table.header == ("data", "source", "target", "pearson", "spearman", "coverage %", "n")
    assert table.body[0] == ("en-fa.test", "eng_Latn", "pes_Arab", "-0.100", "0.250", "96.0", "480")
    assert table.caption == (
        "similarity, x.vec: method oov-mid. Up to 2 lines of a file could not be read and are left out."
    )


def test_rows_that_do_not_fit():
    with pytest.raises(AnalysisError, match="the rows are of no lexical task"):
        lexical_table([bli()[0] | {"task": "xnli"}])
    with pytest.raises(AnalysisError, match="the rows are of bli and similarity"):
        lexical_table([bli()[0], bli()[0] | {"task": "similarity"}])
    with pytest.raises(AnalysisError, match="two rows say p@1 of 'unsupervised' from eng_Latn to tur_Latn"):
        lexical_table([*bli(), bli()[0] | {"value": 0.9}])
