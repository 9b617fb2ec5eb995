"""XNLI in each layout it comes in gives the same examples; what is broken is named or counted."""

import gzip

import pytest

from xl_tasks import TaskError, load_xnli
from xl_tasks.datasets.classification.xnli import LABELS, xnli_examples

PAIRS = {
    "tr": [
        ("ön bir", "son bir", "neutral"),
        ("ön iki", "son iki", "entailment"),
        ("ön \ufeffüç", '"son', "contradiction"),
    ],
    "sw": [("a1", "b1", "neutral"), ("a2", "b2", "entailment"), ("a3", "b3", "contradiction")],
}


def write(path, *lines, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}{end}" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def xtreme(folder, split="dev"):
    for short, pairs in PAIRS.items():
        write(folder / f"{split}-{short}.tsv", *("\t".join(pair) for pair in pairs))
    return folder


def original(folder, split="dev", ids=("1", "2", "3")):
    lines = ["language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpairID\tgenre"]
    for short, pairs in PAIRS.items():
        lines += [f"{short}\t{pair[2]}\t\t{pair[0]}\t{pair[1]}\t{key}\tx" for key, pair in zip(ids, pairs, strict=True)]
    write(folder / f"XNLI-1.0/xnli.{split}.tsv", *lines, end="\r\n")
    return folder


def one_table(folder):
    lines = ["genre\tlabel\tsentence1_tr\tsentence2_tr\tsentence1_sw\tsentence2_sw"]
    lines += [f"x\t{a[2]}\t{a[0]}\t{a[1]}\t{b[0]}\t{b[1]}" for a, b in zip(*PAIRS.values(), strict=True)]
    write(folder / "my.genre.dev.head200.tsv", *lines)
    return folder


def packed(folder):
    for file in xtreme(folder).glob("*.tsv"):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + file.read_bytes()))
        file.unlink()
    return folder


@pytest.mark.parametrize("layout", [xtreme, original, one_table, packed])
def test_layouts(tmp_path, layout):
    data = load_xnli(layout(tmp_path))
    assert (data.name, data.kind, data.labels) == ("xnli", "classification", LABELS)
    assert data.languages == ("swh_Latn", "tur_Latn")
    for short, pairs in PAIRS.items():
        found = [(e.key, e.first, e.second, e.label) for e in data.split(short, "dev")]
        assert found == [(str(i), *pair) for i, pair in enumerate(pairs, start=1)]
        assert data.coverage(short, "dev") == 1
    assert load_xnli(tmp_path, ["Turkish"]).languages == ("tur_Latn",)
    # The hub has the same rows, with the labels as numbers or names.
    for number in (True, False):
        rows = {
            (code, "dev"): [
                {"premise": e.first, "hypothesis": e.second, "label": LABELS.index(e.label) if number else e.label}
                for e in data.split(code, "dev")
            ]
            for code in data.languages
        }
        assert xnli_examples(rows) == data


def test_training_files(tmp_path):
    write(tmp_path / "train-en.tsv", "p\th\tentailment", "p\th\tcontradictory")
    write(
        tmp_path / "multinli/multinli.train.tr.tsv",
        "premise\thypo\tlabel",
        "ö\ts\tcontradictory",
        "ö\ts\t-",
        "ö\ts\tneutral",
    )
    data = load_xnli(tmp_path)
    assert [e.label for e in data.split("en", "train")] == ["entailment", "contradiction"]
    # The row without a label keeps its number and is counted.
    assert [(e.key, e.label) for e in data.split("tr", "train")] == [("1", "contradiction"), ("3", "neutral")]
    assert data.coverage("tr", "train") == 2 / 3
    assert data.skipped == {}
    assert list(load_xnli(tmp_path, splits=["dev", "train"]).by_language["tur_Latn"]) == ["train"]
    hub = {("tur_Latn", "train"): [{"premise": "p", "hypothesis": "h", "label": label} for label in (-1, 1)]}
    assert [(e.key, e.label) for e in xnli_examples(hub).split("tr", "train")] == [("2", "neutral")]


def test_ids_join_the_original(tmp_path):
    data = load_xnli(original(tmp_path, "test", ids=("7", "9", "4")))
    assert [e.key for e in data.split("sw", "test")] == ["7", "9", "4"]


def test_test_files_without_labels(tmp_path):
    xtreme(tmp_path)
    write(tmp_path / "test-tr.tsv", "ön\tson", "ön\tson")
    with pytest.raises(TaskError, match=r"test-tr.tsv: .* XTREME withholds the labels of its test sets"):
        load_xnli(tmp_path)
    assert load_xnli(tmp_path, splits=["dev"]).languages == ("swh_Latn", "tur_Latn")
    data = load_xnli(tmp_path, on_error="skip")
    assert len(data.split("tr", "dev")) == 3
    assert len(data.skipped["tur_Latn", "test"]) == 1
    with pytest.raises(TaskError, match="tur_Latn has no test examples"):
        data.split("tr", "test")


def test_unequal_files(tmp_path):
    xtreme(tmp_path)
    write(tmp_path / "dev-el.tsv", *("α\tβ\tneutral" for _ in range(5)))
    with pytest.raises(
        TaskError, match=r"dev-el.tsv:4: the first dev row of ell_Grek without a partner; \w+_Latn has 3"
    ):
        load_xnli(tmp_path)
    # Training sets are not joined, and what is not asked for is not compared.
    assert len(load_xnli(tmp_path, ["el"]).split("el", "dev")) == 5
    write(tmp_path / "dev-el.tsv", "α\tβ", "α\tβ\tneutral", "α\tβ\tentailment")
    # A broken row still counts as a row, so the others keep their partners.
    (tmp_path / "dev-el.tsv").write_text("α\tβ\tneutral\nα\tβ\nα\tβ\tentailment\n", "utf-8")
    assert [e.key for e in load_xnli(tmp_path, on_error="skip").split("el", "dev")] == ["1", "3"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ön\tson", r"dev-tr.tsv:4: 2 fields, but the layout \(premise, hypothesis, label\) has 3"),
        ("ön\t\tneutral", "dev-tr.tsv:4: hypothesis is empty"),
        ("ön\tson\tneutrall", "dev-tr.tsv:4: unknown label 'neutrall'; did you mean 'neutral'"),
    ],
    ids=["fields", "empty", "label"],
)
def test_a_broken_line_stops_or_is_counted(tmp_path, line, message):
    file = xtreme(tmp_path) / "dev-tr.tsv"
    write(file, *file.read_text("utf-8").split("\n")[:3], line)
    with pytest.raises(TaskError, match=message):
        load_xnli(tmp_path, ["tr"])
    data = load_xnli(tmp_path, ["tr"], on_error="skip")
    assert [e.key for e in data.split("tr", "dev")] == ["1", "2", "3"]
    assert len(data.skipped["tur_Latn", "dev"]) == 1
    assert data.coverage("tr", "dev") == 3 / 4


def test_a_broken_line_of_the_original(tmp_path):
    file = original(tmp_path) / "XNLI-1.0/xnli.dev.tsv"
    file.write_bytes(file.read_bytes() + b"tr\tneutral\r\n" + "tr\tneutral\t\tö\ts\t3\tx\r\n".encode())
    with pytest.raises(TaskError, match=r"xnli.dev.tsv:8: 2 fields, but the header names 7"):
        load_xnli(tmp_path, ["tr"])
    data = load_xnli(tmp_path, ["tr"], on_error="skip")
    assert [line.partition(": ")[2] for line in data.skipped["tur_Latn", "dev"]] == [
        "2 fields, but the header names 7; separate by TAB.", "id '3' appears a second time; ids must be unique.",
    ]  # fmt: skip
    # The broken line says whose it is.
    assert load_xnli(tmp_path, ["sw"], on_error="skip").skipped == {}


def test_unusable_folders(tmp_path):
    with pytest.raises(TaskError, match=r"no file such as test-tr.tsv"):
        load_xnli(tmp_path)
    xtreme(tmp_path)
    with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
        load_xnli(tmp_path, ["ko"])
    original(tmp_path)
    with pytest.raises(TaskError, match=r"swh_Latn dev is there already as"):
        load_xnli(tmp_path)
    with pytest.raises(TaskError, match=r"train-xx.tsv: it states no language"):
        load_xnli(write(tmp_path / "odd/train-xx.tsv", "a\tb\tneutral"))
    with pytest.raises(
        TaskError, match=r"dev-el.tsv:1: no columns of two sentences in the header; it has premise, label"
    ):
        load_xnli(write(tmp_path / "more/dev-el.tsv", "premise\tlabel", "α\tneutral"))
