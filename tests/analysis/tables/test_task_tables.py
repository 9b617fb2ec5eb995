"""Tables of fitted tasks against means taken with plain loops; which rows share a line and which must not."""

import itertools
import random
import statistics

import pytest
from scipy import stats as scipy_stats

from xl_analysis import AnalysisError, result_tables, task_table

TARGETS = ("eng_Latn", "ell_Grek", "tur_Latn", "zho_Hans")
SETTINGS = {
    "task": "sib200", "n": 204, "model": "m", "variant": "mlm", "protocol": "zero-shot", "split": "test",
    "tuning": "probe", "robust": "", "noise": "", "unit": "subword", "layer": 8, "pooling": "mean-all",
    "data": "sib200",
}  # fmt: skip


def rows(*, sources=("eng_Latn",), seeds=(42,), metrics=("macro_f1",), targets=TARGETS, **more) -> list[dict]:
    rng = random.Random(repr((sources, sorted(more.items()))))
    return [
        SETTINGS | {"metric": m, "value": rng.random(), "source": s, "target": t, "seed": seed} | more
        for s, seed, m, t in itertools.product(sources, seeds, metrics, targets)
    ]


def percent(values) -> str:
    return f"{100 * statistics.fmean(values):.1f}"


def test_the_mean_leaves_out_the_language_trained_on_which_has_its_own_column():
    data = rows(seeds=(1, 2, 3))
    table = task_table(data)
    assert table.header == ("system", "mean %", "ell", "eng", "tur", "zho")
    (line,) = table.body
    by_seed = [
        statistics.fmean(r["value"] for r in data if r["seed"] == s and r["target"] != "eng_Latn") for s in (1, 2, 3)
    ]
    assert line[:2] == ("mlm", f"{percent(by_seed)} ±{100 * statistics.stdev(by_seed):.1f}")
    for cell, target in zip(line[2:], sorted(TARGETS), strict=True):
        assert cell == percent([r["value"] for r in data if r["target"] == target])
    assert "without the language trained on" in table.caption
    assert "n = 204. Mean of 3 seeds, ± standard deviation." in table.caption
    assert "protocol zero-shot" in table.caption.lower()


def test_several_sources_trained_on_together_are_all_left_out():
    data = rows(sources=("eng_Latn+tur_Latn",))
    assert task_table(data).body[0][1] == percent(
        [r["value"] for r in data if r["target"] not in ("eng_Latn", "tur_Latn")]
    )


def test_in_language_systems_are_one_line_of_all_targets_with_dev_in_brackets():
    rng = random.Random(1)
    data = [
        SETTINGS
        | {"metric": "macro_f1", "protocol": "in-language", "value": rng.random(), "source": t, "target": t}
        | {"split": split, "n": n}
        for t in TARGETS
        for split, n in (("test", 204), ("dev", 99))
    ]
    table = task_table(data)
    (line,) = table.body
    test, dev = ([r["value"] for r in data if r["split"] == split] for split in ("test", "dev"))
    assert line[1] == f"{percent(test)} ({percent(dev)})"
    for cell, target in zip(line[2:], sorted(TARGETS), strict=True):
        one, other = (r["value"] for r in data if r["target"] == target)
        assert cell == f"{100 * one:.1f} ({100 * other:.1f})"
    assert "In brackets: dev. n = 204." in table.caption
    assert "without" not in table.caption


def test_dev_alone_is_shown_and_said():
    table = task_table(rows(split="dev"))
    assert "(" not in table.body[0][1]
    assert "Scored on dev where there is no test figure." in table.caption


@pytest.mark.parametrize(
    ("field", "other", "named"),
    [
        ("protocol", "translate-train", "translate-train"), ("tuning", "lora", "lora"), ("robust", "at", "robust at"),
        ("noise", "typos=0.1", "typos=0.1"), ("unit", "character", "character"), ("layer", 0, "layer 0"),
        ("pooling", "first", "first"), ("data", "taxi", "taxi"), ("source", "tur_Latn", "from tur_Latn"),
        ("model", "m2", "m2"),
    ],
)  # fmt: skip
def test_systems_that_differ_in_one_setting_are_never_mixed(field, other, named):
    first, second = rows(), rows(**{field: other})
    table = task_table(first + second)
    assert len(table.body) == 2
    assert [line[1:] for line in table.body] == [task_table(part).body[0][1:] for part in (first, second)]
    assert named in table.body[1][0]
    assert table.body[0][0] != table.body[1][0]
    # Without the same targets nothing clashes, and they are two systems all the same.
    apart = task_table(rows(targets=TARGETS[:2]) + rows(**{field: other}, targets=TARGETS[2:]))
    assert len(apart.body) == 2


# Table 8 of "Combining Static and Contextualised Multilingual Embeddings": F1 on XQuAD of +X2S-MA DCCA.
XQUAD = {"arb_Arab": 65.91, "deu_Latn": 74.83, "ell_Grek": 73.05, "eng_Latn": 84.07, "spa_Latn": 77.00,
         "hin_Deva": 69.29, "rus_Cyrl": 74.26, "tha_Thai": 66.99, "tur_Latn": 68.55, "vie_Latn": 73.98,
         "zho_Hans": 52.20}  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "shown", "words"),
    # 70.92 is that of its table 3.
    [("all", "70.9", "with the language trained on"), ("others", "69.6", "without the language trained on")],
)
def test_a_mean_is_with_or_without_the_language_trained_on(mean, shown, words):
    data = [
        {"task": "xquad", "metric": "f1", "value": value / 100, "source": "eng_Latn", "target": target,
         "protocol": "zero-shot", "variant": "dcca"}
        for target, value in XQUAD.items()
    ]  # fmt: skip
    table = task_table(data, mean=mean)
    assert table.body[0][:2] == ("dcca", shown)
    assert f"mean over the targets, {words}." in table.caption
    both = task_table([*data, *({**row, "source": "tur_Latn"} for row in data)], mean=mean)
    assert f"each line {words.split()[0]} what it was trained on." in both.caption
    assert [len({line[1] for line in table.body}) for table in result_tables(data, mean=mean)] == [1]


def test_an_unknown_mean_is_named():
    with pytest.raises(AnalysisError, match="mean is 'most'; choose one of others, all"):
        task_table(rows(), mean="most")


def test_a_model_by_seed_is_one_system():
    data = [row | {"model": f"run{row['seed']}"} for row in rows(seeds=(1, 2))]
    assert [line[0] for line in task_table(data).body] == ["mlm"]


def test_lines_of_one_name_say_which_field_differs():
    data = rows(robust="x") + rows(robust="") + rows(noise="", robust="y") + rows(noise="robust x", robust="")
    names = [line[0] for line in task_table(data).body]
    assert len(set(names)) == 4
    assert any("noise=robust x" in name for name in names)


def test_blocks_by_task_and_metric():
    data = rows(metrics=("macro_f1", "accuracy")) + rows(task="taxi1500", metrics=("accuracy",))
    table = task_table(data)
    assert table.header[:4] == ("task", "metric", "system", "mean %")
    assert [line[:2] for line in table.body] == [
        ("sib200", "macro_f1"), ("sib200", "accuracy"), ("taxi1500", "accuracy"),
    ]  # fmt: skip
    assert table.n_labels == 3
    assert task_table(rows(metrics=("f1", "em"))).header[:3] == ("metric", "system", "mean %")


def test_what_is_no_share_is_shown_as_it_is():
    data = rows(metrics=("loss",))
    data[0]["value"] = 1.5
    table = task_table(data)
    assert table.header[1] == "mean"
    assert table.body[0][2:] == tuple(
        f"{row['value']:.3f}" for row in sorted(data, key=lambda row: row["target"])
    )  # fmt: skip


def test_gaps_coverage_and_items_left_out_are_told():
    data = [r for r in rows(seeds=(1, 2)) if (r["target"], r["seed"]) != ("tur_Latn", 2)]
    data += rows(variant="paper", targets=("tur_Latn",), skipped=3, coverage=0.875, n=100)
    caption = task_table(data).caption
    assert "mlm has not every target for each of its 2 seeds." in caption
    assert "paper has 1 of 4 targets." in caption
    assert "n = 100 to 204. Coverage is 87.5 % or more. Up to 3 items of a file could not be read" in caption
    assert "Mean of up to 2 seeds" in caption
    whole = task_table(rows()).caption
    assert not any(word in whole for word in ("Coverage", "left out", "seeds", " of 4 targets"))


def test_rows_of_a_paper_stand_beside_ours():
    paper = {"task": "sib200", "metric": "macro_f1", "value": 0.5, "source": "eng_Latn", "target": "tur_Latn"}
    table = task_table([*rows(), paper | {"variant": "Paper 2024"}])
    assert [line[0] for line in table.body] == ["mlm", "Paper 2024"]
    assert table.body[1][1:] == ("50.0", "-", "-", "50.0", "-")


def test_row_order_does_not_change_figures():
    data = rows(seeds=(1, 2)) + rows(variant="other", seeds=(1, 2))
    mixed = list(data)
    random.Random(0).shuffle(mixed)
    assert sorted(task_table(mixed).body) == sorted(task_table(data).body)


def test_bad_rows():
    data = rows()
    with pytest.raises(AnalysisError, match="two rows say macro_f1 of 'mlm' from eng_Latn to ell_Grek with seed 42"):
        task_table([*data, data[1] | {"value": 0.123}])
    assert task_table([*data, data[1]]).body == task_table(data).body
    with pytest.raises(AnalysisError, match="no row of a score"):
        task_table([data[0] | {"baseline": "none"}])
    with pytest.raises(AnalysisError, match="row 1 has no field 'metric'"):
        task_table([{"task": "sib200"}])


def test_the_caption_tells_how_uncertain_single_figures_are():
    found = rows(targets=("ell_Grek",), low=0.45, high=0.55) + rows(targets=("tur_Latn",), low=0.5, high=0.72)
    assert "uncertain by ±5.0 to ±11.0 points" in task_table(found).caption
    assert "uncertain" not in task_table(rows()).caption


def test_lines_of_several_sources_have_means_over_targets_of_their_own():
    caption = task_table(rows(sources=("eng_Latn", "tur_Latn"))).caption
    assert "each line without what it was trained on" in caption
    assert "without the language trained on" in task_table(rows()).caption


@pytest.mark.parametrize("n_right", [0, 20])
def test_a_share_of_none_or_all_is_as_uncertain_as_the_exact_interval_says(n_right):
    share = n_right / 20
    found = [row | {"value": share, "low": share, "high": share, "n": 20} for row in rows()]
    limits = scipy_stats.binomtest(n_right, 20).proportion_ci(0.95, method="exact")
    assert f"uncertain by ±{50 * (limits.high - limits.low):.1f} points" in task_table(found).caption


def test_the_caption_tells_what_the_commonest_label_gets():
    data = [row | {"chance": 0.1 + 0.02 * n} for n, row in enumerate(rows())]
    assert "Chance, the commonest label of the test items throughout, gets 10.0 to 16.0 %." in task_table(data).caption
    data += [row | {"chance": 0.25} for row in rows(metrics=("accuracy",))]
    assert "gets 10.0 to 16.0 % in macro_f1, 25.0 % in accuracy." in task_table(data).caption
    assert "Chance" not in task_table(rows()).caption
