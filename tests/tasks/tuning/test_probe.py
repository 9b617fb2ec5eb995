"""The linear probe against scikit-learn by hand, on states that transformers gives."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tests.encoders.conftest import family, family_folder, in_units, loaded  # noqa: F401
from tests.tasks.tuning_toys import (
    COLOURS,
    TAGS,
    ToyAnswering,
    ToyTagging,
    classification,
    toy_encoder,
    toy_pairs,
    toy_questions,
    toy_sentences,
    toy_texts,
)
from tests.thinned import thinned

from xl_tasks import TaskError
from xl_tasks.examples import TaggedSentence, TextExample
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import fit_task
from xl_tasks.tuning.probe import GRID, FittedProbe

ENG = "eng_Latn"
CONFIG = TuningConfig(mode="probe", max_len=48)


def probe(*arguments: Any, **options: Any) -> FittedProbe:
    fitted = fit_task(*arguments, **options)
    assert isinstance(fitted, FittedProbe)
    return fitted


def states_by_hand(encoder, text, layer):
    """(len, width) states of one text alone, specials included."""
    rows = encoder.tokenizer(text, return_tensors="pt")
    base = encoder.model.base_model.eval()
    with torch.no_grad():
        out = base(rows["input_ids"], attention_mask=rows["attention_mask"], output_hidden_states=True)
    return out.hidden_states[layer][0].numpy()


def by_hand(x, y, dev_x, dev_y, test_x):
    """Predictions of the best C of the grid, as numbers of classes, and that C."""
    scaler = StandardScaler().fit(x)
    best: Any = None
    for c in GRID:
        model = LogisticRegression(C=c, max_iter=5000, tol=1e-6).fit(scaler.transform(x), y)
        score = (model.predict(scaler.transform(dev_x)) == dev_y).mean()
        if best is None or score > best[0]:
            best = score, c, model
    return best[2].predict_log_proba(scaler.transform(test_x)), best[1], best[0]


@pytest.mark.parametrize("layer", thinned([0, -1], 2))
@pytest.mark.parametrize("kind", ["texts", "pairs"])
def test_classification_is_logistic_regression_on_pooled_states(kind, layer):
    encoder = toy_encoder()
    data = toy_texts if kind == "texts" else toy_pairs
    problem = classification(encoder, CONFIG)
    train, dev, test = data(50), data(30, 5), data(20, 9)
    fitted = probe(encoder, problem, {ENG: train}, {ENG: dev}, CONFIG, layer=layer)

    def features(examples):
        rows = []
        for e in examples:
            u = states_by_hand(encoder, e.first, layer)[1:-1].mean(0)
            if kind == "pairs":
                v = states_by_hand(encoder, e.second, layer)[1:-1].mean(0)
                u = np.concatenate([u, v, np.abs(u - v), u * v])
            rows.append(u)
        return np.array(rows, dtype=np.float64)

    def numbers(examples):
        return np.array([COLOURS.index(e.label) for e in examples])

    expected, c, score = by_hand(features(train), numbers(train), features(dev), numbers(dev), features(test))
    assert fitted.line.c == c
    assert fitted.scores == {0: pytest.approx(score)}
    logits = np.array(fitted.logits(test, ENG), dtype=np.float64)
    log_odds = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    assert np.allclose(log_odds, expected, atol=0.02)
    assert fitted.predict(test, ENG) == [COLOURS[i] for i in expected.argmax(1)]
    assert (fitted.steps, fitted.kept) == (0, 0)
    assert fitted.layer == encoder.resolve_layer(layer)


@pytest.mark.parametrize("pooling", ["first", "mean-all"])
def test_pooling_is_followed(pooling):
    encoder = toy_encoder()
    train = toy_texts(30)
    fitted = probe(encoder, classification(encoder, CONFIG), {ENG: train}, {}, CONFIG, pooling=pooling)
    states = [states_by_hand(encoder, e.first, -1) for e in train]
    pooled = np.array([rows[0] if pooling == "first" else rows.mean(0) for rows in states])
    assert np.allclose(fitted.line.mean, pooled.mean(0), atol=1e-5)
    assert np.allclose(fitted.line.deviation, pooled.std(0), atol=1e-5)
    assert fitted.scores == {}


@pytest.mark.parametrize("family", thinned(["xlmr", "canine", "xphonebert"], 3), indirect=True)
def test_tagging_reads_the_first_token_of_each_word(family, request):  # noqa: F811
    name = request.node.callspec.params["family"]
    separator = "▁" if name == "xphonebert" else ""

    def data(n, seed):
        return [
            TaggedSentence(key=e.key, words=tuple(in_units(name, word) for word in e.words), tags=e.tags)
            for e in toy_sentences(n, seed)
        ]

    problem = ToyTagging(family.tokenizer, separator=separator)
    train, dev, test = data(25, 1), data(15, 2), data(8, 3)
    fitted = probe(family, problem, {ENG: train}, {ENG: dev}, CONFIG, layer=-1)

    def features(sentences):
        rows, tags = [], []
        for feature in problem.features(sentences, ENG, training=False):
            ids = torch.tensor(
                [feature.ids + [family.tokenizer.pad_token_id] * (-len(feature.ids) % family.pad_multiple)]
            )
            mask = (torch.arange(ids.shape[1]) < len(feature.ids)).long()[None]
            with torch.no_grad():
                states = family.model.base_model(ids, attention_mask=mask).last_hidden_state[0].numpy()
            places = [i for i, tag in enumerate(feature.target) if tag >= 0]
            rows.extend(states[places])
            tags.extend(feature.target[i] for i in places)
        return np.array(rows, dtype=np.float64), np.array(tags)

    x, y = features(train)
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=fitted.line.c, max_iter=5000, tol=1e-6).fit(scaler.transform(x), y)
    test_x, _ = features(test)
    expected = [TAGS[i] for i in model.predict(scaler.transform(test_x))]
    found = fitted.predict(test, ENG)
    assert [len(tags) for tags in found] == [len(e.words) for e in test]
    assert [tag for tags in found for tag in tags] == expected
    if name == "xlmr":
        assert fitted.scores[0] > 0.9


def test_the_same_probe_each_time_whatever_the_seed():
    encoder = toy_encoder()
    lines = []
    for seed in (1, 2):
        config = TuningConfig(mode="probe", max_len=48, seed=seed)
        torch.manual_seed(seed)
        problem = classification(encoder, config)
        lines.append(probe(encoder, problem, {ENG: toy_texts(40)}, {ENG: toy_texts(9, 2)}, config).line)
    assert np.array_equal(lines[0].weight, lines[1].weight)


def test_classes_without_examples_are_never_predicted():
    encoder = toy_encoder()
    problem = classification(encoder, CONFIG)
    problem = type(problem)(encoder.tokenizer, ("green", *COLOURS, "black"), unit=problem._unit, config=CONFIG)
    train = toy_texts(30)
    fitted = probe(encoder, problem, {ENG: train}, {}, CONFIG)
    logits = np.array(fitted.logits(train, ENG))
    assert (logits[:, [0, 3]] == -np.inf).all()
    assert np.isfinite(logits[:, 1:3]).all()
    assert set(fitted.predict(train, ENG)) <= set(COLOURS)
    with pytest.raises(TaskError, match="a single class"):
        fit_task(encoder, problem, {ENG: [e for e in train if e.label == "red"]}, {}, CONFIG)


def test_long_texts_are_cut_to_the_tasks_length():
    encoder = toy_encoder(dropout=0.0)
    config = TuningConfig(mode="probe", max_len=10)
    words = ["the", "cat", "sees", "a", "dog", "the", "bird", "sings", "a", "cat"]
    long = [TextExample(key=str(i), first=" ".join(words[i:] + words), label=COLOURS[i % 2]) for i in range(6)]
    fitted = probe(encoder, classification(encoder, config), {ENG: long}, {}, config)
    ids = [encoder.tokenizer(e.first, truncation=True, max_length=10)["input_ids"] for e in long]
    with torch.no_grad():
        states = [
            encoder.model.base_model(torch.tensor([row])).last_hidden_state[0, 1:-1].mean(0).numpy() for row in ids
        ]
    assert np.allclose(fitted.line.mean, np.mean(states, axis=0), atol=1e-5)


def test_questions_are_refused():
    encoder = toy_encoder()
    with pytest.raises(TaskError, match="a probe cannot answer questions; use full or lora"):
        fit_task(encoder, ToyAnswering(encoder.tokenizer), {ENG: toy_questions(4)}, {}, CONFIG)


def test_saved_probe_holds_the_line(tmp_path):
    encoder = toy_encoder()
    fitted = probe(encoder, classification(encoder, CONFIG), {ENG: toy_texts(30)}, {}, CONFIG, layer=1)
    fitted.save(tmp_path / "probe")
    arrays = load_file(tmp_path / "probe/probe.safetensors")
    about = json.loads((tmp_path / "probe/probe.json").read_text("utf-8"))
    assert about["labels"] == list(COLOURS)
    assert (about["layer"], about["pooling"], about["kind"]) == (1, "mean-content", "classification")
    example = toy_texts(1, 7)[0]
    state = states_by_hand(encoder, example.first, 1)[1:-1].mean(0)
    logits = arrays["weight"] @ ((state - arrays["mean"]) / arrays["deviation"]) + arrays["bias"]
    assert np.allclose(fitted.logits([example], ENG)[0], logits, atol=1e-4)
