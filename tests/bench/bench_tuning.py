"""Fine-tuning on UD and PAN-X text against the default way of the Hugging Face example scripts: examples a second.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_tuning --data DIR --size mini

DIR holds `ud` and `panx` (XL_DATA by default). The peer is what `run_ner.py` does without options, as a plain loop: an
`AutoModelForTokenClassification` model, sentences tokenised once, random order, DataCollatorForTokenClassification
(padding to the longest of the batch), the same batch size, AdamW, schedule and clipping. Ours is `fit_task` itself, all
that it does between two steps. The first step of each is left out; both see every sentence once. Seconds are those of
the process's CPU time, wall time on a GPU.
"""

import argparse
import copy
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import DataCollatorForTokenClassification, get_scheduler

from tests.bench.rows import note
from xl_encoders import Encoder, ModelConfig, new_encoder
from xl_tasks.datasets.tagging.conllu import load_udpos
from xl_tasks.datasets.tagging.panx import load_panx
from xl_tasks.examples import Examples
from xl_tasks.problems.tagging.problem import TaggingProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.fit import fit_task
from xl_tasks.tuning.inference import autocast, resolve_precision
from xl_tasks.tuning.problem import Feature
from xl_tasks.tuning.task_model import TaskModel
from xl_tasks.units.unit import AsWritten

LANGUAGES = {
    "ud": ("eng_Latn", "tur_Latn", "ell_Grek", "hun_Latn", "kor_Hang", "zho_Hans", "mlt_Latn"),
    "panx": ("eng_Latn", "tur_Latn", "ell_Grek", "heb_Hebr", "arb_Arab", "zho_Hans", "kor_Hang"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--size", default="mini")
    parser.add_argument("--pieces", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--most", type=int, default=0, help="sentences of each data set; 0 takes all")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("give --data or set XL_DATA")

    sets = {
        "ud": load_udpos(Path(arguments.data) / "ud", LANGUAGES["ud"]),
        "panx": load_panx(Path(arguments.data) / "panx", LANGUAGES["panx"]),
    }
    for name, data in sets.items():
        measure(name, data, arguments)


def measure(name: str, data: Examples, arguments: argparse.Namespace) -> None:
    sentences = {code: data.split(code, "train") for code in data.languages}
    if arguments.most:
        share = arguments.most // len(sentences)
        sentences = {code: examples[:share] for code, examples in sentences.items()}
    texts = [" ".join(e.words) for examples in sentences.values() for e in examples]
    encoder = new_encoder(texts, ModelConfig(size=arguments.size, pieces=arguments.pieces, max_len=128), seed=1)
    config = TuningConfig(max_len=128, batch=arguments.batch, epochs=1.0, precision=arguments.precision)
    problem = TaggingProblem(encoder.tokenizer, data.labels, unit=AsWritten(), config=config)
    features = [f for code in sorted(sentences) for f in problem.features(sentences[code], code, training=True)]
    tokens = sum(len(f.ids) for f in features)
    print(
        f"{name}: {arguments.size} encoder, {len(sentences)} languages, {len(features)} sentences, {tokens} tokens, "
        f"batch {arguments.batch}; {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}"
    )
    speeds = {
        "ours": ours(encoder, problem, sentences, config),
        "example script": peer(encoder, problem, features, config),
    }
    for way, speed in speeds.items():
        print(f"  {way:15} {speed:7.1f} examples/s")
    print(f"  ratio {speeds['ours'] / speeds['example script']:.2f}", flush=True)
    size = f"{arguments.size} encoder, {len(features)} sentences"
    own, script = speeds["ours"], speeds["example script"]
    note(f"fine-tuning, {name}", size, ours=own, peer=script, package="transformers", unit="examples/s", more=True)


def ours(encoder: Encoder, problem: TaggingProblem, sentences: dict, config: TuningConfig) -> float:
    times, counts = [], []

    def on_step(step) -> None:
        times.append(clock())
        counts.append(step.n_examples)

    fit_task(encoder, problem, sentences, {}, config, on_step=on_step)
    return sum(counts[1:]) / (times[-1] - times[0])


def peer(encoder: Encoder, problem: TaggingProblem, features: Sequence[Feature], config: TuningConfig) -> float:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = copy.deepcopy(TaskModel.of(encoder, problem, seed=1).model).to(device).train()
    rows: Any = [{"input_ids": f.ids, "attention_mask": [1] * len(f.ids), "labels": list(f.target)} for f in features]
    collator = DataCollatorForTokenClassification(encoder.tokenizer)
    torch.manual_seed(1)
    loader = DataLoader(rows, batch_size=config.batch, shuffle=True, collate_fn=collator)
    decay = [p for p in model.parameters() if p.ndim > 1], [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay[0], "weight_decay": config.weight_decay}, {"params": decay[1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, fused=True)
    schedule = get_scheduler("linear", optimizer, 0, len(loader))
    precision = resolve_precision(config.precision, device)
    started, count = 0.0, 0
    for number, batch in enumerate(loader):
        with autocast(precision, device):
            loss = model(**batch.to(device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss.item()
        if number:
            count += len(batch["input_ids"])
        else:
            started = clock()
    return count / (clock() - started)


def clock() -> float:
    """Seconds, of which differences are taken."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


if __name__ == "__main__":
    main()
