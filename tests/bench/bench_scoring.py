"""Scoring 30 SIB-200 languages with one fine-tuned model against its forward passes alone. Run by hand.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_scoring --data DIR --size tiny

DIR holds `sib200` (XL_DATA by default). Ours is `Fitted.predict` and the measures, from strings: tokenising, batching,
forward, decoding, metrics. The peer does nothing but the forward passes: all texts of all languages tokenised, sorted
by length, padded and made tensors beforehand, in batches of the same number of tokens, across languages. The ways take
turns; a figure is the median of the rounds in seconds of the process's CPU time (wall time on a GPU).
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import torch

from xl_encoders import ModelConfig, new_encoder
from xl_tasks.datasets.classification.sib200_topics import load_sib200_topics
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import FittedModel, fit_task
from xl_tasks.tuning.inference import autocast, like_length_batches
from xl_tasks.units.unit import AsWritten


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--pieces", type=int, default=8000)
    parser.add_argument("--max-len", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("give --data or set XL_DATA")

    data = load_sib200_topics(Path(arguments.data) / "sib200")
    texts = [e.first for code in data.languages for e in data.split(code, "train")[::10]]
    encoder = new_encoder(texts, ModelConfig(size=arguments.size, pieces=arguments.pieces, max_len=160), seed=1)
    config = TuningConfig(max_len=arguments.max_len, steps=2, batch=16)

    def make_problem() -> ClassificationProblem:
        return ClassificationProblem(encoder.tokenizer, data.labels, unit=AsWritten(), config=config)

    problem = make_problem()
    fitted = fit_task(encoder, problem, {"eng_Latn": data.split("eng_Latn", "train")}, {}, config)
    assert isinstance(fitted, FittedModel)
    model = fitted.model
    tests = {code: data.split(code, "test") for code in data.languages}
    features = [f for code, examples in tests.items() for f in problem.features(examples, code, training=False)]
    lengths = [len(f.ids) for f in features]
    batches = [
        model.collate([features[i] for i in members]).to(model.device)
        for members in like_length_batches(lengths, model.pad_multiple, model.device)
    ]
    on_gpu = model.device.type == "cuda"

    def clock() -> float:
        if on_gpu:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    def ours() -> None:
        fitted.problem = make_problem()  # so that nothing is tokenised yet
        for code, examples in tests.items():
            fitted.problem.measures(examples, fitted.predict(examples, code), code)

    def bare() -> None:
        with torch.inference_mode(), autocast(fitted.precision, model.device):
            for batch in batches:
                model(batch)

    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(arguments.rounds + 1):
        for name, run in (("ours", ours), ("bare", bare)):
            started = clock()
            run()
            if number:  # the first round warms up
                seconds[name].append(clock() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"{arguments.size} encoder, {model.device}, {fitted.precision}; {len(tests)} languages, {len(features)} texts, "
        f"{sum(lengths)} tokens; {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}"
    )
    for name, values in seconds.items():
        print(f"{name:5} {medians[name]:7.2f} s  [{min(values):.2f}, {max(values):.2f}]")
    print(f"ours over bare forward passes: {medians['ours'] / medians['bare']:.2f}")


if __name__ == "__main__":
    main()
