"""The fine-tuning loop: against transformers and torch step by step, and by what must hold whatever the numbers are."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.conftest import family, family_folder, in_units, loaded  # noqa: F401
from tests.tasks.tuning_toys import (
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
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from xl_encoders import learning_rate
from xl_tasks import TaskError
from xl_tasks.examples import TaggedSentence
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import FittedModel, fit_config, fit_task
from xl_tasks.tuning.inference import like_length_batches, resolve_precision

ENG = "eng_Latn"


def settings(**options) -> TuningConfig:
    given: dict[str, Any] = {"max_len": 48, "batch": 8, "lr": 1e-3, "epochs": 1.0, **options}
    return TuningConfig(**given)


def problems(encoder, config):
    return {
        "classification": (classification(encoder, config), toy_texts),
        "pairs": (classification(encoder, config), toy_pairs),
        "tagging": (ToyTagging(encoder.tokenizer), toy_sentences),
        "answering": (ToyAnswering(encoder.tokenizer), toy_questions),
    }


def weights(fitted) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in fitted.model.model.state_dict().items()}


def same(a, b, atol=0.0) -> bool:
    return all(torch.allclose(a[name], b[name], rtol=0, atol=atol) for name in a)


@pytest.mark.parametrize("kind", ["classification", "tagging"])
def test_one_step_is_that_of_transformers_own_model(kind, tmp_path):
    """Same start, same examples: loss, gradient norm and weights after AdamW against the model's own loss."""
    encoder = toy_encoder(dropout=0.0)
    config = settings(steps=1, schedule="constant", weight_decay=0.1, clip=0.3, batch=6)
    problem, data = problems(encoder, config)[kind]
    train = {ENG: data(6)}
    start = fit_task(encoder, problem, train, {}, settings(steps=1, lr=1e-30, weight_decay=0.0, batch=6))
    start.save(tmp_path / "start")
    auto = AutoModelForSequenceClassification if kind == "classification" else AutoModelForTokenClassification
    theirs = auto.from_pretrained(tmp_path / "start").train()
    seen = []
    fitted = fit_task(encoder, problem, train, {}, config, on_step=seen.append)
    features = problem.features(train[ENG], ENG, training=True)
    rows = encoder.tokenizer.pad({"input_ids": [f.ids for f in features]}, return_tensors="pt")
    if kind == "classification":
        labels = torch.tensor([f.target for f in features])
    else:
        length = rows["input_ids"].shape[1]
        labels = torch.tensor([f.target + [-100] * (length - len(f.target)) for f in features])
    loss = theirs(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"], labels=labels).loss
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.3)
    decayed = [p for n, p in theirs.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    plain = [p for n, p in theirs.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    torch.optim.AdamW(groups, lr=1e-3).step()
    assert seen[0].loss == pytest.approx(loss.item(), rel=1e-5)
    assert seen[0].grad_norm == pytest.approx(norm.item(), rel=1e-4)
    # Adam's first step is the gradient's sign: where that is rounding alone, a weight may go either way.
    found = weights(fitted)
    off = sum(int((~torch.isclose(found[k], v, atol=1e-5)).sum()) for k, v in theirs.state_dict().items())
    assert off < 1e-3 * sum(v.numel() for v in found.values())
    assert fitted.steps == fitted.kept == 1


@pytest.mark.parametrize("kind", ["classification", "tagging", "answering"])
def test_accumulation_does_not_change_a_step(kind):
    """Micro-batches of 8, 8 and 3 against one of 19: the mean is over the labelled items, not over micro-batches."""
    encoder = toy_encoder(dropout=0.0)
    seen = []
    for batch, accumulate in ((19, 1), (8, 3)):
        config = settings(steps=1, batch=batch, accumulate=accumulate)
        problem, data = problems(encoder, config)[kind]
        fit_task(encoder, problem, {ENG: data(19)}, {}, config, on_step=seen.append)
    assert seen[0].n_examples == seen[1].n_examples == 19
    assert seen[1].loss == pytest.approx(seen[0].loss, rel=1e-5)
    assert seen[1].grad_norm == pytest.approx(seen[0].grad_norm, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "mode"),
    thinned(
        [(kind, "full") for kind in ("classification", "pairs", "tagging", "answering")]
        + [(kind, "lora") for kind in ("classification", "tagging", "answering")],
        3,
    ),
)
def test_learns_a_toy_task(kind, mode):
    if mode == "lora":
        pytest.importorskip("peft")  # of the extra lora
    encoder = toy_encoder()
    config = settings(mode=mode, epochs=8 if kind == "pairs" else 4, batch=16, lr=5e-3 if mode == "lora" else 1e-3)
    problem, data = problems(encoder, config)[kind]
    fitted = fit_task(encoder, problem, {ENG: data(160)}, {ENG: data(40, 5)}, config)
    test = data(60, 9)
    assert problem.measures(test, fitted.predict(test, ENG), ENG)[0].value > 0.9


@pytest.mark.parametrize("mode", thinned(["full", "lora"], 2))
def test_same_seed_same_weights_and_nothing_else_is_touched(mode):
    if mode == "lora":
        pytest.importorskip("peft")
    encoder = toy_encoder()
    before = {k: v.clone() for k, v in encoder.model.state_dict().items()}
    training = encoder.training
    found = []
    for seed, noise in ((1, 0), (1, 7), (2, 0)):
        config = settings(mode=mode, epochs=2.0, seed=seed)
        problem, data = problems(encoder, config)["tagging"]
        torch.manual_seed(noise)
        np.random.seed(noise)
        state = torch.random.get_rng_state()
        found.append(weights(fit_task(encoder, problem, {ENG: data(20)}, {ENG: data(9, 1)}, config)))
        assert torch.equal(torch.random.get_rng_state(), state)
    assert same(found[0], found[1])
    assert not same(found[0], found[2], atol=1e-4)
    assert all(torch.equal(v, before[k]) for k, v in encoder.model.state_dict().items())
    assert encoder.training == training


def test_order_of_languages_does_not_matter():
    encoder, found = toy_encoder(), []
    for codes in (("eng_Latn", "tur_Latn"), ("tur_Latn", "eng_Latn")):
        config = settings()
        problem, data = problems(encoder, config)["tagging"]
        train = {code: data(9, {"eng_Latn": 1, "tur_Latn": 2}[code]) for code in codes}
        found.append(weights(fit_task(encoder, problem, train, train, config)))
    assert same(*found)


def scripted(values, encoder, config):
    """A problem whose dev scores are given beforehand."""
    left = iter(values)

    class Scripted(ToyTagging):
        def measures(self, examples, predictions, language):
            [measure] = super().measures(examples, predictions, language)
            stats = np.tile([next(left), 1.0], (len(examples), 1))
            return [type(measure)(metric="accuracy", form="mean", stats=stats)]

    return Scripted(encoder.tokenizer)


@pytest.mark.parametrize(
    ("values", "options", "kept", "scored"),
    thinned(
        [
            ((0.1, 0.5, 0.5, 0.2), {}, 4, (2, 4, 6, 8)),  # the first of equals
            ((0.9, 0.1, 0.1, 0.2), {}, 2, (2, 4, 6, 8)),
            ((0.1, 0.2, 0.3, 0.4), {}, 8, (2, 4, 6, 8)),
            ((0.1, 0.5, 0.4, 0.3), {"patience": 2}, 4, (2, 4, 6, 8)),
            ((0.5, 0.4, 0.3), {"patience": 2}, 2, (2, 4, 6)),
            ((0.5, 0.4, 0.6), {"every": 3}, 8, (3, 6, 8)),
            ((0.5, 0.4, 0.6), {"every": 3, "patience": 1}, 3, (3, 6)),
            ((0.5,), {"keep": "last"}, 8, (8,)),
            ((0.5, 0.4), {"keep": "last", "patience": 1}, 4, (2, 4)),
        ],
        3,
    ),
    ids=["first-of-equals", "first", "last", "patient", "early", "every", "every-early", "keep-last", "last-early"],
)
def test_the_best_state_is_kept(values, options, kept, scored):
    """16 sentences in batches of 8: two steps an epoch. The kept weights are those of a run that ended there."""
    encoder, config = toy_encoder(), settings(epochs=4.0, schedule="constant", **options)
    _, data = problems(encoder, config)["tagging"]
    train, dev = {ENG: data(16)}, {ENG: data(5, 1)}
    said = []
    fitted = fit_task(
        encoder, scripted(values, encoder, config), train, dev, config, on_score=lambda *pair: said.append(pair)
    )
    assert tuple(fitted.scores) == scored
    assert list(fitted.scores.values()) == pytest.approx(values[: len(scored)])
    assert said == list(fitted.scores.items())
    assert fitted.kept == kept
    assert fitted.steps == scored[-1]
    short = fit_task(encoder, ToyTagging(encoder.tokenizer), train, {}, settings(steps=kept, schedule="constant"))
    assert same(weights(fitted), weights(short))


def test_without_dev_the_last_state_is_kept():
    encoder, config = toy_encoder(), settings(epochs=2.0)
    problem, data = problems(encoder, config)["classification"]
    fitted = fit_task(encoder, problem, {ENG: data(16)}, {}, config)
    assert (fitted.steps, fitted.kept, fitted.scores) == (4, 4, {})


def test_every_example_is_seen_once_an_epoch():
    encoder, config = toy_encoder(), settings(epochs=2.5, batch=4, accumulate=2)
    seen = []

    class Watched(ToyTagging):
        def targets(self, batch, length):
            seen.extend(feature.example for feature in batch)
            return super().targets(batch, length)

    steps = []
    fit_task(encoder, Watched(encoder.tokenizer), {ENG: toy_sentences(21)}, {}, config, on_step=steps.append)
    assert [sum(step.n_examples for step in steps[i : i + 3]) for i in (0, 3)] == [21, 21]
    assert len(steps) == math.ceil(2.5 * 3) == steps[0].n_steps
    assert sorted(seen[:21]) == sorted(seen[21:42]) == list(range(21))
    assert seen[:21] != seen[21:42]


@pytest.mark.parametrize("family", thinned(["xlmr", "canine", "xphonebert"], 3), indirect=True)
def test_predictions_do_not_depend_on_neighbours_or_order(family, request):  # noqa: F811
    name = request.node.callspec.params["family"]
    separator = "▁" if name == "xphonebert" else ""
    sentences = [
        TaggedSentence(key=e.key, words=tuple(in_units(name, word) for word in e.words), tags=e.tags)
        for e in toy_sentences(14, 3)
    ]
    problem = ToyTagging(family.tokenizer, separator=separator)
    fitted = fit_task(family, problem, {ENG: sentences}, {}, settings(epochs=1.0, lr=1e-2))
    together = fitted.logits(sentences, ENG)
    features = problem.features(sentences, ENG, training=False)
    assert [len(row) for row in together] == [len(feature.ids) for feature in features]
    backwards = fitted.logits(sentences[::-1], ENG)[::-1]
    for row, other, sentence in zip(together, backwards, sentences, strict=True):
        [alone] = fitted.logits([sentence], ENG)
        assert np.allclose(row, alone, atol=1e-5)
        assert np.allclose(row, other, atol=1e-5)
    assert all(len(tags) == len(s.words) for tags, s in zip(fitted.predict(sentences, ENG), sentences, strict=True))


def test_like_length_batches_hold_everything_once():
    lengths = np.random.default_rng(1).integers(1, 200, size=400).tolist()
    for multiple in (1, 128):
        batches = like_length_batches(lengths, multiple, torch.device("cpu"))
        assert sorted(i for batch in batches for i in batch) == list(range(400))
        for batch in batches:
            padded = {-(-lengths[i] // multiple) * multiple for i in batch}
            assert max(padded) * len(batch) <= 4096
            assert min(padded) >= 0.85 * max(padded)
    assert like_length_batches([], 1, torch.device("cpu")) == []
    assert like_length_batches([9000, 3], 1, torch.device("cpu")) == [[0], [1]]


def test_schedules():
    def rates(**options):
        config = fit_config(settings(lr=1.0, **options), 10, "no")
        return [learning_rate(step, 10, config) for step in range(10)]

    assert rates(schedule="constant") == [1.0] * 10
    assert rates() == pytest.approx([1 - i / 10 for i in range(10)])
    assert rates(schedule="cosine") == pytest.approx([(1 + math.cos(math.pi * i / 10)) / 2 for i in range(10)])
    for warmup in (0.4, 4):  # a share, and a number of steps
        assert rates(warmup=warmup)[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert rates(warmup=warmup)[4:] == pytest.approx([1 - i / 6 for i in range(6)])
    assert rates(warmup=100) == pytest.approx([(i + 1) / 11 for i in range(10)])


def test_metric_of_the_dev_score_is_chosen_by_name():
    encoder, config = toy_encoder(), settings(metric="precision")
    problem, data = problems(encoder, config)["classification"]
    with pytest.raises(TaskError, match=r"metric is 'precision'; this task has accuracy\."):
        fit_task(encoder, problem, {ENG: data(8)}, {ENG: data(8)}, config)


@pytest.mark.parametrize(
    ("train", "options", "message"),
    [
        ({ENG: []}, {}, "no training examples in eng_Latn"),
        ({}, {}, "no training examples in any language"),
        ({ENG: toy_texts(4)}, {"max_len": 64}, "max_len is 64, but .* has positions for 48 tokens"),
        ({ENG: toy_texts(4)}, {"lr": 1e30, "steps": 5}, r"step \d: the loss is (nan|inf); lower lr"),
        ({ENG: toy_texts(4)}, {"precision": "fp16"}, "precision is fp16, which needs a GPU"),
    ],
    ids=["empty", "none", "too-long", "diverged", "fp16"],
)
def test_errors_are_sentences(train, options, message):
    if torch.cuda.is_available() and "precision" in options:
        pytest.skip("there is a GPU")
    encoder, config = toy_encoder(), settings(**options)
    with pytest.raises(TaskError, match=message):
        fit_task(encoder, classification(encoder, config), train, {}, config)


def test_inputs_longer_than_the_positions_are_refused():
    encoder = toy_encoder()
    long = TaggedSentence(key="1", words=("cat",) * 60, tags=("NOUN",) * 60)
    with pytest.raises(TaskError, match="an input has 62 tokens, more than new has positions for"):
        fit_task(encoder, ToyTagging(encoder.tokenizer), {ENG: [long]}, {}, settings())


@pytest.mark.slow
def test_bf16_trains_and_predicts():
    encoder, config = toy_encoder(), settings(precision="bf16", epochs=3.0, batch=16)
    problem, data = problems(encoder, config)["tagging"]
    fitted = fit_task(encoder, problem, {ENG: data(120)}, {}, config)
    test = data(30, 9)
    assert problem.measures(test, fitted.predict(test, ENG), ENG)[0].value > 0.9
    assert all(row.dtype == np.float32 for row in fitted.logits(test, ENG))
    assert isinstance(fitted, FittedModel)
    assert {p.dtype for p in fitted.model.parameters()} == {torch.float32}
    assert resolve_precision("auto", torch.device("cpu")) == "no"
    # Another precision in the same process.
    fit_task(encoder, problem, {ENG: data(8)}, {}, settings())


class Recording:
    """Robust training's interface: the loss of a shifted input, with what the loop hands over."""

    layer = 0

    def __init__(self, scale):
        self.scale = scale
        self.seen = []

    def loss(self, forward, criterion, *, content, width, generator, kind):
        delta = torch.randn(*content.shape, width, generator=generator) * self.scale * content[..., None]
        plain, moved = criterion(forward(None)), criterion(forward(delta))
        self.seen.append((content.clone(), width, delta, plain.item(), moved.item()))
        return moved


def test_perturbed_training():
    encoder, config = toy_encoder(dropout=0.0), settings(epochs=1.0, seed=3)
    problem, data = problems(encoder, config)["classification"]
    train, found = {ENG: data(16)}, {}
    runs: dict[str, Any] = {}
    for name, scale in (("none", None), ("zero", 0.0), ("some", 0.5), ("again", 0.5)):
        runs[name] = Recording(scale) if scale is not None else None
        found[name] = weights(fit_task(encoder, problem, train, {}, config, perturbation=runs[name]))
    assert same(found["none"], found["zero"])
    assert not same(found["none"], found["some"], atol=1e-4)
    assert same(found["some"], found["again"])
    for content, width, delta, plain, moved in runs["some"].seen:
        assert width == encoder.width
        assert content.dtype == torch.bool
        assert not content[:, 0].any()  # <s>
        assert delta.shape == (*content.shape, width)
        assert plain != moved


def test_perturbation_and_probe_do_not_go_together():
    encoder, config = toy_encoder(), settings(mode="probe")
    problem, data = problems(encoder, config)["classification"]
    perturbation: Any = Recording(0.1)
    with pytest.raises(TaskError, match="robust training moves weights"):
        fit_task(encoder, problem, {ENG: data(8)}, {}, config, perturbation=perturbation)


@pytest.mark.gpu
def test_gpu_learns_in_half_precision():
    encoder, config = toy_encoder(), settings(epochs=4.0, batch=16)
    problem, data = problems(encoder, config)["tagging"]
    fitted = fit_task(encoder, problem, {ENG: data(160)}, {ENG: data(40, 5)}, config)
    assert isinstance(fitted, FittedModel)
    assert fitted.precision == "bf16"
    assert fitted.model.device.type == "cuda"
    test = data(60, 9)
    assert problem.measures(test, fitted.predict(test, ENG), ENG)[0].value > 0.9


@pytest.mark.parametrize(("keep", "chosen"), [("last", "steady"), ("best", "peaked")])
def test_a_trial_is_chosen_by_the_state_that_is_kept(monkeypatch, keep, chosen):
    """One candidate passes a higher score than the other's and ends below it."""
    from xl_tasks.protocols import transfer

    encoder, config = toy_encoder(), settings(epochs=2.0, every=2, keep=keep)
    _, data = problems(encoder, config)["tagging"]
    scores = {"peaked": (0.9, 0.2), "steady": (0.4, 0.5)}
    left = iter(scores.values())
    monkeypatch.setattr(transfer, "make_problem", lambda *_: scripted(next(left), encoder, config))
    candidates = tuple(SimpleNamespace(name=name, tuning=config, robust=None) for name in scores)
    train, dev = data(16), data(5, 1)
    trial: Any = SimpleNamespace(
        encoder=encoder, entry=SimpleNamespace(name="toy"), unit="subword", layer=None, pooling="", train=(ENG,),
        dev=(ENG,), train_limit=0, candidates=candidates,
        examples=SimpleNamespace(split=lambda *_: train, by_language={ENG: {"dev": dev}}),
    )  # fmt: skip
    monkeypatch.setattr(transfer, "_augmented", lambda train, *_: train)
    monkeypatch.setattr(transfer, "_perturbation", lambda *_: None)
    run = transfer.TrialRun(trial)
    run.fit()
    assert run.chosen is not None
    assert run.fitted is not None
    assert run.chosen.name == chosen
    assert run.fitted.score == pytest.approx(scores[chosen][1] if keep == "last" else 0.9)
