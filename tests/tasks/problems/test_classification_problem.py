"""Texts and pairs as inputs: against the tokenizer itself, and scikit-learn's idea of the scores."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from tests.encoders.conftest import family, family_folder, in_units, loaded  # noqa: F401
from tests.tasks.tuning_toys import toy_encoder, toy_pairs, toy_texts

from xl_tasks import TaskError
from xl_tasks.examples import TaggedSentence, TextExample
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import AsWritten

LABELS = ("red", "blue", "green")


def problem_of(tokenizer, unit=None, max_len=32, **options) -> ClassificationProblem:
    config = TuningConfig(max_len=max_len)
    return ClassificationProblem(tokenizer, LABELS, unit=unit or AsWritten(), config=config, **options)


@dataclass
class Marking:
    """A unit that shows which language it was given, and counts its texts."""

    name: str = "marking"
    separator: str = ""
    n_texts: int = 0

    def texts(self, texts, language):
        self.n_texts += len(texts)
        return [f"{language[:1]} {text}" for text in texts]


@pytest.mark.parametrize("family", ["xlmr", "bert", "canine", "xphonebert"], indirect=True)
def test_inputs_are_the_tokenizers_own(family, request):  # noqa: F811
    name = request.node.callspec.params["family"]
    tokenizer = copy.deepcopy(family.tokenizer)
    if name == "bert":
        tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    texts = [in_units(name, text) for text in ("the cat sat", "a white house", "x")]
    examples = [TextExample(key="1", first=texts[0], label="red"), TextExample(key="2", first=texts[2], label="blue")]
    if name != "xphonebert":  # whose toy tokenizer has no form for pairs
        examples.append(TextExample(key="3", first=texts[1], second=texts[0], label="green"))
    features = problem_of(tokenizer).features(examples, "eng_Latn", training=True)
    for number, (feature, example) in enumerate(zip(features, examples, strict=True)):
        expected = tokenizer(example.first, example.second or None, return_special_tokens_mask=True)
        assert feature.ids == expected["input_ids"]
        assert feature.content == [not special for special in expected["special_tokens_mask"]]
        assert feature.example == number
        if "token_type_ids" in tokenizer.model_input_names:
            n_first = len(tokenizer(example.first)["input_ids"])
            assert feature.types == [0] * n_first + [1] * (len(feature.ids) - n_first)
        else:
            assert feature.types is None
    assert [LABELS[feature.target] for feature in features] == [example.label for example in examples]


@pytest.mark.parametrize("family", ["xlmr", "canine"], indirect=True)
def test_longest_side_is_cut_first_and_said_once(family, caplog):  # noqa: F811
    long, short = "the cat sat on the mat " * 3, "a cat"
    problem = problem_of(family.tokenizer, max_len=20)
    examples = [
        TextExample(key="1", first=long, second=short, label="red"),
        TextExample(key="2", first=short, second=long, label="red"),
        TextExample(key="3", first=long, label="red"),
        TextExample(key="4", first=short, label="red"),
    ]
    features = problem.features(examples, "eng_Latn", training=True)
    assert [len(feature.ids) for feature in features[:3]] == [20, 20, 20]
    kept = family.tokenizer(short, add_special_tokens=False)["input_ids"]
    assert features[0].ids[-1 - len(kept) : -1] == kept
    assert features[1].ids[1 : 1 + len(kept)] == kept
    problem.features([TextExample(key="5", first=long + "x", label="red")], "eng_Latn", training=False)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "1 of 2 texts are cut to 20 tokens."
    ]


def test_each_side_passes_the_unit_with_its_own_language_once():
    encoder, unit = toy_encoder(), Marking()
    problem = problem_of(encoder.tokenizer, unit)
    example = TextExample(key="1", first="cat", second="dog", second_language="tur_Latn", label="red")
    plain = TextExample(key="2", first="cat", second="dog", label="blue")
    mixed, same = problem.features([example, plain], "eng_Latn", training=False)
    assert mixed.ids == encoder.tokenizer("e cat", "t dog")["input_ids"]
    assert same.ids == encoder.tokenizer("e cat", "e dog")["input_ids"]
    assert problem.sides([example, plain], "eng_Latn") == (["e cat", "e cat"], ["t dog", "e dog"])
    assert problem.sides([TextExample(key="3", first="cat", label="red")], "eng_Latn") == (["e cat"], None)
    n_before = unit.n_texts
    problem.features([plain, example], "eng_Latn", training=True)
    assert unit.n_texts == n_before  # known already


def test_loss_is_the_mean_log_loss():
    problem = problem_of(toy_encoder().tokenizer)
    features = problem.features([TextExample(key=k, first="a", label=k) for k in LABELS], "eng_Latn", training=True)
    logits = np.random.default_rng(1).normal(size=(3, 3))
    expected = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(logits)])
    assert float(problem.loss(torch.tensor(logits), problem.targets(features, 9))) == pytest.approx(expected, 1e-5)


@pytest.mark.parametrize("main", ["accuracy", "macro_f1"])
def test_measures_are_sklearns_main_one_first(main):
    problem = problem_of(toy_encoder().tokenizer, metrics=(main,))
    random = np.random.default_rng(2)
    examples = [TextExample(key=str(i), first="a", label=LABELS[random.integers(3)]) for i in range(40)]
    logits = [row.astype(np.float32) for row in random.normal(size=(40, 3))]
    predictions = problem.decode(examples, [], logits)
    assert predictions == [LABELS[max(range(3), key=lambda i: row[i])] for row in logits]
    found = problem.measures(examples, predictions, "eng_Latn")
    gold = [example.label for example in examples]
    values = {measure.metric: measure.value for measure in found}
    assert found[0].metric == main
    assert values["accuracy"] == pytest.approx(accuracy_score(gold, predictions))
    assert values["macro_f1"] == pytest.approx(f1_score(gold, predictions, average="macro"))


def test_errors_name_the_example():
    problem = problem_of(toy_encoder().tokenizer)
    with pytest.raises(TaskError, match=r"example 7: unknown label 'rad'; did you mean 'red'\?"):
        problem.features([TextExample(key="7", first="a", label="rad")], "eng_Latn", training=True)
    with pytest.raises(TaskError, match="example 8 is a TaggedSentence"):
        problem.features([TaggedSentence(key="8", words=("a",), tags=("b",))], "eng_Latn", training=True)
    with pytest.raises(TaskError, match="give at least two, all different"):
        ClassificationProblem(toy_encoder().tokenizer, ("red", "red"), unit=AsWritten(), config=TuningConfig())


def test_order_of_examples_does_not_matter():
    problem = problem_of(toy_encoder().tokenizer)
    examples = [*toy_texts(9), *toy_pairs(9)]
    ids = [f.ids for f in problem.features(examples, "eng_Latn", training=False)]
    again = problem_of(toy_encoder().tokenizer).features(examples[::-1], "eng_Latn", training=False)
    assert [f.ids for f in again[::-1]] == ids
