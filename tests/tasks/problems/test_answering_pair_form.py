"""The pair form of each kind of tokenizer against the tokenizer itself."""

import pytest
from tests.tasks.answering_tokenizers import ALL

from xl_encoders.reading.pair_form import pair_form
from xl_tasks.examples import Question, TextExample
from xl_tasks.problems.answering.problem import AnsweringProblem
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import AsWritten


@pytest.mark.parametrize("kind", ["xlmr", "bert", "roberta", "canine", "words"])
@pytest.mark.parametrize(
    "texts", [("the cat", "Berlin"), ("b", "a"), ("a a", "b a b")], ids=["words", "swapped", "repeated"]
)
def test_pairs_are_those_of_the_tokenizer(kind, texts):
    tokenizer = ALL[kind]()
    form = pair_form(tokenizer)
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    pair = tokenizer(*texts, return_special_tokens_mask=True)
    assert form.ids(*rows) == pair["input_ids"]
    assert form.n_specials == len(pair["input_ids"]) - sum(map(len, rows))
    sizes = [len(row) for row in rows]
    assert len(form.content(*sizes)) == len(pair["input_ids"])
    if kind != "words":  # a tokenizer of the test that does not say which of its tokens are special
        assert form.content(*sizes) == [not special for special in pair["special_tokens_mask"]]
    if kind == "canine":
        # `create_token_type_ids_from_sequences` of version 4 of transformers; version 5 forgot it.
        assert form.token_types(*sizes) == [0] * (sizes[0] + 2) + [1] * (sizes[1] + 1)
    else:
        assert form.token_types(*sizes) == (pair["token_type_ids"] if kind == "bert" else None)


def test_a_tokenizer_without_a_pair_form():
    form = pair_form(ALL["letters"]())
    assert (form.before, form.between, form.after) == ((0,), (2,), (2,))
    assert form.content(1, 2) == [False, True, False, True, True, False]


@pytest.mark.parametrize("kind", ["bert", "canine"])
def test_both_kinds_of_pairs_tell_their_texts_apart(kind):
    """Two texts of a classifier, and a question beside each window of its context."""
    tokenizer, config = ALL[kind](), TuningConfig(max_len=30, window_step=10)
    pair = TextExample(key="1", first="the cat", second="the mat", label="a")
    [feature] = ClassificationProblem(tokenizer, ["a", "b"], unit=AsWritten(), config=config).features(
        [pair], "eng_Latn", training=False
    )
    asked = Question(key="1", question="the cat", context="the old house of the cat is on the mat " * 4, answers=())
    windows = AnsweringProblem(tokenizer, unit=AsWritten(), config=config).features([asked], "eng_Latn", training=False)
    assert len(windows) > 1
    for one in (feature, *windows):
        assert one.types is not None
        first_end = one.ids.index(tokenizer.sep_token_id)
        assert one.types == [int(place > first_end) for place in range(len(one.ids))]
        assert {0, 1} == {*one.types}
