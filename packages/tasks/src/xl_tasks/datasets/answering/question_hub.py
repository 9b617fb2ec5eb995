"""The data sets of question answering as the Hugging Face hub has them; examples equal those of the files."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from xl_tasks.datasets.answering.question_sets import TYDIQA_LANGUAGES, tydiqa_language
from xl_tasks.datasets.answering.squad import question_of
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.faults import Faults
from xl_tasks.datasets.readers.hub import PARQUET, hub_rows
from xl_tasks.examples import Examples, Question
from xl_translit import language

# Commits that public code pins: XQuAD in mteb's XQuADRetrieval. MLQA's commit there (397ed406...) holds a loading
# script, which `datasets` no longer runs, so that the hub's own conversion to Parquet is read instead, where a
# configuration is a folder.
XQUAD_REVISION = "51adfef1c1287aab1d2d91b5bead9bcfb9c68583"
SQUAD_REVISION = "7b6d24c440a36b6815f21b70d25016731768db1f"
TYDIQA_REVISION = "da78f23f9119363459acbaf46bf89426ff26c259"

_XQUAD = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
_MLQA = ("ar", "de", "en", "es", "hi", "vi", "zh")
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}


def load_squad_hub(languages: Iterable[str] | None = None, *, on_error: str = "stop") -> Examples:
    """SQuAD v1.1, English; as `load_squad` of its files."""
    chosen = choose({"eng_Latn": ""}, languages, where="rajpurkar/squad")
    faults = Faults(on_error)
    by_language = {
        code: {
            _SPLITS[split]: _rows("rajpurkar/squad", "plain_text", split, SQUAD_REVISION, faults, code)
            for split in ("train", "validation")
        }
        for code in chosen
    }
    return Examples(name="squad", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_xquad_hub(languages: Iterable[str] | None = None, *, on_error: str = "stop") -> Examples:
    """XQuAD in its twelve languages; as `load_xquad` of its files."""
    faults = Faults(on_error)
    chosen = choose({language(short): short for short in _XQUAD}, languages, where="google/xquad")
    by_language = {
        code: {"test": _rows("google/xquad", f"xquad.{short}", "validation", XQUAD_REVISION, faults, code, "test")}
        for code, short in chosen.items()
    }
    return Examples(name="xquad", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_tydiqa_hub(languages: Iterable[str] | None = None, *, on_error: str = "stop") -> Examples:
    """TyDiQA-GoldP in its nine languages; as `load_tydiqa` of its own files, where the hub's offsets fit.

    The script that made the hub's rows took away white space around contexts and left offsets as they were, so that a
    part of them is wrong: `on_error="skip"` leaves those out and notes them; the publisher's own files have them all.
    """
    faults = Faults(on_error)
    hub_id = "google-research-datasets/tydiqa"
    chosen = choose({code: name for name, code in TYDIQA_LANGUAGES.items()}, languages, where=hub_id)
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {code: {} for code in chosen}
    for split in ("train", "validation"):
        rows = [
            row
            for row in hub_rows(hub_id, "secondary_task", split, TYDIQA_REVISION)
            if tydiqa_language(str(row["id"])) in chosen
        ]
        for code in chosen:
            mine = [row for row in rows if tydiqa_language(str(row["id"])) == code]
            found = questions_of_rows(mine, where=f"{hub_id}, {split}", broken=_noting(faults, code, _SPLITS[split]))
            by_language[code][_SPLITS[split]] = found
    return Examples(name="tydiqa", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_mlqa_hub(
    languages: Iterable[str] | None = None, *, contexts: str | Iterable[str] = "same", on_error: str = "stop"
) -> Examples:
    """MLQA in its seven languages; `contexts` and result as `load_mlqa` of its files."""
    faults = Faults(on_error)
    codes = {language(short): short for short in _MLQA}
    several = [contexts] if isinstance(contexts, str) else list(contexts)
    wanted = list(codes) if contexts in ("same", "all") else list(choose(codes, several, where="facebook/mlqa"))
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {}
    for code, short in choose(codes, languages, where="facebook/mlqa").items():
        by_language[code] = {}
        for split in ("validation", "test"):
            questions: list[Question] = []
            for context in [code] if contexts == "same" else sorted(wanted):
                config = f"mlqa.{codes[context]}.{short}"
                other = "" if context == code else context
                questions += _rows("facebook/mlqa", config, split, PARQUET, faults, code, context_language=other)
            by_language[code][_SPLITS[split]] = tuple(questions)
    return Examples(name="mlqa", kind="answering", by_language=by_language, skipped=faults.skipped)


def questions_of_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    where: str,
    broken: Callable[[str], None],
    context_language: str = "",
) -> tuple[Question, ...]:
    """Rows of the hub (id, question, context, answers = {text: [...], answer_start: [...]}) as questions.

    broken: called with "where:number: reason" for a row that cannot be used; it may raise.
    """
    questions: dict[str, Question] = {}
    for number, row in enumerate(rows, start=1):
        answers = row.get("answers")
        if isinstance(answers, Mapping):
            pairs = zip(answers.get("text", ()), answers.get("answer_start", ()), strict=True)
            answers = [{"text": text, "answer_start": start} for text, start in pairs]
        item = {"id": row.get("id"), "question": row.get("question"), "answers": answers}
        try:
            question = question_of(item, row.get("context"), context_language=context_language)
        except ValueError as reason:
            broken(f"{where}:{number}: question {row.get('id')!r}: {reason}")
            continue
        if question.key in questions:
            broken(f"{where}:{number}: question {question.key!r}: the id appears a second time.")
            continue
        questions[question.key] = question
    return tuple(questions.values())


def _rows(
    hub_id: str,
    config: str,
    split: str,
    revision: str,
    faults: Faults,
    code: str,
    called: str = "",
    context_language: str = "",
) -> tuple[Question, ...]:
    called = called or _SPLITS[split]
    rows = (
        hub_rows(hub_id, split=split, revision=revision, data_dir=config)
        if revision == PARQUET
        else hub_rows(hub_id, config, split, revision)
    )
    return questions_of_rows(
        rows,
        where=f"{hub_id}, {config}, {split}",
        broken=_noting(faults, code, called),
        context_language=context_language,
    )


def _noting(faults: Faults, code: str, split: str) -> Callable[[str], None]:
    return lambda message: faults.add(code, split, message)
