"""The topics of SIB-200: files and hub rows give the same; what is broken is named or counted."""

import pytest

from xl_tasks import TaskError, load_sib200_topics
from xl_tasks.datasets.classification.sib200_topics import LABELS, load_sib200_topics_hub, sib200_topics_examples


def write(folder, code, split, *lines):
    (folder / code).mkdir(exist_ok=True)
    (folder / code / f"{split}.tsv").write_text("".join(f"{line}\n" for line in lines), "utf-8")


@pytest.fixture
def sib(tmp_path):
    for code, word in (("tur_Latn", "bir"), ("eng_Latn", "one")):
        for split, key in (("train", 7), ("dev", 8), ("test", 9)):
            write(
                tmp_path,
                code,
                split,
                "index_id\tcategory\ttext",
                f'{key}\ttravel\t"{word}',
                f"{key + 10}\tsports\t{word}",
            )
    return tmp_path


def test_files_and_hub_agree(sib):
    data = load_sib200_topics(sib)
    assert (data.name, data.kind, data.labels) == ("sib200", "classification", LABELS)
    assert data.languages == ("eng_Latn", "tur_Latn")
    assert [(e.key, e.first, e.label, e.second) for e in data.split("tr", "dev")] == [
        ("8", '"bir', "travel", ""), ("18", "bir", "sports", ""),
    ]  # fmt: skip
    rows = {
        (code, split): [{"index_id": int(e.key), "category": e.label, "text": e.first} for e in items]
        for code, splits in data.by_language.items()
        for split, items in splits.items()
    }
    assert sib200_topics_examples(rows) == data
    assert load_sib200_topics(sib, ["Turkish"], splits=["test"]).by_language.keys() == {"tur_Latn"}
    assert list(load_sib200_topics(sib, splits=["test"]).by_language["tur_Latn"]) == ["test"]


def test_what_is_asked_for_is_not_there(sib, tmp_path_factory):
    with pytest.raises(TaskError, match=r"unknown language 'kor_Hang'"):
        load_sib200_topics(sib, ["ko"])
    with pytest.raises(TaskError, match="unknown split 'valid'"):
        load_sib200_topics(sib, splits=["valid"])
    with pytest.raises(TaskError, match=r"no sub-folder with train.tsv"):
        load_sib200_topics(tmp_path_factory.mktemp("empty"))
    with pytest.raises(TaskError, match=r"sib200: .*Klingon"):
        load_sib200_topics_hub(["Klingon"])
    with pytest.raises(TaskError, match="no language asked for"):
        load_sib200_topics_hub([])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3\ttravel", r"dev.tsv:4: 2 fields, but the header names 3"),
        ("3\ttravel\t ", r"dev.tsv:4: text is empty"),
        ("3\ttravels\tx", r"dev.tsv:4: unknown label 'travels'; did you mean 'travel'"),
        ("8\ttravel\tx", r"dev.tsv:4: id '8' appears a second time"),
    ],
    ids=["fields", "empty", "label", "twice"],
)
def test_a_broken_line_stops_or_is_counted(sib, line, message):
    good = (sib / "tur_Latn/dev.tsv").read_text("utf-8").splitlines()
    write(sib, "tur_Latn", "dev", *good, line, "99\thealth\tlast")
    with pytest.raises(TaskError, match=message):
        load_sib200_topics(sib)
    data = load_sib200_topics(sib, on_error="skip")
    assert [e.key for e in data.split("tr", "dev")] == ["8", "18", "99"]
    (reason,) = data.skipped["tur_Latn", "dev"]
    assert reason.startswith(f"{sib}/tur_Latn/dev.tsv:4: ")
    assert list(data.skipped) == [("tur_Latn", "dev")]
    assert data.coverage("tr", "dev") == 3 / 4
    assert data.coverage("tr", "test") == 1
