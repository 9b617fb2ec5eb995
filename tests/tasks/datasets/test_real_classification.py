"""Every real file of classification, against the counts of its publishers and the bytes of the files."""

import itertools

import pytest

from xl_tasks import TaskError, load_pawsx, load_sib200, load_sib200_topics, load_taxi1500, load_xnli, mixed_pairs
from xl_tasks.datasets.classification.pawsx import pawsx_examples
from xl_tasks.datasets.classification.sib200_topics import sib200_topics_examples
from xl_tasks.datasets.classification.xnli import LABELS, xnli_examples
from xl_tasks.datasets.parallel.sib200 import sib200_texts

pytestmark = pytest.mark.data


def fields(file, *, header=False):
    """The fields of each line, cut by hand."""
    lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert lines.pop() == b""
    return [line.decode().split("\t") for line in lines[header:]]


def sizes(data):
    return {
        tuple(len(data.by_language[code].get(split, ())) for split in ("train", "dev", "test"))
        for code in data.languages
    }


def test_sib200(data_folder):
    data = load_sib200_topics(data_folder / "sib200")
    assert (len(data.languages), sizes(data)) == (30, {(701, 99, 204)})
    for code, splits in data.by_language.items():
        for split, examples in splits.items():
            lines = fields(data_folder / f"sib200/{code}/{split}.tsv", header=True)
            assert [[e.key, e.label, e.first] for e in examples] == lines
    # Ids, order and topics are those of English in every language.
    for split in ("train", "dev", "test"):
        assert len({tuple((e.key, e.label) for e in data.split(code, split)) for code in data.languages}) == 1
    assert {e.label for e in data.split("en", "train")} == set(data.labels)
    rows = {
        (code, split): [{"index_id": int(e.key), "category": e.label, "text": e.first} for e in examples]
        for code, splits in data.by_language.items()
        for split, examples in splits.items()
    }
    assert sib200_topics_examples(rows) == data
    assert sib200_texts(rows).fingerprint == load_sib200(data_folder / "sib200").fingerprint


def test_taxi1500(data_folder):
    data = load_taxi1500(data_folder / "taxi1500", bible=data_folder / "bible")
    assert len(data.languages) == 14
    for split, n in (("train", 860), ("dev", 106), ("test", 111)):
        lines = fields(data_folder / f"taxi1500/eng_{split}.tsv")
        assert len(lines) == n
        assert [[e.key, e.label, e.first] for e in data.split("en", split)] == lines
        labels = {key: label for key, label, _ in lines}
        for code in data.languages:
            found = data.split(code, split)
            assert all(labels[e.key] == e.label for e in found)
            assert data.coverage(code, split) == len(found) / n
    assert {e.label for e in data.split("en", "train")} == set(data.labels)
    # Bibles that have the whole New Testament in this numbering have every verse.
    for code in ("el", "he", "de"):
        assert [len(data.split(code, split)) for split in ("train", "dev", "test")] == [860, 106, 111]
    assert data.coverage("am", "test") < 1


def test_xnli(data_folder):
    data = load_xnli(data_folder / "xnli")
    assert (len(data.languages), sizes(data)) == (8, {(0, 2490, 1002)})
    for file in (data_folder / "xnli").glob("*.tsv"):
        split, _, short = file.stem.partition("-")
        found = data.split(short, split)
        assert [[e.first, e.second, e.label] for e in found] == fields(file)
        assert [e.key for e in found] == [str(i) for i in range(1, len(found) + 1)]
    for split in ("dev", "test"):
        mixed = mixed_pairs(data, split)
        assert (len(mixed), mixed.coverage, mixed.dropped) == (64, 1, ())
    for label in LABELS:
        assert sum(e.label == label for e in data.split("sw", "dev")) == 830
    rows = {
        (code, split): [{"premise": e.first, "hypothesis": e.second, "label": LABELS.index(e.label)} for e in examples]
        for code, splits in data.by_language.items()
        for split, examples in splits.items()
    }
    assert xnli_examples(rows) == data


def test_xnli_in_other_columns(data_folder):
    data = load_xnli(data_folder / "xnli_my_original")
    usual = load_xnli(data_folder / "xnli", ["my", "en"], splits=["dev"])
    lines = fields(data_folder / "xnli_my_original/my.genre.dev.head200.tsv", header=True)
    for code, columns in (("my", (4, 5, 1)), ("en", (2, 3, 1))):
        found = data.split(code, "dev")
        assert [(e.first, e.second, e.label) for e in found] == [tuple(line[i] for i in columns) for line in lines]
        # Two releases of one row, and of its key.
        assert [(e.key, e.label) for e in found] == [(e.key, e.label) for e in usual.split(code, "dev")[:200]]
    assert sizes(data) == {(0, 200, 0)}


def test_pawsx(data_folder):
    data = load_pawsx(data_folder / "pawsx")
    assert data.languages == ("eng_Latn", "fra_Latn", "kor_Hang", "zho_Hans")
    for file in (data_folder / "pawsx").glob("*.tsv"):
        split, _, short = file.stem.partition("-")
        lines = fields(file)
        assert len(lines) == 1000
        kept = [
            (str(i), *line) for i, line in enumerate(lines, start=1) if "ns" not in [x.strip().lower() for x in line]
        ]
        assert [(e.key, e.first, e.second, e.label) for e in data.split(short, split)] == kept
        assert data.coverage(short, split) == len(kept) / 1000
    assert data.skipped == {}
    assert data.coverage("en", "test") == 1
    assert data.coverage("ko", "test") < 1


def test_pawsx_cells(data_folder):
    data = load_pawsx(data_folder / "pawsx")
    mixed = mixed_pairs(data, "test")
    assert len(mixed) == 16
    for one, other in itertools.combinations(data.languages, 2):
        ones, others = ({e.key: e for e in data.split(code, "test")} for code in (one, other))
        for key, example in zip(mixed.item_keys, mixed[one, other], strict=True):
            assert (example.first, example.second) == (ones[key].first, others[key].second)
            assert example.label == ones[key].label == others[key].label
    # What was not translated is missing, and that is most of what is dropped.
    assert mixed.missing["eng_Latn"] == 0
    assert mixed.missing["kor_Hang"] == 1000 - len(data.split("ko", "test"))
    assert sum(mixed.missing.values()) > sum(mixed.differing.values())


def test_pawsx_original(data_folder):
    data = load_pawsx(data_folder / "pawsx_original")
    lines = fields(data_folder / "pawsx_original/test-zh.tsv", header=True)
    assert len(lines) == 2000
    kept = [tuple(line) for line in lines if "NS" not in line]
    assert [(e.key, e.first, e.second, e.label) for e in data.split("zh", "test")] == kept
    assert data.coverage("zh", "test") == len(kept) / 2000
    names = ("id", "sentence1", "sentence2", "label")
    rows = [{**dict(zip(names, line, strict=True)), "id": int(line[0]), "label": int(line[3])} for line in lines]
    assert pawsx_examples({("zho_Hans", "test"): rows}) == data


def test_a_language_that_is_not_there(data_folder):
    for load, name in ((load_xnli, "xnli"), (load_pawsx, "pawsx"), (load_sib200_topics, "sib200")):
        with pytest.raises(TaskError, match=r"unknown language 'isl_Latn'.*eng_Latn"):
            load(data_folder / name, ["Icelandic"])
