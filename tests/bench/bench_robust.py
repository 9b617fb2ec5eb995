"""What a step of robust training costs beside a plain one, and whether it does what it says on SIB-200.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_robust --data DIR

DIR holds `sib200` (XL_DATA by default). Cost: forward, backward and update of one batch of training sentences, plain
and robust in turn, the best of the rounds, CPU time of the process, wall time on a GPU. An adversarial step of k inner
steps makes k passes with a gradient of the input alone (2 units of a forward pass each) beside the usual pass (3
units): 1 + 2k / 3 plain steps are expected, a naive k + 1. Effect: one encoder is fitted to English topics plainly, and
its loss on the training and the test sentences is taken as they are, at random shifts and at the worst ones; then the
same after adversarial training.
"""

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from xl_encoders import ModelConfig, new_encoder
from xl_tasks import Perturbation, RobustConfig
from xl_tasks.datasets.classification.sib200_topics import load_sib200_topics
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import FittedModel, fit_task
from xl_tasks.tuning.inference import autocast, resolve_precision
from xl_tasks.tuning.task_model import TaskModel, mean_embedding_norm
from xl_tasks.units.unit import AsWritten

LANGUAGE = "eng_Latn"
FORMS = {
    "at, 3 steps": RobustConfig(),
    "at, 1 step": RobustConfig(steps=1),
    "at both, 3 steps": RobustConfig(loss="both"),
    "at kl, 3 steps": RobustConfig(loss="kl"),
    "rs-rp": RobustConfig(kind="rs-rp"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--eps-rel", type=float, default=0.05)
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("give --data or set XL_DATA")

    data = load_sib200_topics(Path(arguments.data) / "sib200", [LANGUAGE])
    train, test = (list(data.split(LANGUAGE, split)) for split in ("train", "test"))
    encoder = new_encoder([e.first for e in train], ModelConfig(size=arguments.size, pieces=2000, max_len=96), seed=0)
    config = TuningConfig(epochs=arguments.epochs, lr=1e-3, batch=32, max_len=96, keep="last")
    problem = ClassificationProblem(encoder.tokenizer, data.labels, unit=AsWritten(), config=config)
    norm = mean_embedding_norm(encoder)
    cost(TaskModel.of(encoder, problem, seed=0), problem, train[:32], norm, arguments.rounds)

    print(f"\nmean loss on English topics (chance {math.log(len(data.labels)):.3f}), eps_rel {arguments.eps_rel}")
    print("trained  | sentences |   clean    rs-rp       at   accuracy clean")
    robust = RobustConfig(eps_rel=arguments.eps_rel)
    shift = Perturbation.of(robust, norm)
    for name, perturbation in (("plainly", None), ("by at", shift)):
        fitted = fit_task(encoder, problem, {LANGUAGE: train}, {}, config, perturbation=perturbation)
        assert isinstance(fitted, FittedModel)
        for split, examples in (("train", train), ("test", test)):
            values = losses(fitted.model, problem, examples, robust, norm)
            right = sum(p == e.label for p, e in zip(fitted.predict(examples, LANGUAGE), examples, strict=True))
            print(
                f"{name:8} | {split:9} | " + " ".join(f"{v:8.4f}" for v in values) + f"   {right / len(examples):.3f}"
            )


def cost(model: TaskModel, problem: ClassificationProblem, examples: list, norm: float, rounds: int) -> None:
    """Milliseconds of a training step, plain and in each robust form."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    precision = resolve_precision("auto", device)
    features = problem.features(examples, LANGUAGE, training=True)
    batch = model.collate(features).to(device)
    target = problem.targets(features, batch.ids.shape[1]).to(device)
    width = model.model.config.hidden_size

    def forward(delta: torch.Tensor | None = None) -> torch.Tensor:
        with autocast(precision, device):
            return model(batch, delta)

    def criterion(logits: torch.Tensor) -> torch.Tensor:
        return problem.loss(logits.float(), target)

    def step(loss_of: Callable[[], torch.Tensor]) -> float:
        clock = time.perf_counter if device.type == "cuda" else time.process_time
        started = clock()
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (clock() - started)

    kinds: dict[str, Callable[[], torch.Tensor]] = {"plain": lambda: criterion(forward())}
    for name, config in FORMS.items():
        perturbation = Perturbation.of(config, norm)
        kinds[name] = lambda perturbation=perturbation: perturbation.loss(
            forward, criterion, content=batch.content, width=width, kind="classification"
        )
    times = {name: [step(loss_of) for _ in range(1)] for name, loss_of in kinds.items()}  # warm
    for _ in range(rounds):
        for name, loss_of in kinds.items():
            times[name].append(step(loss_of))
    best = {name: min(values[1:]) for name, values in times.items()}
    print(f"{device}, {tuple(batch.ids.shape)} tokens, {torch.get_num_threads()} threads, best of {rounds} rounds")
    print("step               |       ms   ratio to plain")
    for name, value in best.items():
        print(f"{name:18} | {value:8.1f}   {value / best['plain']:6.2f}")


def losses(
    model: TaskModel, problem: ClassificationProblem, examples: list, robust: RobustConfig, norm: float
) -> tuple[float, float, float]:
    """Mean loss of the examples without dropout: as they are, at a random shift, at the worst one found."""
    model.eval()
    random = Perturbation.of(RobustConfig(kind="rs-rp", eps_rel=robust.eps_rel), norm)
    worst = Perturbation.of(robust, norm)
    sums = [0.0, 0.0, 0.0]
    for start in range(0, len(examples), 32):
        features = problem.features(examples[start : start + 32], LANGUAGE, training=True)
        batch = model.collate(features).to(model.device)
        target = problem.targets(features, batch.ids.shape[1]).to(model.device)
        generator = torch.Generator().manual_seed(start)
        options: dict[str, Any] = {
            "content": batch.content,
            "width": model.model.config.hidden_size,
            "generator": generator,
        }
        with torch.no_grad():
            values = [problem.loss(model(batch), target)]
            for perturbation in (random, worst):
                values.append(
                    perturbation.loss(
                        lambda delta, batch=batch: model(batch, delta),
                        lambda logits, target=target: problem.loss(logits, target),
                        **options,
                    )
                )
        sums = [total + float(value) * len(features) for total, value in zip(sums, values, strict=True)]
    return (sums[0] / len(examples), sums[1] / len(examples), sums[2] / len(examples))


if __name__ == "__main__":
    main()
