"""PAWS-X in both layouts gives the same examples; sentences that were not translated are counted."""

import pytest

from xl_tasks import TaskError, load_pawsx
from xl_tasks.datasets.classification.pawsx import pawsx_examples

ROWS = [("a", 'b"', "1"), ("NS", "b", "0"), ("c", "d", "0"), ("e", " ns", "0"), ("NS 1", "f", "1")]
KEPT = [0, 2, 4]


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def official(folder, split, rows=ROWS, code="fr"):
    lines = [f"{key}\t{a}\t{b}\t{label}" for key, (a, b, label) in enumerate(rows, start=10)]
    write(folder / f"x-final/{code}/{split}.tsv", "id\tsentence1\tsentence2\tlabel", *lines)


def test_layouts(tmp_path):
    for split in ("translated_train", "dev_2k", "test_2k"):
        official(tmp_path / "a", split)
    official(tmp_path / "a", "train", code="en")
    for split in ("train", "dev", "test"):
        write(tmp_path / f"b/{split}-fr.tsv", *("\t".join(row) for row in ROWS))
    data, other = load_pawsx(tmp_path / "a"), load_pawsx(tmp_path / "b")
    assert (data.languages, other.languages) == (("eng_Latn", "fra_Latn"), ("fra_Latn",))
    for split in ("train", "dev", "test"):
        # Ids where there are some, else numbers of rows, which those left out have too.
        assert [e.key for e in data.split("fr", split)] == [str(10 + i) for i in KEPT]
        assert [e.key for e in other.split("fr", split)] == [str(1 + i) for i in KEPT]
        for found in (data, other):
            assert [(e.first, e.second, e.label) for e in found.split("fr", split)] == [ROWS[i] for i in KEPT]
            assert found.coverage("fr", split) == 3 / 5
    assert data.skipped == {}
    assert load_pawsx(tmp_path / "a/x-final") == data


def test_hub_rows_give_the_same(tmp_path):
    official(tmp_path, "test_2k")
    rows = [{"id": i, "sentence1": a, "sentence2": b, "label": int(y)} for i, (a, b, y) in enumerate(ROWS, start=10)]
    data = pawsx_examples({("fra_Latn", "test"): rows})
    assert data == load_pawsx(tmp_path)
    assert data.coverage("fr", "test") == 3 / 5
    with pytest.raises(TaskError, match=r"paws-x fra_Latn, test, row 1: unknown label '7'"):
        pawsx_examples({("fra_Latn", "test"): [{**rows[0], "label": 7}]})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["id\tsentence1\tlabel", "1\ta\t0"], "test-ko.tsv:1: .*"),
        (["id\tsentence1\tsentence2\tlabel", "1\ta\tb"], "test-ko.tsv:2: 3 fields, but the header names 4"),
        (["sentence1\tsentence2\tlabel", "a\tb\t0"], "test-ko.tsv:1: no column 'id' in the header"),
        (["a\tb\t0", "a\tb\t2"], "test-ko.tsv:2: unknown label '2'"),
        (["a\tb\t0", "a\t\t1"], "test-ko.tsv:2: sentence2 is empty"),
        (["a\tb", "a\tb"], "test-ko.tsv: .* XTREME withholds the labels"),
        (["id\tsentence1\tsentence2\tlabel", "1\ta\tb\t0", "1\ta\tb\t0"], "test-ko.tsv:3: id '1' appears a second"),
    ],
    ids=["column", "fields", "no-id", "label", "empty", "withheld", "twice"],
)
def test_broken_files(tmp_path, lines, message):
    write(tmp_path / "test-ko.tsv", *lines)
    with pytest.raises(TaskError, match=message):
        load_pawsx(tmp_path)


def test_what_is_not_there(tmp_path):
    write(tmp_path / "test-ko.tsv", "a\tb\t0", "a\tb\t2")
    with pytest.raises(TaskError, match="unknown language 'tur_Latn'"):
        load_pawsx(tmp_path, ["tr"])
    data = load_pawsx(tmp_path, on_error="skip")
    assert (len(data.split("ko", "test")), len(data.skipped["kor_Hang", "test"])) == (1, 1)
    write(tmp_path / "test-ko.tsv", "a\tb\t0", "a\tb\t2", "NS\tb\t0")
    # One there, one broken, one not translated.
    assert load_pawsx(tmp_path, on_error="skip").coverage("ko", "test") == 1 / 3
    write(tmp_path / "sub/test-ko.tsv", "a\tb\t0")
    with pytest.raises(TaskError, match="kor_Hang test is there already"):
        load_pawsx(tmp_path)
