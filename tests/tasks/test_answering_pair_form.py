"""The pair form of each kind of tokenizer against the tokenizer itself."""

import pytest
from tests.tasks.answering_tokenizers import ALL

from xl_tasks.answering.pair_form import pair_form


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
    assert form.token_types(*sizes) == (pair["token_type_ids"] if kind in ("bert", "canine") else None)


def test_a_tokenizer_without_a_pair_form():
    form = pair_form(ALL["letters"]())
    assert (form.before, form.between, form.after) == ((0,), (2,), (2,))
    assert form.content(1, 2) == [False, True, False, True, True, False]
