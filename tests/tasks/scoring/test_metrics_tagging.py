"""Scores of tags against seqeval and scikit-learn, and sentence by sentence against the whole."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import metrics as seqeval
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from xl_tasks import TaskError
from xl_tasks.scoring.measures import FORMS
from xl_tasks.scoring.tagging import tag_scores, tagging_measures

DRAWN = settings(max_examples=80)
ENTITIES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-DATE", "I-DATE", "B", "I")
UPOS = ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
        "SYM", "VERB", "X", "_")  # fmt: skip


def sentences(tags, *, least=0):
    """Pairs (gold, predicted) of sentences of equal length; most predicted tags are the gold ones."""
    word = st.tuples(st.sampled_from(tags), st.sampled_from(tags), st.integers(0, 2)).map(
        lambda drawn: (drawn[0], drawn[0] if drawn[2] else drawn[1])
    )
    sentence = st.lists(word, min_size=least, max_size=8).map(lambda words: tuple(map(list, zip(*words, strict=True))))
    return st.lists(sentence.map(lambda pair: pair or ([], [])), min_size=1, max_size=10)


def sides(pairs):
    return [gold for gold, _ in pairs], [predicted for _, predicted in pairs]


def by_seqeval(function, *pair, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*pair, **options)


@DRAWN
@given(sentences(ENTITIES))
def test_entities_equal_to_seqeval_with_broken_beginnings(pairs):
    gold, predicted = sides(pairs)
    found = {m.metric: m for m in tagging_measures(gold, predicted, ENTITIES, scheme="iob2")}
    assert list(found) == ["f1", "precision", "recall", "macro_f1", "accuracy"]
    for name, function, options in (
        ("f1", seqeval.f1_score, {}),
        ("precision", seqeval.precision_score, {}),
        ("recall", seqeval.recall_score, {}),
        ("macro_f1", seqeval.f1_score, {"average": "macro"}),
    ):
        if any(tag != "O" for side in (gold, predicted) for tags in side for tag in tags):
            assert found[name].value == pytest.approx(by_seqeval(function, gold, predicted, **options), abs=1e-12), name
        else:
            assert found[name].value == 0
    flat = [[tag for sentence in side for tag in sentence] for side in (gold, predicted)]
    if flat[0]:
        assert found["accuracy"].value == pytest.approx(accuracy_score(*flat), abs=1e-12)
    assert {m.n for m in found.values()} == {len(pairs)}


@DRAWN
@given(sentences(ENTITIES, least=1))
def test_the_line_of_a_sentence_is_what_the_sentence_alone_gives(pairs):
    gold, predicted = sides(pairs)
    whole = tagging_measures(gold, predicted, ENTITIES, scheme="iob2")
    for place, (one, other) in enumerate(pairs):
        alone = tagging_measures([one], [other], ENTITIES, scheme="iob2")
        for measure, single in zip(whole, alone, strict=True):
            assert np.array_equal(measure.stats[place], single.stats[0]), measure.metric


@DRAWN
@given(sentences(ENTITIES, least=1), st.randoms(use_true_random=False))
def test_sentences_may_come_in_any_order(pairs, random):
    mixed = list(pairs)
    random.shuffle(mixed)
    for one, other in zip(
        tagging_measures(*sides(pairs), ENTITIES, scheme="iob2"),
        tagging_measures(*sides(mixed), ENTITIES, scheme="iob2"),
        strict=True,
    ):
        assert one.value == other.value


@DRAWN
@given(sentences(UPOS))
def test_parts_of_speech_equal_to_scikit_learn_and_to_seqeval(pairs):
    gold, predicted = sides(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {m.metric: m for m in tagging_measures(gold, predicted, UPOS, scheme="plain")}
    assert list(found) == ["accuracy", "macro_f1", "seqeval_compat"]
    flat = [[tag for sentence in side for tag in sentence] for side in (gold, predicted)]
    if not flat[0]:
        assert [m.value for m in found.values()] == [0, 0, 0]
        return
    assert found["accuracy"].value == pytest.approx(accuracy_score(*flat), abs=1e-12)
    assert found["macro_f1"].value == pytest.approx(f1_score(*flat, average="macro", zero_division=0), abs=1e-12)
    assert found["seqeval_compat"].value == pytest.approx(by_seqeval(seqeval.f1_score, gold, predicted), abs=1e-12)
    token = found["macro_f1"]
    assert FORMS["macro_f1"](token.stats[::2].sum(0)) == pytest.approx(
        tagging_measures(gold[::2], predicted[::2], UPOS, scheme="plain")[1].value, abs=1e-12
    )


def test_what_seqeval_does_to_parts_of_speech():
    gold, predicted = [["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "VERB", "VERB"]]
    accuracy, _, compat = tagging_measures(gold, predicted, UPOS, scheme="plain")
    # DET agrees; NOUN NOUN and VERB VERB are one chunk each, and so agree with nothing.
    assert (accuracy.value, compat.value) == (0.75, pytest.approx(1 / 3))


def test_tuples_are_taken_and_labels_without_an_entity():
    assert tagging_measures((("B-PER", "O"),), (("I-PER", "O"),), ENTITIES, scheme="iob2")[0].value == 1
    assert [m.value for m in tagging_measures([["O"]], [["O"]], ["O"], scheme="iob2")] == [0, 0, 0, 0, 1]
    assert [m.value for m in tagging_measures([], [], ENTITIES, scheme="iob2")] == [0] * 5
    assert [m.value for m in tagging_measures([], [], UPOS, scheme="plain")] == [0] * 3


def test_bad_input():
    with pytest.raises(TaskError, match="scheme is 'bio'; choose one of iob2, plain"):
        tagging_measures([], [], ENTITIES, scheme="bio")
    with pytest.raises(TaskError, match="2 gold sentences and 1 predicted"):
        tagging_measures([["O"], ["O"]], [["O"]], ENTITIES, scheme="iob2")
    with pytest.raises(TaskError, match="sentence 2: 1 gold tags and 2 predicted"):
        tagging_measures([["O"], ["O"]], [["O"], ["O", "O"]], ENTITIES, scheme="iob2")
    with pytest.raises(TaskError, match="predicted tag 'B-MISC' is not a label of the data"):
        tagging_measures([["O"]], [["B-MISC"]], ENTITIES, scheme="iob2")


@DRAWN
@given(sentences(UPOS))
def test_each_part_of_speech_is_scored_as_scikit_learn_has_it(pairs):
    gold, predicted = sides(pairs)
    measures = tagging_measures(gold, predicted, UPOS, scheme="plain")
    found = {metric: (value, n) for metric, value, n in tag_scores(measures, UPOS, scheme="plain")}
    flat = [[tag for sentence in side for tag in sentence] for side in (gold, predicted)]
    seen = [tag for tag in UPOS if tag in flat[0] or tag in flat[1]]
    assert [metric for metric in found if metric.startswith("f1 ")] == [f"f1 {tag}" for tag in seen]
    if not seen:
        return
    _, recall, f1, support = precision_recall_fscore_support(*flat, labels=seen, zero_division=0)
    for tag, r, f, n in zip(seen, recall, f1, support, strict=True):
        assert found[f"f1 {tag}"] == (pytest.approx(f, abs=1e-12), n)
        assert found.get(f"accuracy {tag}") == ((pytest.approx(r, abs=1e-12), n) if n else None)
    macro = next(m.value for m in measures if m.metric == "macro_f1")
    assert np.mean([found[f"f1 {tag}"][0] for tag in seen]) == pytest.approx(macro, abs=1e-12)


@DRAWN
@given(sentences(ENTITIES[:9]))
def test_each_type_of_entity_is_scored_as_seqeval_has_it(pairs):
    gold, predicted = sides(pairs)
    measures = tagging_measures(gold, predicted, ENTITIES, scheme="iob2")
    found = {metric: (value, n) for metric, value, n in tag_scores(measures, ENTITIES, scheme="iob2")}
    if not any(tag != "O" for side in (gold, predicted) for tags in side for tag in tags):
        assert found == {}
        return
    report = by_seqeval(seqeval.classification_report, gold, predicted, output_dict=True, zero_division=0)
    types = {name: scores for name, scores in report.items() if " " not in name}
    assert found == {f"f1 {name}": (pytest.approx(s["f1-score"]), s["support"]) for name, s in types.items()}
