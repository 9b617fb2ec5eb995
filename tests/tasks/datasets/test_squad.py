"""SQuAD's JSON: what is read, and what is said of what cannot be."""

import gzip
import json

import pytest

from xl_tasks import TaskError
from xl_tasks.datasets.answering.squad import read_squad
from xl_tasks.examples import Answer, Question


def squad(*paragraphs):
    """The layout around (context, [entries of qas])."""
    return {"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": c, "qas": q} for c, q in paragraphs]}]}


def asked(key="a", question="Who?", text="cat", start=4, **more):
    return {"id": key, "question": question, "answers": [{"text": text, "answer_start": start}], **more}


def write(path, content, **options):
    path.write_text(json.dumps(content, **options), encoding="utf-8")
    return path


def stop(key, message):
    raise TaskError(message)


def read(path, **options):
    return read_squad(path, broken=stop, **options)


def test_fields_of_a_question(tmp_path):
    item = asked(answers=[{"text": "cat", "answer_start": 4}, {"text": "the cat", "answer_start": 0}])
    [question] = read(write(tmp_path / "x.json", squad(("the cat", [item]))), context_language="tur_Latn")
    assert question == Question(
        key="a",
        question="Who?",
        context="the cat",
        answers=(Answer(text="cat", start=4), Answer(text="the cat", start=0)),
        context_language="tur_Latn",
    )


def test_offsets_count_code_points_and_nothing_is_trimmed(tmp_path):
    context = " \ufeff😀 e\u0301t\u2028ﬁ cat\r\n "
    start = context.index("cat")
    content = squad((context, [asked(start=start), asked("b", text="\ufeff😀", start=1)]))
    for name, text in (("a.json", json.dumps(content)), ("b.json", json.dumps(content, ensure_ascii=False))):
        (tmp_path / name).write_text(text, encoding="utf-8-sig", newline="\r\n" if name == "b.json" else "")
        questions = read(tmp_path / name)
        assert [q.context for q in questions] == [context, context]
        assert all(q.context[a.start :].startswith(a.text) for q in questions for a in q.answers)


def test_bom_crlf_and_gzip(tmp_path):
    text = json.dumps(squad(("the cat", [asked()])), indent=1).replace("\n", "\r\n")
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    assert [q.key for q in read(tmp_path / "x.json.gz")] == ["a"]


def test_no_answer_needs_is_impossible(tmp_path):
    none = {"id": "n", "question": "Why?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "x"}]}
    [question] = read(write(tmp_path / "x.json", squad(("the cat", [none]))))
    assert question.answers == ()
    with pytest.raises(TaskError, match="needs is_impossible: true"):
        read(write(tmp_path / "x.json", squad(("the cat", [{**none, "is_impossible": False}]))))
    with pytest.raises(TaskError, match="is_impossible is true, but there are answers"):
        read(write(tmp_path / "x.json", squad(("the cat", [asked(is_impossible=True)]))))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        pytest.param(asked(start=3), r"the answer 'cat' is not at 3, where the context has ' ca'", id="offset by one"),
        pytest.param(asked(start=-3), r"not at -3, where the context has ''", id="negative offset"),
        pytest.param(asked(start=99), r"not at 99, where the context has ''", id="offset behind the end"),
        pytest.param(asked(start="4"), r"answer 'cat' at '4'; a text and a whole number", id="offset as text"),
        pytest.param(asked(start=True), r"answer 'cat' at True", id="offset as truth"),
        pytest.param(asked(text=""), r"the answer is empty", id="empty answer"),
        pytest.param(asked(answers=[{"text": "cat"}]), "without text and answer_start", id="no answer_start"),
        pytest.param(asked(answers={"text": ["cat"], "answer_start": [4]}), "answers is dict", id="answers of the hub"),
        pytest.param(asked(question=" "), "question is empty", id="empty question"),
        pytest.param(asked(question=7), "question is int", id="question a number"),
        pytest.param(asked(question="\ud83d"), "half a surrogate pair at character 0", id="half a pair"),
        pytest.param(asked(key=""), "id is ''", id="empty id"),
        pytest.param({"id": "x", "answers": []}, "field 'question' is missing", id="no question"),
        pytest.param({"id": "x", "question": "Who?"}, "field 'answers' is missing", id="no answers"),
        pytest.param({"question": "Who?", "answers": []}, "field 'id' is missing", id="no id"),
        pytest.param(asked(key="good"), "appears a second time", id="repeated id"),
    ],
)
def test_a_broken_question_is_named_or_left_out(tmp_path, item, message):
    content = squad(("the cat", [asked("good")]), ("the cat", [item]), ("the cat", [asked("last")]))
    path = write(tmp_path / "x.json", content, indent=1)
    with pytest.raises(TaskError, match=message):
        read(path)
    noted = []
    kept = read_squad(path, broken=lambda key, sentence: noted.append(sentence))
    assert [q.key for q in kept] == ["good", "last"]
    assert len(noted) == 1
    # The line of the question itself, found independently: ids are unique there or it is the second of two.
    lines = path.read_text("utf-8").split("\n")
    places = [number for number, line in enumerate(lines, start=1) if '"question":' in line]
    if "question" in item:
        assert noted[0].startswith(f"{path}:{places[1]}: question ")
    else:
        assert noted[0].startswith(f"{path}:")


def test_a_context_that_is_missing_breaks_its_questions_alone(tmp_path):
    content = squad(("the cat", [asked()]), ("x", [asked("b"), asked("c")]))
    del content["data"][0]["paragraphs"][1]["context"]
    noted = []
    kept = read_squad(write(tmp_path / "x.json", content), broken=lambda key, sentence: noted.append((key, sentence)))
    assert [q.key for q in kept] == ["a"]
    assert [key for key, _ in noted] == ["b", "c"]
    assert all("field 'context' is missing" in sentence for _, sentence in noted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"data":\n [}', r"x\.json:2: not JSON", id="not JSON"),
        pytest.param("[" * 100_000, r"nested too deep", id="too deep"),
        pytest.param("", r"x\.json:1: not JSON", id="empty"),
        pytest.param('["data"]', r"no list 'data' \(it is no object\)", id="a list"),
        pytest.param('{"rows": [], "version": 1}', r"no list 'data' \(it has rows, version\)", id="no data"),
        pytest.param('{"data": [{}]}', r"data\[0\]: no list 'paragraphs' \(it has nothing\)", id="no paragraphs"),
        pytest.param(
            '{"data": [{"paragraphs": [{"context": "x"}]}]}', r"data\[0\]\.paragraphs\[0\]: no list 'qas'", id="no qas"
        ),
        pytest.param('{"data": [{"paragraphs": [{"qas": [1]}]}]}', r"qas\[0\]: int where an object", id="no object"),
        pytest.param('{"data": []}', r"no question in it", id="nothing"),
    ],
)
def test_a_file_of_another_layout_is_an_error_always(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=message):
        read_squad(tmp_path / "x.json", broken=lambda key, sentence: None)


def test_withheld_answers_are_called_so(tmp_path):
    content = squad(("the cat", [asked("a", text="", start=0), asked("b", text="", start=0)]))
    path = write(tmp_path / "x.json", content)
    with pytest.raises(TaskError, match="as are all 2 of the file: XTREME's download withholds"):
        read(path)
    noted = []
    assert read_squad(path, broken=lambda key, sentence: noted.append(key)) == []
    assert noted == ["a", "b"]


def test_ids_that_only_count_are_replaced_by_numbers(tmp_path):
    counted = squad(("the cat", [asked("0"), asked("0"), asked("2")]))
    path = write(tmp_path / "x.json", counted)
    assert [q.key for q in read(path, counted_ids=True)] == ["1", "2", "3"]
    with pytest.raises(TaskError, match="appears a second time"):
        read(path)
    named = write(tmp_path / "y.json", squad(("the cat", [asked("korean-1-0"), asked("2")])))
    assert [q.key for q in read(named, counted_ids=True)] == ["korean-1-0", "2"]
