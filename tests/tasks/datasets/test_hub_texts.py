"""Rows of the hub give the same texts as the files of SIB-200 and Tatoeba do."""

from importlib import import_module

import pytest

from xl_tasks import TaskError, load_sib200, load_tatoeba
from xl_tasks.datasets.parallel.sib200 import sib200_texts
from xl_tasks.datasets.parallel.tatoeba import LANGUAGES, load_tatoeba_hub, tatoeba_texts
from xl_translit import language


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def test_sib200(tmp_path):
    for code, word in (("tur_Latn", "bir"), ("eng_Latn", "one")):
        for split, key in (("train", "7"), ("dev", "8"), ("test", "9")):
            write(tmp_path / code / f"{split}.tsv", "index_id\tcategory\ttext", f'{key}\tgeography\t"{word} {key}')
    data = load_sib200(tmp_path)
    rows = {
        (code, split): [
            {"index_id": int(key), "category": "geography", "text": data.texts[code][key]}
            for key, its in data.splits.items()
            if its == split
        ]
        for code in data.languages
        for split in ("train", "dev", "test")
    }
    assert sib200_texts(rows).fingerprint == data.fingerprint
    rows["tur_Latn", "test"] *= 2
    with pytest.raises(TaskError, match=r"Davlan/sib200 tur_Latn, test, row 2: index_id '9' appears a second time"):
        sib200_texts(rows)


def test_tatoeba(tmp_path, caplog):
    write(tmp_path / "tatoeba.tur-eng.tur", "bir", "", "üç")
    write(tmp_path / "tatoeba.tur-eng.eng", "one", "two", "three")
    write(tmp_path / "tatoeba.ara-eng.ara", "wahid")
    write(tmp_path / "tatoeba.ara-eng.eng", "one")
    data = load_tatoeba(tmp_path)
    rows = {
        "tur": [{"sentence1": a, "sentence2": b} for a, b in (("bir", "one"), ("", "two"), ("üç", "three"))],
        "ara": [{"sentence1": "wahid", "sentence2": "one"}],
    }
    assert tatoeba_texts(rows).fingerprint == data.fingerprint
    # The release has bitexts in languages without a code here, and one that ISO has merged into another.
    for short in ("ber", "dtp", "kzj"):
        write(tmp_path / f"tatoeba.{short}-eng.{short}", "x")
        write(tmp_path / f"tatoeba.{short}-eng.eng", "y")
    assert load_tatoeba(tmp_path, ["tr", "ar", "en"]).fingerprint == data.fingerprint
    assert "tatoeba.ber-eng.ber: passed over, 'ber' is no language that is known here" in caplog.text
    assert "tatoeba.kzj-eng.kzj: passed over, dtp_Latn has tatoeba.dtp-eng.dtp already" in caplog.text
    with pytest.raises(TaskError, match="tatoeba: unknown language 'bod_Tibt'"):
        load_tatoeba_hub(["bo", "en"])


def test_languages_of_the_hub_are_told_apart():
    assert len({language(short) for short in LANGUAGES}) == len(LANGUAGES)


# loader, rows of one split, and what it should ask the hub for in Chinese and Turkish (Korean for PAWS-X)
CASES = [
    ("readers.labelled", "classification.sib200_topics:load_sib200_topics_hub",
     {"index_id": 1, "category": "travel", "text": "x"}, ["zh", "tr"],
     "Davlan/sib200", ["zho_Hans", "tur_Latn"], ["train", "validation", "test"]),
    ("readers.labelled", "parallel.sib200:load_sib200_hub", {"text": "x"},
     ["zh", "tr"], "Davlan/sib200", ["zho_Hans", "tur_Latn"], ["train", "validation", "test"]),
    ("readers.labelled", "classification.xnli:load_xnli_hub", {"premise": "p", "hypothesis": "h", "label": 1},
     ["Chinese", "tur"], "facebook/xnli", ["zh", "tr"], ["train", "validation", "test"]),
    ("readers.labelled", "classification.pawsx:load_pawsx_hub",
     {"id": 3, "sentence1": "a", "sentence2": "b", "label": 1}, ["zh", "ko"],
     "google-research-datasets/paws-x", ["zh", "ko"], ["train", "validation", "test"]),
    ("parallel.flores", "parallel.flores:load_flores_hub", {"text": "x"},
     ["zh", "tr"], "openlanguagedata/flores_plus", ["cmn_Hans", "tur_Latn"], ["dev", "devtest"]),
    ("parallel.tatoeba", "parallel.tatoeba:load_tatoeba_hub", {"sentence1": "a", "sentence2": "b"},
     ["zh", "en", "tr"], "mteb/tatoeba-bitext-mining", ["cmn-eng", "tur-eng"], ["test"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "loader", "row", "languages", "hub_id", "configs", "splits"), CASES, ids=[case[1] for case in CASES]
)
def test_what_is_asked_of_the_hub(monkeypatch, module, loader, row, languages, hub_id, configs, splits):
    asked = []

    def rows(name, config, split, revision):
        asked.append((name, config, split, revision))
        # Keys are unique within a language, as the hub's are.
        return [{**row, **({"index_id": len(asked)} if "index_id" in row or "sib200" in loader else {})}]

    monkeypatch.setattr(f"xl_tasks.datasets.{module}.hub_rows", rows)
    where, name = loader.split(":")
    found = import_module(f"xl_tasks.datasets.{where}")
    data = getattr(found, name)(languages)
    assert asked == [(hub_id, config, split, found.REVISION) for config in configs for split in splits]
    wanted = {language(code) for code in languages} | ({"eng_Latn"} if where.endswith("tatoeba") else set())
    assert set(data.languages) == wanted
    with pytest.raises(TaskError):
        getattr(found, name)([])
