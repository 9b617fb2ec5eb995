"""The loss of a probe on an encoder that is free, against the probe's own logits and plain autograd."""

import numpy as np
import pytest
import torch
from tests.tasks.tuning_toys import COLOURS, toy_encoder, toy_texts
from tests.thinned import thinned
from torch.nn import functional

from xl_encoders import objective_gradients, weights_by_layer
from xl_tasks import ProbePart, TaskError, TuningConfig
from xl_tasks.examples import TextExample
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.probe import fit_probe
from xl_tasks.units.unit import AsWritten


@pytest.mark.parametrize("pooling", thinned(["mean-content", "mean-all", "first"], 3))
def test_its_gradient_is_that_of_the_probes_cross_entropy(pooling: str) -> None:
    encoder = toy_encoder(dropout=0.1)
    train, dev = toy_texts(24), toy_texts(12, seed=1)
    config = TuningConfig(mode="probe", max_len=encoder.max_len)
    problem = ClassificationProblem(encoder.tokenizer, COLOURS, unit=AsWritten(), config=config)
    probe = fit_probe(encoder, problem, {"eng_Latn": train}, {"eng_Latn": dev}, config, layer=1, pooling=pooling)
    part = ProbePart(encoder, "topics", COLOURS, train, dev, "eng_Latn", layer=1, pooling=pooling, batch=24)
    found = objective_gradients(encoder, [part], n_batches=1)["topics"]

    encoder.eval()
    line = probe.line
    losses = []
    for example in train:
        batch = encoder.batch([example.first])
        states = encoder(batch.ids, batch.real)[1][0]
        kept = batch.content[0] if pooling == "mean-content" else batch.real[0]
        vector = states[0] if pooling == "first" else states[kept].mean(0)
        standard = (vector - torch.tensor(line.mean).float()) / torch.tensor(line.deviation).float()
        logits = torch.tensor(line.weight).float() @ standard + torch.tensor(line.bias).float()
        losses.append(functional.cross_entropy(logits, torch.tensor(COLOURS.index(example.label))))
    # What the loop reads is what the probe reads.
    logits = np.array(probe.feature_logits(problem.features(train, "eng_Latn", training=False), train, "eng_Latn"))
    classes = torch.tensor([COLOURS.index(example.label) for example in train])
    loss = torch.stack(losses).mean()
    assert loss.item() == pytest.approx(float(functional.cross_entropy(torch.tensor(logits), classes)), abs=1e-4)
    for layer, weights in weights_by_layer(encoder).items():
        expected = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        for ours, theirs in zip(found[layer], expected, strict=True):
            assert torch.allclose(ours, torch.zeros_like(ours) if theirs is None else theirs, atol=1e-5)


def test_pairs_of_texts_are_refused() -> None:
    pairs = [TextExample(key=str(n), first="a", second="b", label=COLOURS[n % 2]) for n in range(8)]
    with pytest.raises(TaskError, match="xnli: its examples are not single texts with a class"):
        ProbePart(toy_encoder(), "xnli", COLOURS, pairs, [], "eng_Latn", layer=1, pooling="first")
