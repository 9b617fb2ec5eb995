"""Taxi1500: labels are carried to other languages by verse id; verses that a Bible lacks are counted."""

import gzip

import pytest

from xl_tasks import TaskError, load_taxi1500

LINES = {
    "train": ["40001001\tFaith\tone", "40001002\tSin\ttwo", "40001003\tGrace\tthree", "40001004\tSin\tfour"],
    "dev": ["41001001\tViolence\tfive"],
    "test": ["42001001\tDescription\tsix", "42001002\tRecommendation\tseven"],
}


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def taxi(tmp_path):
    for split, lines in LINES.items():
        write(tmp_path / f"taxi/eng_{split}.tsv", *lines)
    return tmp_path / "taxi"


@pytest.fixture
def bible(tmp_path):
    ids = [line[:8] for lines in LINES.values() for line in lines]
    write(tmp_path / "bible/ell_Grek.tsv.gz", *(f"{verse}\tell {verse}" for verse in [*ids, "01001001"]))
    write(tmp_path / "bible/amh_Ethi.tsv.gz", *(f"{verse}\tamh {verse}" for verse in ids if not verse.endswith("1")))
    write(tmp_path / "bible/eng_Latn.tsv.gz", *(f"{verse}\tanother translation" for verse in ids))
    return tmp_path / "bible"


def test_without_a_bible(taxi):
    data = load_taxi1500(taxi)
    assert data.languages == ("eng_Latn",)
    assert [(e.key, e.label, e.first) for e in data.split("en", "train")] == [
        tuple(line.split("\t")) for line in LINES["train"]
    ]
    with pytest.raises(TaskError, match=r"it has eng_Latn only; the text of Greek comes from a folder of Bibles"):
        load_taxi1500(taxi, ["en", "Greek"])


def test_labels_are_carried_by_verse(taxi, bible):
    data = load_taxi1500(taxi, bible=bible)
    assert data.languages == ("amh_Ethi", "ell_Grek", "eng_Latn")
    # English keeps the text of its own files.
    assert data.split("en", "dev")[0].first == "five"
    for split in LINES:
        for english, greek in zip(data.split("en", split), data.split("el", split), strict=True):
            assert (greek.key, greek.label, greek.first) == (english.key, english.label, f"ell {english.key}")
    assert [e.key for e in data.split("am", "train")] == ["40001002", "40001003", "40001004"]
    assert data.coverage("am", "train") == 3 / 4
    assert data.coverage("am", "test") == 1 / 2
    assert data.coverage("el", "train") == data.coverage("en", "test") == 1
    assert data.skipped == {}
    with pytest.raises(TaskError, match=r"amh_Ethi has no dev examples; with them: ell_Grek, eng_Latn"):
        data.split("am", "dev")
    assert load_taxi1500(taxi, ["Greek"], bible=bible).languages == ("ell_Grek",)
    with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
        load_taxi1500(taxi, ["ko"], bible=bible)


def test_a_header_is_no_verse(taxi):
    write(taxi / "eng_dev.tsv", "id\tlabel\ttext", *LINES["dev"])
    assert [e.key for e in load_taxi1500(taxi).split("en", "dev")] == ["41001001"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("41001002\tViolence", "eng_dev.tsv:2: 2 fields, but the layout"),
        ("41001002\tViolent\tx", "eng_dev.tsv:2: unknown label 'Violent'; did you mean 'Violence'"),
        ("41001001\tViolence\tx", "eng_dev.tsv:2: id '41001001' appears a second time"),
        ("4100100\tViolence\tx", "eng_dev.tsv:2: '4100100' is no verse id of eight digits"),
    ],
    ids=["fields", "label", "twice", "verse"],
)
def test_a_broken_line_stops_or_is_counted(taxi, line, message):
    write(taxi / "eng_dev.tsv", *LINES["dev"], line)
    with pytest.raises(TaskError, match=message):
        load_taxi1500(taxi)
    data = load_taxi1500(taxi, on_error="skip")
    assert [e.key for e in data.split("en", "dev")] == ["41001001"]
    assert len(data.skipped["eng_Latn", "dev"]) == 1


def test_an_unknown_label_is_met_even_if_english_is_not_asked_for(taxi, bible):
    write(taxi / "eng_dev.tsv", *LINES["dev"], "42001002\tViolent\tx")
    with pytest.raises(TaskError, match=r"eng_dev.tsv:2: .*'Violent'"):
        load_taxi1500(taxi, ["el"], bible=bible)
    assert len(load_taxi1500(taxi, ["el"], bible=bible, on_error="skip").skipped["ell_Grek", "dev"]) == 1


def test_two_files_that_disagree(taxi, bible):
    write(taxi / "deu_dev.tsv", "41001001\tSin\tfünf")
    with pytest.raises(TaskError, match=r"verse 41001001 is .* here, but .* at"):
        load_taxi1500(taxi, ["el"], bible=bible)
    write(taxi / "deu_dev.tsv", "41001001\tSin\tfünf", "41001002\tFaith\tsechs")
    data = load_taxi1500(taxi, ["de", "en"], on_error="skip")
    assert [e.first for e in data.split("de", "dev")] == ["sechs"]
    assert data.by_language["eng_Latn"]["dev"] == ()
    assert data.coverage("de", "dev") == 1 / 2
    carried = load_taxi1500(taxi, ["el"], bible=bible, on_error="skip")
    assert carried.by_language["ell_Grek"]["dev"] == ()
    write(taxi / "deu_dev.tsv", "41001001\tViolence\tfünf")
    assert load_taxi1500(taxi, bible=bible).split("de", "dev")[0].first == "fünf"


def test_nothing_there(tmp_path):
    with pytest.raises(TaskError, match=r"no labelled verses such as eng_train.tsv"):
        load_taxi1500(tmp_path)
    with pytest.raises(TaskError, match="no such file or folder"):
        load_taxi1500(tmp_path / "nothing")
