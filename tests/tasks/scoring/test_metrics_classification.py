"""Accuracy and macro-F1 of classes against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score

from xl_tasks import TaskError
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.scoring.classification import classification_measures
from xl_tasks.scoring.measures import FORMS, commonest_label_scores
from xl_tasks.scoring.tagging import tagging_measures

DRAWN = settings(max_examples=80)
LABELS = ("sports", "science/technology", "travel", "politics", "health")
items = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS[:3])), min_size=1, max_size=40)


@DRAWN
@given(items, st.permutations(LABELS))
def test_equal_to_scikit_learn_also_for_classes_never_predicted(pairs, labels):
    gold, predicted = map(list, zip(*pairs, strict=True))
    accuracy, macro = classification_measures(gold, predicted, labels)
    assert [accuracy.metric, macro.metric] == ["accuracy", "macro_f1"]
    assert accuracy.value == pytest.approx(accuracy_score(gold, predicted), abs=1e-12)
    assert macro.value == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0), abs=1e-12)
    assert accuracy.n == macro.n == len(pairs)


@DRAWN
@given(items)
def test_chance_is_that_of_scikit_learns_dummy(pairs):
    gold, predicted = map(list, zip(*pairs, strict=True))
    said = DummyClassifier(strategy="most_frequent").fit(gold, gold).predict(gold)
    cell = Cell(task="sib200", source="eng_Latn", target="ell_Grek", data="d", model="m")
    scored = Scored(cell=cell, keys=tuple(map(str, gold)), measures=classification_measures(gold, predicted, LABELS))
    chances = {row.metric: row.chance for row in scored.all_rows()}
    assert chances["accuracy"] == pytest.approx(accuracy_score(gold, said), abs=1e-12)
    assert chances["macro_f1"] == pytest.approx(f1_score(gold, said, average="macro", zero_division=0), abs=1e-12)


def test_tags_have_a_chance_and_entities_none():
    tags, entities = [["NOUN", "VERB", "NOUN"], ["NOUN"]], [["B-PER", "O"], ["O"]]
    share = 3 / 4
    assert commonest_label_scores(tagging_measures(tags, tags, ("NOUN", "VERB"), scheme="plain")) == pytest.approx(
        {"accuracy": share, "macro_f1": 2 * share / (1 + share) / 2}
    )
    assert commonest_label_scores(tagging_measures(entities, entities, ("B-PER", "O"), scheme="iob2")) == {}


@DRAWN
@given(items, st.integers(0, 2**32 - 1))
def test_a_resample_of_the_lines_is_the_score_of_the_resampled_items(pairs, seed):
    gold, predicted = map(np.array, zip(*pairs, strict=True))
    taken = np.random.default_rng(seed).integers(0, len(pairs), len(pairs))
    for measure, again in zip(
        classification_measures(gold, predicted, LABELS),
        classification_measures(gold[taken], predicted[taken], LABELS),
        strict=True,
    ):
        assert FORMS[measure.form](measure.stats[taken].sum(0)) == pytest.approx(again.value, abs=1e-12)


def test_no_item_and_bad_input():
    assert [m.value for m in classification_measures([], [], LABELS)] == [0, 0]
    with pytest.raises(TaskError, match="2 gold labels and 1 predicted ones"):
        classification_measures(["travel", "sports"], ["travel"], LABELS)
    with pytest.raises(TaskError, match="item 2: predicted label 'art' is not a label of the data; it has sports, sci"):
        classification_measures(["travel", "sports"], ["travel", "art"], LABELS)
    with pytest.raises(TaskError, match="item 1: gold label 'art'"):
        classification_measures(["art"], ["travel"], LABELS)
