"""The data sets of question answering as the Hugging Face hub has them; examples equal those of the files."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from xl_tasks.catalogue.task import ANSWER_METRICS, Task
from xl_tasks.datasets.answering.question_sets import TYDIQA_LANGUAGES, tydiqa_language
from xl_tasks.datasets.answering.squad import question_of
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.faults import Faults
from xl_tasks.datasets.readers.hub import PARQUET, hub_rows
from xl_tasks.datasets.readers.labelled import HUB_SPLITS, chosen_splits
from xl_tasks.examples import Examples, Question
from xl_translit import language

_XQUAD = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
_MLQA = ("ar", "de", "en", "es", "hi", "vi", "zh")

XQUAD = Task(
    name="xquad",
    kind="answering",
    title="XQuAD",
    description="Questions and contexts of SQuAD's dev set, translated by people (Artetxe et al., 2020).",
    metrics=ANSWER_METRICS,
    folders=("xquad", "XQuAD"),
    layout="xquad.XX.json",
    loader="xl_tasks.datasets.answering.question_sets:load_xquad",
    train_from=("squad", "tydiqa"),
    languages="ar de el en es hi ro ru th tr vi zh, parallel",
    licence="CC-BY-SA-4.0",
    source="github.com/google-deepmind/xquad",
    hub_id="google/xquad",
    hub_loader="xl_tasks.datasets.answering.question_hub:load_xquad_hub",
    # Pinned so by mteb's XQuADRetrieval.
    revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
    also=("google/xquad",),
    xtreme=True,
)

TYDIQA = Task(
    name="tydiqa",
    kind="answering",
    title="TyDiQA-GoldP",
    description="Questions that people asked in their own language, on one passage each (Clark et al., 2020).",
    metrics=ANSWER_METRICS,
    folders=("tydiqa", "tydiqa-goldp", "TyDiQA"),
    layout="tydiqa-goldp-v1.1-{train,dev}.json, tydiqa-goldp-{train,dev}-korean.json, or XTREME's "
    "tydiqa.goldp.XX.{train,dev}.json, whose dev files have no answers",
    loader="xl_tasks.datasets.answering.question_sets:load_tydiqa",
    options={"pass_withheld": True},
    test_split="dev",
    languages="ar bn en fi id ko ru sw te",
    licence="Apache-2.0",
    source="github.com/google-research-datasets/tydiqa",
    hub_id="google-research-datasets/tydiqa",
    hub_loader="xl_tasks.datasets.answering.question_hub:load_tydiqa_hub",
    revision="da78f23f9119363459acbaf46bf89426ff26c259",
    also=("TyDi QA", "tydi", "GoldP"),
    xtreme=True,
)

MLQA = Task(
    name="mlqa",
    kind="answering",
    title="MLQA",
    description="Questions and contexts in any pair of seven languages (Lewis et al., 2020).",
    metrics=ANSWER_METRICS,
    folders=("mlqa", "MLQA_V1", "MLQA"),
    layout="{dev,test}-context-XX-question-YY.json, sub-folders too",
    loader="xl_tasks.datasets.answering.question_sets:load_mlqa",
    mixed_options={"contexts": "all"},
    train_from=("squad", "tydiqa"),
    languages="ar de en es hi vi zh, all pairs of question and context",
    licence="CC-BY-SA-3.0",
    source="github.com/facebookresearch/MLQA",
    hub_id="facebook/mlqa",
    hub_loader="xl_tasks.datasets.answering.question_hub:load_mlqa_hub",
    # The commit that mteb pins (397ed406...) holds a loading script, which `datasets` no longer runs; the hub's own
    # conversion to Parquet has a folder a configuration.
    revision=PARQUET,
    also=("facebook/mlqa",),
    xtreme=True,
)

SQUAD = Task(
    name="squad",
    kind="answering",
    title="SQuAD",
    description="Questions on paragraphs of English Wikipedia, v1.1 (Rajpurkar et al., 2016).",
    metrics=ANSWER_METRICS,
    folders=("squad", "SQuAD"),
    layout="{train,dev}-v1.1.json; squad.translate.train.en-XX.json",
    loader="xl_tasks.datasets.answering.question_sets:load_squad",
    test_split="dev",
    languages="en; training sets translated into other languages",
    licence="CC-BY-SA-4.0",
    source="rajpurkar.github.io/SQuAD-explorer",
    hub_id="rajpurkar/squad",
    hub_loader="xl_tasks.datasets.answering.question_hub:load_squad_hub",
    revision="7b6d24c440a36b6815f21b70d25016731768db1f",
    also=("SQuAD v1.1", "squad1", "squadv1", "rajpurkar/squad"),
)


def load_squad_hub(
    languages: Iterable[str] | None = None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[Question]:
    """SQuAD v1.1, English; as `load_squad` of its files."""
    chosen = choose({"eng_Latn": ""}, languages, where=SQUAD.hub_id)
    faults = Faults(on_error)
    by_language = {
        code: {
            split: _rows(SQUAD.hub_id, "plain_text", split, SQUAD.revision, faults, code)
            for split in chosen_splits(splits)
            if split != "test"
        }
        for code in chosen
    }
    return Examples(name="squad", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_xquad_hub(
    languages: Iterable[str] | None = None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[Question]:
    """XQuAD in its twelve languages; as `load_xquad` of its files."""
    faults = Faults(on_error)
    chosen = choose({language(short): short for short in _XQUAD}, languages, where=XQUAD.hub_id)
    by_language = {
        code: {
            split: _rows(XQUAD.hub_id, f"xquad.{short}", split, XQUAD.revision, faults, code, there="validation")
            for split in chosen_splits(splits)
            if split == "test"
        }
        for code, short in chosen.items()
    }
    return Examples(name="xquad", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_tydiqa_hub(
    languages: Iterable[str] | None = None, *, on_error: str = "stop", splits: Iterable[str] | None = None
) -> Examples[Question]:
    """TyDiQA-GoldP in its nine languages; as `load_tydiqa` of its own files, where the hub's offsets fit.

    The script that made the hub's rows took away white space around contexts and left offsets as they were, so that a
    part of them is wrong: `on_error="skip"` leaves those out and notes them; the publisher's own files have them all.
    """
    faults = Faults(on_error)
    hub_id = TYDIQA.hub_id
    chosen = choose({code: name for name, code in TYDIQA_LANGUAGES.items()}, languages, where=hub_id)
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {code: {} for code in chosen}
    for split in chosen_splits(splits):
        if split == "test":
            continue
        there = HUB_SPLITS[split]
        rows = [
            row
            for row in hub_rows(hub_id, "secondary_task", there, TYDIQA.revision)
            if tydiqa_language(str(row["id"])) in chosen
        ]
        for code in chosen:
            mine = [row for row in rows if tydiqa_language(str(row["id"])) == code]
            questions = questions_of_rows(mine, where=f"{hub_id}, {there}", broken=_noting(faults, code, split))
            by_language[code][split] = questions
    return Examples(name="tydiqa", kind="answering", by_language=by_language, skipped=faults.skipped)


def load_mlqa_hub(
    languages: Iterable[str] | None = None,
    *,
    contexts: str | Iterable[str] = "same",
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[Question]:
    """MLQA in its seven languages; `contexts` and result as `load_mlqa` of its files."""
    faults = Faults(on_error)
    codes = {language(short): short for short in _MLQA}
    several = [contexts] if isinstance(contexts, str) else list(contexts)
    context_codes = list(codes) if contexts in ("same", "all") else list(choose(codes, several, where=MLQA.hub_id))
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {}
    for code, short in choose(codes, languages, where=MLQA.hub_id).items():
        by_language[code] = {}
        for split in chosen_splits(splits):
            if split == "train":
                continue
            questions: list[Question] = []
            for context in [code] if contexts == "same" else sorted(context_codes):
                config = f"mlqa.{codes[context]}.{short}"
                other = "" if context == code else context
                questions += _rows(MLQA.hub_id, config, split, MLQA.revision, faults, code, context_language=other)
            by_language[code][split] = tuple(questions)
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
    *,
    there: str = "",
    context_language: str = "",
) -> tuple[Question, ...]:
    there = there or HUB_SPLITS[split]
    rows = (
        hub_rows(hub_id, split=there, revision=revision, data_dir=config)
        if revision == PARQUET
        else hub_rows(hub_id, config, there, revision)
    )
    return questions_of_rows(
        rows,
        where=f"{hub_id}, {config}, {there}",
        broken=_noting(faults, code, split),
        context_language=context_language,
    )


def _noting(faults: Faults, code: str, split: str) -> Callable[[str], None]:
    return lambda message: faults.add(code, split, message)
