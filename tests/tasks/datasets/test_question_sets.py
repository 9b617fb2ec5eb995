"""The data sets of question answering in their publishers' layouts, and the hub's rows against the files."""

import json

import pytest
from tests.tasks.datasets.test_squad import asked, squad, write

from xl_tasks import TaskError
from xl_tasks.catalogue.registry import task
from xl_tasks.datasets.answering import question_hub
from xl_tasks.datasets.answering.question_hub import load_mlqa_hub, load_squad_hub, load_tydiqa_hub, load_xquad_hub
from xl_tasks.datasets.answering.question_sets import load_mlqa, load_squad, load_tydiqa, load_xquad
from xl_tasks.problems.answering.pairs import context_pairs


def one(key="a", context="the cat"):
    return squad((context, [asked(key, start=context.index("cat"))]))


def keys(examples):
    return {
        (language, split): [q.key for q in questions]
        for language, splits in examples.by_language.items()
        for split, questions in splits.items()
    }


def test_squad_takes_version_1_and_translations(tmp_path):
    write(tmp_path / "train-v1.1.json", one("train1"))
    write(tmp_path / "train-v2.0.json", one("train2"))
    write(tmp_path / "dev-v2.0.json", one("dev2"))
    (tmp_path / "translate-train").mkdir()
    write(tmp_path / "translate-train" / "squad.translate.train.en-tr.json", one("tr"))
    write(tmp_path / "de_squad-translate-train-dev-v1.1.json", one("de"))
    write(tmp_path / "squad.translate.test.tr-en.json", one("no"))
    assert keys(load_squad(tmp_path)) == {
        ("eng_Latn", "train"): ["train1"], ("eng_Latn", "dev"): ["dev2"], ("tur_Latn", "train"): ["tr"],
        ("deu_Latn", "dev"): ["de"],
    }  # fmt: skip


def test_xquad_reads_the_languages_asked_for_alone(tmp_path):
    write(tmp_path / "xquad.tr.json", one())
    (tmp_path / "xquad.zh.json").write_text("broken", encoding="utf-8")
    examples = load_xquad(tmp_path, ["Turkish"])
    assert keys(examples) == {("tur_Latn", "test"): ["a"]}
    with pytest.raises(TaskError, match=r"xquad\.zh\.json:1: not JSON"):
        load_xquad(tmp_path)
    with pytest.raises(TaskError, match=r"'kor_Hang'.*tur_Latn, zho_Hans"):
        load_xquad(tmp_path, ["ko"])
    (tmp_path / "xquad.tr.json.gz").write_bytes(b"")
    with pytest.raises(TaskError, match="keep one of the two"):
        load_xquad(tmp_path)


def test_a_folder_without_files(tmp_path):
    for load, example in ((load_squad, "train-v1.1"), (load_xquad, "xquad.tr"), (load_mlqa, "test-context-en")):
        with pytest.raises(TaskError, match=rf"no file such as {example}"):
            load(tmp_path)
    with pytest.raises(TaskError, match="no such folder"):
        load_tydiqa(tmp_path / "none")
    write(tmp_path / "xquad.qqq1.json", one())
    with pytest.raises(TaskError, match="its name states no language"):
        load_xquad(tmp_path)


def test_skipped_questions_are_listed_by_language_and_split(tmp_path):
    write(tmp_path / "xquad.tr.json", squad(("the cat", [asked("a", start=1), asked("b")])))
    with pytest.raises(TaskError, match="not at 1"):
        load_xquad(tmp_path)
    examples = load_xquad(tmp_path, on_error="skip")
    assert keys(examples) == {("tur_Latn", "test"): ["b"]}
    [sentence] = examples.skipped["tur_Latn", "test"]
    assert sentence.startswith(f"{tmp_path / 'xquad.tr.json'}:1: question 'a': the answer 'cat' is not at 1")
    with pytest.raises(TaskError, match="on_error"):
        load_xquad(tmp_path, on_error="ignore")


def test_tydiqa_in_its_own_files(tmp_path):
    ids = ("arabic-1-0", "korean-2-0", "korean-2-1", "english-3-0")
    write(tmp_path / "tydiqa-goldp-v1.1-train.json", squad(*(("the cat", [asked(key)]) for key in ids)))
    (tmp_path / "dev").mkdir()
    write(tmp_path / "dev" / "tydiqa-goldp-dev-korean.json", one("korean-9-0"))
    assert keys(load_tydiqa(tmp_path, ["ko", "arabic"])) == {
        ("arb_Arab", "train"): ["arabic-1-0"],
        ("kor_Hang", "train"): ["korean-2-0", "korean-2-1"],
        ("kor_Hang", "dev"): ["korean-9-0"],
    }
    write(tmp_path / "tydiqa-goldp-v1.1-train.json", squad(("the cat", [asked("klingon-1-0"), asked("korean-1-0")])))
    with pytest.raises(TaskError, match="'klingon-1-0': its id begins with none of arabic, bengali"):
        load_tydiqa(tmp_path, ["ko"])
    examples = load_tydiqa(tmp_path, ["ko"], on_error="skip")
    assert [len(s) for s in examples.skipped.values()] == [1]
    broken = squad(("the cat", [asked("korean-1-0"), asked("arabic-1-0", start=1)]))
    write(tmp_path / "tydiqa-goldp-v1.1-train.json", broken)
    assert keys(load_tydiqa(tmp_path, ["ko"]))["kor_Hang", "train"] == ["korean-1-0"]
    assert list(load_tydiqa(tmp_path, on_error="skip").skipped) == [("arb_Arab", "train")]


def test_tydiqa_of_xtreme(tmp_path):
    write(tmp_path / "tydiqa.goldp.ko.train.json", squad(("the cat", [asked("0"), asked("0")])))
    write(tmp_path / "tydiqa.goldp.ko.dev.json", squad(("the cat", [asked("korean-1-0", text="", start=0)])))
    with pytest.raises(TaskError, match="XTREME's download withholds"):
        load_tydiqa(tmp_path)
    examples = load_tydiqa(tmp_path, on_error="skip")
    assert keys(examples) == {("kor_Hang", "train"): ["1", "2"]}
    assert [len(sentences) for sentences in examples.skipped.values()] == [1]


@pytest.fixture
def mlqa(tmp_path):
    (tmp_path / "test").mkdir()
    for context, text in (("en", "the cat"), ("de", "die cat"), ("zh", "猫cat")):
        for question in ("en", "de"):
            if (context, question) != ("zh", "de"):
                write(tmp_path / "test" / f"test-context-{context}-question-{question}.json", one("q1", text))
    write(tmp_path / "dev-context-de-question-de.json", one("d1", "die cat"))
    return tmp_path


def test_mlqa_in_one_language_and_in_pairs(mlqa):
    same = load_mlqa(mlqa)
    assert keys(same) == {
        ("deu_Latn", "dev"): ["d1"], ("deu_Latn", "test"): ["q1"], ("eng_Latn", "test"): ["q1"],
    }  # fmt: skip
    assert {q.context_language for q in same.split("de", "test")} == {""}
    pairs = context_pairs(load_mlqa(mlqa, contexts="all"), "test")
    assert {pair: [q.context for q in questions] for pair, questions in pairs.items()} == {
        ("deu_Latn", "deu_Latn"): ["die cat"],
        ("deu_Latn", "eng_Latn"): ["the cat"],
        ("eng_Latn", "deu_Latn"): ["die cat"],
        ("eng_Latn", "eng_Latn"): ["the cat"],
        ("eng_Latn", "zho_Hans"): ["猫cat"],
    }
    some = context_pairs(load_mlqa(mlqa, ["en"], contexts=["Chinese"]), "test")
    assert list(some) == [("eng_Latn", "zho_Hans")]
    with pytest.raises(TaskError, match=r"deu_Latn has no such contexts; with these: deu_Latn, eng_Latn"):
        load_mlqa(mlqa, ["de"], contexts="zh")
    with pytest.raises(TaskError, match=r"contexts: unknown language 'kor_Hang'"):
        load_mlqa(mlqa, contexts="ko")


def hub(rows, calls):
    """A hub that has `rows`: (hub id, config, split) -> rows."""

    def hub_rows(hub_id, config="", split="test", revision="", **options):
        config = options.get("data_dir", config)  # the hub's own Parquet has a folder a configuration
        calls.append((hub_id, config, split, revision))
        yield from rows.get((hub_id, config, split), ())

    return hub_rows


def rows_of(path):
    """A file's questions as the hub's scripts give them."""
    content = json.loads(path.read_text("utf-8"))
    return [
        {
            "id": item["id"], "title": "T", "context": paragraph["context"], "question": item["question"],
            "answers": {name: [a[name] for a in item["answers"]] for name in ("text", "answer_start")},
        }
        for article in content["data"] for paragraph in article["paragraphs"] for item in paragraph["qas"]
    ]  # fmt: skip


def test_the_hub_gives_what_the_files_give(tmp_path, mlqa, monkeypatch):
    rows, calls = {}, []
    write(tmp_path / "xquad.tr.json", squad(("the cat", [asked("a"), asked("b")]), ("a 😀 cat", [asked("c")])))
    rows["google/xquad", "xquad.tr", "validation"] = rows_of(tmp_path / "xquad.tr.json")
    for split, called in (("train", "train"), ("dev", "validation")):
        write(tmp_path / f"{split}-v1.1.json", one(split))
        rows["rajpurkar/squad", "plain_text", called] = rows_of(tmp_path / f"{split}-v1.1.json")
        tydiqa = tmp_path / f"tydiqa-goldp-v1.1-{split}.json"
        write(tydiqa, squad(*(("the cat", [asked(f"{n}-{split}")]) for n in ("arabic", "korean", "telugu"))))
        rows["google-research-datasets/tydiqa", "secondary_task", called] = rows_of(tydiqa)
    for file in mlqa.rglob("*-context-*.json"):
        split, _, context, _, question = file.stem.split("-")
        called = "validation" if split == "dev" else "test"
        rows["facebook/mlqa", f"mlqa.{context}.{question}", called] = rows_of(file)
    monkeypatch.setattr(question_hub, "hub_rows", hub(rows, calls))
    assert load_xquad_hub(["tr"]) == load_xquad(tmp_path, ["tr"])
    assert load_squad_hub() == load_squad(tmp_path)
    assert load_tydiqa_hub(["ko", "ar"]) == load_tydiqa(tmp_path, ["ko", "ar"])
    for contexts in ("same", "all", ["en"]):
        local, remote = load_mlqa(mlqa, ["en"], contexts=contexts), load_mlqa_hub(["en"], contexts=contexts)
        assert context_pairs(local, "test") == context_pairs(remote, "test")
    for name in ("squad", "xquad", "tydiqa", "mlqa"):
        entry = task(name)
        assert {revision for hub_id, _, _, revision in calls if hub_id == entry.hub_id} == {entry.revision}
    with pytest.raises(TaskError, match=r"google/xquad: unknown language 'kor_Hang'"):
        load_xquad_hub(["ko"])


def test_a_broken_row_of_the_hub(monkeypatch):
    good = {"id": "a", "question": "Who?", "context": "the cat", "answers": {"text": ["cat"], "answer_start": [4]}}
    bad = {**good, "id": "b", "answers": {"text": ["cat"], "answer_start": [5]}}
    rows = {("google/xquad", "xquad.tr", "validation"): [good, bad, good]}
    monkeypatch.setattr(question_hub, "hub_rows", hub(rows, []))
    with pytest.raises(TaskError, match=r"google/xquad, xquad\.tr, validation:2: question 'b': the answer 'cat'"):
        load_xquad_hub(["tr"])
    examples = load_xquad_hub(["tr"], on_error="skip")
    assert keys(examples) == {("tur_Latn", "test"): ["a"]}
    assert [len(sentences) for sentences in examples.skipped.values()] == [2]


@pytest.mark.parametrize(
    ("typed", "name"),
    [("XQuAD", "xquad"), ("TyDiQA-GoldP", "tydiqa"), ("tydi_qa", "tydiqa"), ("MLQA", "mlqa"), ("SQuAD v1.1", "squad")],
)
def test_names_of_the_catalogue(typed, name):
    entry = task(typed)
    assert entry.name == name
    assert entry.xtreme == (name != "squad")
    assert entry.metrics[0] == "f1"
    module, _, function = entry.loader.partition(":")
    assert module == "xl_tasks.datasets.answering.question_sets"
    assert function == f"load_{name}"
