"""Tables of rows against means taken with pandas-like loops, and messages for rows that cannot be tabled."""

import itertools
import json
import random
import statistics

import pytest

from xl_analysis import AnalysisError, metric_table, result_tables, retrieval_table

LANGUAGES = ("eng_Latn", "tur_Latn", "ell_Grek", "heb_Hebr")


def rows(variants=("untrained", "mlm"), seeds=(0,), metrics=("top1", "top5", "top10"), **more) -> list[dict]:
    rng = random.Random(0)
    return [
        {"task": "retrieval", "metric": m, "value": rng.random(), "source": a, "target": b, "seed": s, "variant": v}
        | more
        for v in variants
        for s in seeds
        for a, b in itertools.permutations(LANGUAGES, 2)
        for m in metrics
    ]


def percent(values) -> str:
    return f"{100 * statistics.fmean(values):.1f}"


def test_means_over_pairs():
    data = rows()
    table = retrieval_table(data)
    assert table.header == (
        "variant", "top-10 % all", "top-10 % cross", "ell", "eng", "heb", "tur", "top-1 % all", "top-1 % cross",
    )  # fmt: skip
    assert [line[0] for line in table.body] == ["untrained", "mlm"]
    for line in table.body:
        mine = [row for row in data if row["variant"] == line[0]]
        by_script = {"eng_Latn": 0, "tur_Latn": 0, "ell_Grek": 1, "heb_Hebr": 2}

        def cross(metric, mine=mine, by_script=by_script):
            return [
                r["value"] for r in mine
                if r["metric"] == metric and by_script[r["source"]] != by_script[r["target"]]
            ]  # fmt: skip

        assert len(cross("top10")) == 10
        assert line[1] == percent([r["value"] for r in mine if r["metric"] == "top10"])
        assert line[2] == percent(cross("top10"))
        assert line[4] == percent(
            [r["value"] for r in mine if r["metric"] == "top10" and "eng_Latn" in (r["source"], r["target"])]
        )
        assert line[-2] == percent([r["value"] for r in mine if r["metric"] == "top1"])
        assert line[-1] == percent(cross("top1"))


def test_several_seeds_show_their_spread():
    data = rows(variants=("mlm",), seeds=(1, 2, 3))
    means = [statistics.fmean(r["value"] for r in data if r["metric"] == "top10" and r["seed"] == s) for s in (1, 2, 3)]
    table = retrieval_table(data)
    assert table.body[0][1] == f"{100 * statistics.fmean(means):.1f} ±{100 * statistics.stdev(means):.1f}"
    assert "±" not in "".join(table.body[0][3:7])
    assert "3 seeds" in table.caption


def test_row_order_within_a_variant_does_not_matter():
    data = rows()
    shuffled = data[: len(data) // 2][::-1] + data[len(data) // 2 :][::-1]
    assert retrieval_table(shuffled).body == retrieval_table(data).body


def test_two_data_sets_get_two_lines():
    first, second = rows(variants=("mlm",), data="names"), rows(variants=("mlm",), data="sib200")
    assert [line[0] for line in retrieval_table(first + second).body] == ["mlm (names)", "mlm (sib200)"]


def test_a_row_given_twice_counts_once():
    data = rows()
    assert retrieval_table(data + data[:5]).body == retrieval_table(data).body


def test_a_variant_with_fewer_pairs_is_said_to_have_them():
    data = rows(variants=("mlm",)) + rows(variants=("paper",))[:3]
    assert "paper has 1 of these pairs." in retrieval_table(data).caption


def test_two_answers_to_one_question_are_refused():
    data = rows(variants=("mlm",))
    with pytest.raises(AnalysisError, match="two rows say top1 of 'mlm' from eng_Latn to tur_Latn with seed 0"):
        retrieval_table([*data, data[0] | {"value": 0.123}])


def test_rows_by_hand_and_of_other_tasks():
    foreign = {"task": "ner", "metric": "f1", "value": 0.5, "source": "eng_Latn", "target": "tur_Latn"}
    table = metric_table([foreign, foreign | {"target": "heb_Hebr", "value": 1}])
    assert table.body == (("ner", "f1", "-", "0.7500", "2"),)
    tables = result_tables([*rows(), foreign])
    assert [len(t.body) for t in tables] == [2, 3]
    assert {line[1] for line in tables[1].body} == {"top5", "f1"}
    assert len(result_tables([foreign])) == 1


@pytest.mark.parametrize("field", ["task", "metric", "value", "source", "target"])
def test_missing_field(field):
    broken = rows()
    del broken[4][field]
    with pytest.raises(AnalysisError, match=f"row 5 has no field '{field}'"):
        retrieval_table(broken)


@pytest.mark.parametrize("value", ["0.5", None, True, float("nan")])
def test_value_that_is_no_number(value):
    with pytest.raises(AnalysisError, match="row 1: value is"):
        retrieval_table([rows()[0] | {"value": value}])


def test_other_bad_rows():
    with pytest.raises(AnalysisError, match=r"no row with metric top10 or top1 .*: f1\."):
        retrieval_table([rows()[0] | {"metric": "f1"}])
    with pytest.raises(AnalysisError, match="'tur' names no script; write it as eng_Latn"):
        retrieval_table([rows()[0] | {"source": "tur"}])
    with pytest.raises(AnalysisError, match="no row"):
        metric_table([])


def test_a_file_of_json_lines_is_enough():
    lines = [json.dumps(row) for row in rows()]
    assert retrieval_table(map(json.loads, lines)).body == retrieval_table(rows()).body


@pytest.mark.parametrize(
    ("counts", "said"),
    [((250,), "250 items; chance is about 4.0 %"), ((50, 200), "50 to 200 items; chance is about 5.0 to 20.0 %")],
)
def test_the_caption_says_what_chance_would_give(counts, said):
    data = [row | {"n": counts[i % len(counts)]} for i, row in enumerate(rows(metrics=("top10",)))]
    assert f"{said} in top-10 %." in retrieval_table(data, metrics=("top10",)).caption
    assert "chance" not in retrieval_table(rows()).caption
