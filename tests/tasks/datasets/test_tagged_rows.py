"""Rows of the hub give the examples that the files give, by class number or by name; nothing is fetched here."""

import sys
from types import SimpleNamespace

import pytest

from xl_tasks import TaskError
from xl_tasks.datasets.readers import hub as hub_of_all
from xl_tasks.datasets.tagging import tagged_rows
from xl_tasks.datasets.tagging.conllu import add_udpos_row, load_udpos, load_udpos_hub
from xl_tasks.datasets.tagging.masakhaner import MASAKHANER_LABELS, load_masakhaner, load_masakhaner_hub
from xl_tasks.datasets.tagging.panx import PANX_LABELS, load_panx, load_panx_hub
from xl_tasks.datasets.tagging.tagged import TaggedSentences
from xl_tasks.datasets.tagging.uner import load_uner, load_uner_hub

SENTENCES = [(["Ali", "Han", "geldi"], ["B-PER", "I-PER", "O"]), (["\u200b", "Rim"], ["O", "I-LOC"])]
SPLITS = {"train": "train", "validation": "dev", "test": "test"}


class Hub:
    """Stands in for `hub_rows`: the same sentences in every split, but for those that are missing."""

    def __init__(self, rows, missing=()):
        self.rows, self.missing, self.asked = rows, missing, []

    def __call__(self, hub_id, config="", split="test", revision="", **options):
        self.asked.append((hub_id, config, split, revision, options))
        if split in self.missing:
            message = f"{hub_id}: Unknown split {split!r}. Should be one of ['test']; choose one that the hub has."
            raise TaskError(message)
        return iter(self.rows)


def numbers(tags, labels):
    return [labels.index(tag) for tag in tags]


@pytest.mark.parametrize("named", [False, True], ids=["class numbers", "names"])
@pytest.mark.parametrize(
    ("load", "load_hub", "labels", "file", "code", "place"),
    [
        (load_panx, load_panx_hub, PANX_LABELS, "{}-tr.tsv", "tur_Latn", "unimelb-nlp/wikiann/tr"),
        (
            load_masakhaner,
            load_masakhaner_hub,
            MASAKHANER_LABELS,
            "swa/{}.txt",
            "swh_Latn",
            "masakhane/masakhaner2/swa",
        ),
    ],
    ids=["panx", "masakhaner"],
)
def test_two_column_sets(monkeypatch, tmp_path, caplog, load, load_hub, labels, file, code, place, named):
    text = "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in zip(*s, strict=True)) for s in SENTENCES)
    for split in ("train", "dev", "test"):
        path = tmp_path / file.format(split)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    hub = Hub(
        [{"tokens": words, "ner_tags": list(tags) if named else numbers(tags, labels)} for words, tags in SENTENCES]
    )
    monkeypatch.setattr(tagged_rows, "hub_rows", hub)
    monkeypatch.setattr("xl_tasks.datasets.tagging.panx.hub_config_names", lambda *_: ["tr", "simple", "zh-classical"])
    assert load_hub([code]) == load(tmp_path, [code])
    assert [asked[2] for asked in hub.asked] == ["train", "validation", "test"]
    assert f"the first at {place}/test:2" in caplog.text
    hub.rows[0]["ner_tags"][0] = 99
    with pytest.raises(TaskError, match=rf"{place}/train:1: tag 99 is unknown; .* below {len(labels)}"):
        load_hub([code])
    data = load_hub([code], on_error="skip")
    assert len(data.skipped[code, "test"]) == 1
    assert [s.key for s in data.split(code, "test")] == ["2"]


def test_universal_ner(monkeypatch, tmp_path):
    rows = []
    text = ""
    for i, (words, tags) in enumerate(SENTENCES):
        rows.append({"idx": f"s{i}", "tokens": words, "ner_tags": numbers(tags, PANX_LABELS), "text": " ".join(words)})
        lines = "".join(f"{n}\t{w}\t{t}\t-\t-\n" for n, (w, t) in enumerate(zip(words, tags, strict=True), start=1))
        text += f"# sent_id = s{i}\n{lines}\n"
    hub = Hub(rows, missing=("train", "validation"))
    monkeypatch.setattr(tagged_rows, "hub_rows", hub)
    for treebank in ("en_ewt", "en_pud"):
        (tmp_path / f"{treebank}-ud-test.iob2").write_text(text, encoding="utf-8")
    assert load_uner_hub(["en"]) == load_uner(tmp_path)
    assert load_uner_hub(["English"], treebanks=["en_pud"]) == load_uner(tmp_path, treebanks=["en_pud"])
    hub.missing = ("train", "validation", "test")
    with pytest.raises(TaskError, match="Unknown split"):
        load_uner_hub(["en"], treebanks=["en_pud"])


def conllu(words):
    return "".join(f"{i}\t{form}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n" for i, form, tag in words) + "\n"


def test_parts_of_speech(monkeypatch, tmp_path):
    words = [("1-2", "gelince", "_"), (1, "gel", "VERB"), (2, "ince", "NOUN"), (3, "o", "PRON")]
    for treebank in ("tr_imst", "tr_boun"):
        (tmp_path / f"{treebank}-ud-test.conllu").write_text(f"# sent_id = a\n{conllu(words)}", encoding="utf-8")
    tags = [tag for _, _, tag in words]
    old = {"idx": "a", "tokens": [form for _, form, _ in words], "head": ["None", "0", "1", "1"]}
    old["upos"] = tags
    new = {"sent_id": "a", "idx": 0, "tokens": old["tokens"][1:], "upos": old["upos"][1:], "head": ["0", "1", "1"]}
    local = load_udpos(tmp_path)
    monkeypatch.setattr(
        "xl_tasks.datasets.tagging.conllu.hub_config_names", lambda *_: ["tr_boun", "tr_imst", "qtd_sagt", "en_ewt"]
    )
    for rows in ([old], [new]):
        hub = Hub(rows, missing=("train", "validation"))
        monkeypatch.setattr(tagged_rows, "hub_rows", hub)
        assert load_udpos_hub(["tr"]) == local
        assert {asked[3] for asked in hub.asked} == {"2.17"}


def test_a_word_without_a_tag_is_a_fault_not_a_token():
    found = TaggedSentences("udpos", ("NOUN",), on_error="skip")
    row = {"tokens": ["a", "b"], "upos": ["NOUN", "_"], "head": ["0", "1"]}
    add_udpos_row(found, "tur_Latn", "test", "1", row, "x:1")
    assert "tag '_' of 'b' is unknown" in found.examples().skipped["tur_Latn", "test"][0]


def test_all_languages_are_the_default(monkeypatch):
    words, tags = SENTENCES[0]
    monkeypatch.setattr(tagged_rows, "hub_rows", Hub([{"tokens": words, "ner_tags": list(tags)}]))
    assert len(load_masakhaner_hub(None).languages) == 21
    with pytest.raises(TaskError, match=r"the hub: no language asked for; it has amh_Ethi, bam_Latn"):
        load_masakhaner_hub([])
    with pytest.raises(TaskError, match="unknown language 'tur_Latn'"):
        load_masakhaner_hub(["tr"])


def test_other_errors_of_the_hub_stop(monkeypatch):
    def broken(*_, **__):
        message = "the hub cannot be reached"
        raise TaskError(message)

    monkeypatch.setattr(tagged_rows, "hub_rows", broken)
    with pytest.raises(TaskError, match="cannot be reached"):
        load_masakhaner_hub(["swa"], on_error="skip")


def test_what_the_hub_says_of_itself(monkeypatch):
    def unreachable(*_, **__):
        message = "no route to host.\nmore"
        raise ConnectionError(message)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the hub itself is not asked
    datasets = SimpleNamespace(
        get_dataset_config_names=lambda *_, **__: ["en_ewt"], config=SimpleNamespace(HF_HUB_OFFLINE=False)
    )
    monkeypatch.setitem(sys.modules, "datasets", datasets)
    assert hub_of_all.hub_config_names("a/b") == ["en_ewt"]
    datasets.get_dataset_config_names = unreachable
    with pytest.raises(TaskError, match=r"^a/b: the hub cannot be read \(no route to host\); connect to it"):
        hub_of_all.hub_config_names("a/b")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TaskError, match=r"install xl-tasks\[hub\]"):
        hub_of_all.hub_config_names("a/b")
