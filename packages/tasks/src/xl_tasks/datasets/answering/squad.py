"""SQuAD's JSON, versions 1.1 and 2.0: articles, their paragraphs, the questions on each (Rajpurkar et al., 2016, 2018).

Offsets count code points of the context as it stands in the file; nothing is trimmed or repaired.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xl_tasks.datasets.readers.delimited import column_names
from xl_tasks.errors import TaskError
from xl_tasks.examples import Answer, Question
from xl_translit import read_lines

_log = logging.getLogger(__name__)

_QUESTION_KEY = re.compile(r'"question"\s*:')


def read_squad(
    path: Path | str,
    *,
    broken: Callable[[str, str], None],
    context_language: str = "",
    pass_withheld: bool = False,
    counted_ids: bool = False,
) -> list[Question]:
    """The questions of one file, in its order; key = the question's id.

    broken: called with (id, "file:line: reason") for a question that cannot be used, which is then left out: a field
        that is missing or empty, an id that appears a second time, an answer that the context does not have at its
        place, no answer without `is_impossible`. It may raise.
    context_language: of the contexts, where it differs from that of the questions.
    pass_withheld: whether a file whose answers are all empty counts as one without questions, with a log warning.
    counted_ids: ids that are bare numbers name nothing (XTREME's TyDiQA); the key is then the question's number in the
        file, from 1.

    TaskError with `file:line` for a file that is not JSON or not laid out as SQuAD.
    """
    text = "\n".join(read_lines(path))
    asked = list(_asked(path, _articles(path, text)))
    counted = counted_ids and all(str(item.get("id", "")).isdecimal() for _, item in asked)
    all_withheld = bool(asked) and all(_is_withheld(item) for _, item in asked)
    if all_withheld and pass_withheld:
        _log.warning("%s: passed over, its %d answers are all empty: XTREME withholds them.", path, len(asked))
        return []
    keys: set[str] = set()
    questions = []
    for number, (context, item) in enumerate(asked, start=1):
        given = "" if item.get("id") is None else str(item["id"])
        try:
            if all_withheld:
                raise _BrokenError(_withheld(len(asked)))
            question = question_of(
                {**item, "id": number} if counted else item, context, context_language=context_language
            )
            if question.key in keys:
                message = "the id appears a second time; ids must be unique in a file."
                raise _BrokenError(message)
        except _BrokenError as reason:
            name = f"question {given[:60]!r}" if given else f"question {number}"
            broken(given, f"{path}:{_line(text, number)}: {name}: {reason}")
            continue
        keys.add(question.key)
        questions.append(question)
    if not asked:
        message = f"{path}: no question in it."
        raise TaskError(message)
    return questions


class _BrokenError(ValueError):
    """Why a question cannot be used."""


def question_of(item: Mapping[str, Any], context: object, *, context_language: str = "") -> Question:
    """One entry of `qas`, checked. ValueError with the reason alone where it cannot be used."""
    key, question, answers = (item.get(name) for name in ("id", "question", "answers"))
    for name, value in (("id", key), ("question", question), ("answers", answers), ("context", context)):
        if value is None:
            message = f"field {name!r} is missing."
            raise _BrokenError(message)
    if isinstance(key, bool) or not isinstance(key, (str, int)) or str(key) == "":
        message = f"id is {repr(key)[:60]}; give a text or a whole number."
        raise _BrokenError(message)
    question, context = _text("question", question), _text("context", context)
    if not isinstance(answers, list):
        message = f"answers is {type(answers).__name__}; a list of objects with text and answer_start is needed."
        raise _BrokenError(message)
    if item.get("is_impossible"):
        if answers:
            message = "is_impossible is true, but there are answers; remove the one or the other."
            raise _BrokenError(message)
    elif not answers:
        message = "no answer; a question that its context does not answer needs is_impossible: true."
        raise _BrokenError(message)
    return Question(
        key=str(key),
        question=question,
        context=context,
        answers=tuple(_answer(answer, context) for answer in answers),
        context_language=context_language,
    )


def _answer(answer: object, context: str) -> Answer:
    if not isinstance(answer, dict) or not {"text", "answer_start"} <= answer.keys():
        message = "an answer without text and answer_start."
        raise _BrokenError(message)
    text, start = answer["text"], answer["answer_start"]
    if not isinstance(text, str) or isinstance(start, bool) or not isinstance(start, int):
        message = f"answer {repr(text)[:60]} at {repr(start)[:60]}; a text and a whole number are needed."
        raise _BrokenError(message)
    if not text:
        message = "the answer is empty; give it, or is_impossible: true and no answers."
        raise _BrokenError(message)
    if start < 0 or context[start : start + len(text)] != text:
        there = context[start : start + len(text)] if start >= 0 else ""
        message = (
            f"the answer {text[:60]!r} is not at {start}, where the context has {there[:60]!r}; correct answer_start."
        )
        raise _BrokenError(message)
    return Answer(text=text, start=start)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        message = f"{name} is {'empty' if isinstance(value, str) else type(value).__name__}; a text is needed."
        raise _BrokenError(message)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        message = f"{name} has half a surrogate pair at character {error.start}; write the whole pair."
        raise _BrokenError(message) from None
    return value


def _is_withheld(item: Mapping[str, Any]) -> bool:
    """Whether the answers are there in form only, as in the test files of XTREME's download."""
    answers = item.get("answers")
    if item.get("is_impossible") or not isinstance(answers, list) or not answers:
        return False
    return all(isinstance(answer, dict) and answer.get("text") == "" for answer in answers)


def _withheld(n: int) -> str:
    return (
        f"the answer is empty, as are all {n} of the file: XTREME's download withholds the answers of test files; take "
        "the data set's own file."
    )


def _articles(path: Path | str, text: str) -> list[Any]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path}:{error.lineno}: not JSON ({error.msg} at column {error.colno}); SQuAD's JSON is needed."
        raise TaskError(message) from None
    except RecursionError:
        message = f"{path}: not SQuAD's JSON; it is nested too deep."
        raise TaskError(message) from None
    except ValueError:  # Python converts 4,300 digits at most
        message = f"{path}: not SQuAD's JSON; a number in it is too long."
        raise TaskError(message) from None
    return _list(content, "data", f"{path}:1: ")


def _asked(path: Path | str, articles: list[Any]) -> Iterator[tuple[object, dict[str, Any]]]:
    """(context, entry of `qas`) of all questions."""
    for a, article in enumerate(articles):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"{path}: data[{a}]: ")):
            where = f"{path}: data[{a}].paragraphs[{p}]"
            for q, item in enumerate(_list(paragraph, "qas", f"{where}: ")):
                if not isinstance(item, dict):
                    message = f"{where}.qas[{q}]: {type(item).__name__} where an object with id and question is needed."
                    raise TaskError(message)
                yield paragraph.get("context"), item


def _list(holder: object, name: str, where: str) -> list[Any]:
    if isinstance(holder, dict) and isinstance(holder.get(name), list):
        return holder[name]
    has = f"it has {column_names(holder) or 'nothing'}" if isinstance(holder, dict) else "it is no object"
    message = f"{where}no list {name!r} ({has}); SQuAD's layout is data, paragraphs, qas."
    raise TaskError(message)


def _line(text: str, number: int) -> int:
    """The line of the `number`th question; the last one found where some have no question at all."""
    place = 0
    for count, match in enumerate(_QUESTION_KEY.finditer(text), start=1):
        place = match.start()
        if count == number:
            break
    return text.count("\n", 0, place) + 1
