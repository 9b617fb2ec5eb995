"""FLORES in its published layout, as JSON lines and as rows of the hub; unequal files are named."""

import json

import pytest

from xl_tasks import TaskError, hold_out, load_flores
from xl_tasks.datasets.parallel.flores import flores_texts, load_flores_hub

LINES = {"eng_Latn": ["one", 'two "', "three\u2028x"], "tur_Latn": ["bir", "iki", "üç"], "zho_Hans": ["一", "二", "三"]}


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


@pytest.fixture
def flores(tmp_path):
    for code, lines in LINES.items():
        write(tmp_path / f"flores200_dataset/devtest/{code}.devtest", lines)
        write(tmp_path / f"flores200_dataset/dev/{code}.dev", lines[:2])
    write(tmp_path / "flores200_dataset/metadata_dev.tsv", ["URL"])
    return tmp_path


def test_layouts(flores, tmp_path_factory):
    data = load_flores(flores)
    assert (data.name, data.languages, data.parallel) == ("flores", tuple(LINES), True)
    assert load_flores(flores / "flores200_dataset").fingerprint == data.fingerprint
    assert data.texts["tur_Latn"] == {
        "dev:1": "bir", "dev:2": "iki", "devtest:1": "bir", "devtest:2": "iki", "devtest:3": "üç",
    }  # fmt: skip
    assert [key for key, split in hold_out(data).items() if split == "test"] == ["devtest:1", "devtest:2", "devtest:3"]
    assert load_flores(flores, ["Turkish", "en"]).languages == ("eng_Latn", "tur_Latn")
    # FLORES+ calls Chinese cmn, and so does its file.
    plus = tmp_path_factory.mktemp("plus")
    for code, lines in LINES.items():
        for split, n in (("dev", 2), ("devtest", 3)):
            rows = [{"id": i, "text": line, "iso_639_3": code[:3]} for i, line in enumerate(lines[:n])]
            write(plus / f"{split}/{code.replace('zho', 'cmn')}.jsonl", [json.dumps(row) for row in rows])
    assert load_flores(plus).fingerprint == data.fingerprint
    rows = {
        (code, split): [{"id": i, "text": line} for i, line in enumerate(lines[:n])]
        for code, lines in LINES.items()
        for split, n in (("dev", 2), ("devtest", 3))
    }
    assert flores_texts(rows).fingerprint == data.fingerprint


def test_unequal_and_broken_files(flores):
    folder = flores / "flores200_dataset/devtest"
    write(folder / "tur_Latn.devtest", ["bir", "iki", "üç", "dört"])
    with pytest.raises(TaskError, match=r"tur_Latn.devtest:4: the first devtest line of tur_Latn without a partner"):
        load_flores(flores)
    write(folder / "tur_Latn.devtest", ["bir", " ", "üç"])
    with pytest.raises(TaskError, match=r"tur_Latn.devtest:2: no text"):
        load_flores(flores)
    (folder / "tur_Latn.devtest").unlink()
    for line in ("{", "[1]", '{"sentence": "x"}', '{"text": 1}'):
        write(folder / "tur_Latn.jsonl", ['{"text": "bir"}', line, '{"text": "üç"}'])
        with pytest.raises(TaskError, match=r"tur_Latn.jsonl:2: no"):
            load_flores(flores)
    write(folder / "tur_Latn.devtest", ["bir"])
    with pytest.raises(TaskError, match="tur_Latn devtest is there already"):
        load_flores(flores)


def test_what_is_not_there(flores, tmp_path_factory):
    with pytest.raises(TaskError, match="unknown language 'kor_Hang'"):
        load_flores(flores, ["ko"])
    with pytest.raises(TaskError, match=r"no file such as devtest/tur_Latn.devtest"):
        load_flores(tmp_path_factory.mktemp("empty"))
    with pytest.raises(TaskError, match=r"flores: .*Klingon"):
        load_flores_hub(["Klingon"])
