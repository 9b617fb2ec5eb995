"""Result rows as lines of JSON: what is written reads back, what is broken is named by file and line."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_tasks import Row, TaskError, append_rows, read_rows, write_rows

ROW = Row(task="retrieval", metric="top1", value=0.25, n=4, source="eng_Latn", target="tur_Latn", layer=2)
TEXT = st.text(max_size=5)


def test_fields_are_those_of_the_contract():
    assert list(json.loads(ROW.to_json())) == [
        "task", "metric", "value", "n", "source", "target", "seed", "model", "layer", "pooling", "prompt", "unit",
        "variant", "coverage", "data", "split", "protocol", "tuning", "robust", "noise", "skipped", "baseline", "low",
        "high", "chance", "p", "p_holm", "version",
    ]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(
            Row,
            task=TEXT,
            metric=TEXT,
            value=st.floats(0, 1),
            n=st.integers(0, 10**9),
            source=TEXT,
            target=TEXT,
            variant=TEXT,
            layer=st.none() | st.integers(-1, 40),
        ),
        max_size=3,
    )
)
def test_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "results.jsonl"
    write_rows(path, rows)
    assert read_rows(path) == rows
    append_rows(path, [ROW])
    assert read_rows(path) == [*rows, ROW]
    assert path.read_bytes().count(b"\n") == len(rows) + 1


def test_append_makes_the_file(tmp_path):
    append_rows(tmp_path / "new.jsonl", [ROW])
    assert read_rows(tmp_path / "new.jsonl") == [ROW]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "results.jsonl"
    write_rows(path, [ROW])

    def rows():
        yield dataclasses.replace(ROW, value=0.5)
        raise RuntimeError

    for write in (write_rows, append_rows):
        with pytest.raises(RuntimeError):
            write(path, rows())
        assert read_rows(path) == [ROW]
        assert list(tmp_path.iterdir()) == [path]


def test_a_row_by_hand(tmp_path):
    path = tmp_path / "published.jsonl"
    path.write_text('\n{"task":"ner","metric":"f1","value":1,"source":"eng_Latn","target":"tur_Latn"}\n', "utf-8")
    (row,) = read_rows(path)
    assert (row.value, row.layer, row.version) == (1, None, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "high"}, "value is 'high'; a row needs a finite number there"),
        ({"value": True}, "value is True"),
        ({"n": 2.5}, "n is 2.5; a row needs a whole number there"),
        ({"task": None}, "task is None; a row needs a text there"),
        ({"value_ms": 3, "version": "7.1.0"}, r"field 'value_ms' is of version 7.1.0, this is .*; bring xl up to date"),
        ({"varient": "mlm", "version": "0.1.9"}, "unknown field 'varient'; did you mean 'variant'"),
        ({"varient": "mlm"}, "unknown field 'varient'; did you mean 'variant'"),
    ],
)
def test_broken_fields(tmp_path, change, message):
    path = tmp_path / "results.jsonl"
    path.write_text(ROW.to_json() + "\n" + json.dumps(json.loads(ROW.to_json()) | change) + "\n", "utf-8")
    with pytest.raises(TaskError, match=f"results.jsonl:2: {message}"):
        read_rows(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "not JSON"), ("[1]", "not an object but list"), ('{"task": "ner"}', "field 'metric' is missing"),
     ('{"task":"a","metric":"b","value":NaN,"source":"c","target":"d"}', "value is nan"),
     ("[" * 99999, "not JSON"),
     ('{"task":"a","metric":"b","value":1%s,"source":"c","target":"d"}' % ("0" * 400), "value is 10000")],
)  # fmt: skip
def test_broken_lines(tmp_path, line, message):
    path = tmp_path / "results.jsonl"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(TaskError, match=f"results.jsonl:1: {message}"):
        read_rows(path)


def test_a_copied_figure_keeps_its_place_and_a_measured_one_has_none(tmp_path):
    copied = dataclasses.replace(ROW, paper="ppa", table="2", cell="Ours | tur_Latn", note="500 verses", version="")
    write_rows(tmp_path / "results.jsonl", [copied, ROW])
    assert read_rows(tmp_path / "results.jsonl") == [copied, ROW]
    assert copied.to_dict() == dataclasses.asdict(copied)
    assert copied.to_dict().keys() - ROW.to_dict().keys() == {"paper", "table", "cell", "note"}
