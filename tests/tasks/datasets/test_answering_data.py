"""Question answering on the real data sets: counts, offsets, and what an oracle reaches."""

import unicodedata
from typing import Any

import numpy as np
import pytest
from tests.tasks.answering_tokenizers import ALL, letters_of

from xl_encoders import train_tokenizer
from xl_tasks import TASKS, TaskError
from xl_tasks.datasets.answering.question_sets import load_tydiqa, load_xquad
from xl_tasks.problems.answering.problem import AnsweringProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.presets import tuning_config
from xl_tasks.units.unit import AsWritten

pytestmark = pytest.mark.data

XQUAD = ["ar", "el", "en", "th", "tr", "zh"]
TYDIQA = ["en", "ko", "sw"]


@pytest.fixture(scope="module")
def questions(data_folder):
    """(data set, language) -> its questions with answers."""
    xquad = load_xquad(data_folder / "xquad")
    tydiqa = load_tydiqa(data_folder / "tydiqa", on_error="skip")
    found = {("xquad", short): xquad.split(short, "test") for short in XQUAD}
    return found | {("tydiqa", short): tydiqa.split(short, "train") for short in TYDIQA}


def test_counts_are_those_of_the_readme(data_folder):
    xquad = load_xquad(data_folder / "xquad")
    assert {language: len(splits["test"]) for language, splits in xquad.by_language.items()} == dict.fromkeys(
        ("arb_Arab", "ell_Grek", "eng_Latn", "tha_Thai", "tur_Latn", "zho_Hans"), 390
    )
    assert not xquad.skipped
    assert len({tuple(q.key for q in xquad.split(language, "test")) for language in xquad.languages}) == 1
    tydiqa = load_tydiqa(data_folder / "tydiqa", on_error="skip")
    counts = {language: len(splits["train"]) for language, splits in tydiqa.by_language.items() if splits}
    assert counts == dict.fromkeys(("eng_Latn", "kor_Hang", "swh_Latn"), 400)
    # XTREME's download has no answers in its dev files: each of their 200 questions is counted as left out.
    assert {where: len(sentences) for where, sentences in tydiqa.skipped.items()} == dict.fromkeys(
        [(code, "dev") for code in ("arb_Arab", "eng_Latn", "fin_Latn", "kor_Hang", "swh_Latn")], 200
    )
    with pytest.raises(TaskError, match="as are all 200 of the file: XTREME's download withholds"):
        load_tydiqa(data_folder / "tydiqa", ["fi"])


def oracle(tokenizer, asked, **options):
    """The answers that logits at the targets give, with the problem and its inputs."""
    given: dict[str, Any] = {"max_len": 384, "answer_len": 400, **options}
    config = TuningConfig(**given)
    problem = AnsweringProblem(tokenizer, unit=AsWritten(), config=config)
    features = problem.features(asked, "eng_Latn", training=True)
    logits = [np.zeros((len(feature.ids), 2), dtype=np.float32) for feature in features]
    for feature, values in zip(features, logits, strict=True):
        if feature.target != (0, 0):
            values[feature.target, (0, 1)] = 10
    return problem, features, problem.decode(asked, features, logits)


@pytest.mark.parametrize(("name", "short"), [("xquad", s) for s in XQUAD] + [("tydiqa", s) for s in TYDIQA])
def test_an_oracle_on_characters_answers_everything(questions, name, short):
    asked = questions[name, short]
    tokenizer = letters_of("".join(sorted({char for q in asked for char in q.context})))
    _, _, found = oracle(tokenizer, asked, max_len=4000, window_step=3000, answer_len=1000)
    assert found == [q.answers[0].text for q in asked]


def test_an_oracle_with_canine(questions):
    asked = questions["xquad", "th"][:40]
    _, _, found = oracle(ALL["canine"](), asked, max_len=1024, window_step=550)
    assert found == [q.answers[0].text for q in asked]


@pytest.fixture(scope="module")
def pieces(questions):
    """Byte-pair encoding learnt on a part of the contexts."""
    contexts = [context for asked in questions.values() for context in sorted({q.context for q in asked})[:40]]
    return train_tokenizer(sorted(contexts), n_pieces=6000)


@pytest.mark.parametrize(("name", "short"), [("xquad", s) for s in XQUAD] + [("tydiqa", s) for s in TYDIQA])
def test_an_oracle_on_pieces_answers_everything_up_to_pieces(questions, pieces, name, short):
    """The answer, and beside it the rest of the tokens that it begins and ends in, by the tokenizer's own offsets."""
    asked = questions[name, short]
    problem, features, found = oracle(pieces, asked)
    held = {feature.example for feature in features}
    assert len(held) == len(asked)  # two windows share more than any answer has
    for question, answer in ((asked[number], found[number]) for number in sorted(held)):
        gold = question.answers[0]
        assert gold.text in answer
        encoded = pieces(question.context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        touching = [(a, b) for a, b in encoded if a < gold.start + len(gold.text) and b > gold.start]
        start, end = min(a for a, _ in touching), max(b for _, b in touching)
        while end < len(question.context) and unicodedata.category(question.context[end])[0] == "M":
            end += 1  # a mark that the normaliser joins to the letter before it
        assert answer == question.context[start:end].strip()
    measures = {m.metric: m.value for m in problem.measures(asked, found, "eng_Latn")}
    assert measures["f1"] >= measures["em"] > 0.5


def windows_slowly(tokenizer, asked, *, max_len, doc_stride, query_len):
    """Windows by the loop that XTREME's run_squad.py calls (transformers 2, squad_convert_example_to_features)."""
    total = 0
    for question in asked:
        n_tokens = len(tokenizer(question.context, add_special_tokens=False)["input_ids"])
        n_query = len(tokenizer(question.question, add_special_tokens=False)["input_ids"][:query_len])
        room = max_len - n_query - tokenizer.num_special_tokens_to_add(pair=True)
        spans, rest = 0, n_tokens
        while spans * doc_stride < n_tokens:
            spans += 1
            if rest <= room:  # no overflowing tokens
                break
            rest = n_tokens - spans * doc_stride  # what the call gives as overflow begins doc_stride further on
        total += spans
    return total


@pytest.mark.parametrize("preset", ["xtreme", "wordot"])
def test_a_preset_of_xtreme_has_its_windows(questions, pieces, preset):
    asked = questions["xquad", "en"]
    for max_len in (384, 200):  # most of these contexts fit into 384 pieces
        config = tuning_config(preset, TASKS["xquad"], overrides={"max_len": max_len})
        problem = AnsweringProblem(pieces, unit=AsWritten(), config=config)
        expected = windows_slowly(pieces, asked, max_len=max_len, doc_stride=128, query_len=64)
        for training in (False, True):
            assert len(problem.features(asked, "eng_Latn", training=training)) == expected
    assert expected > 1.5 * len(asked)
