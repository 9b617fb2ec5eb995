"""Peak memory and time of one joint batch, plain autograd against the gradient cache. Run by hand.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_gradient_cache --size mini --pairs 64 128 256 512 1024

Plain keeps the activations of the whole batch; the cache (ours; the formula of Gao et al. 2021) those of one pass of
`--tokens` tokens. Each figure is a process of its own: the greatest resident memory of one forward and backward pass
(VmHWM of /proc/self/status, or what CUDA allocated at most), less what the process held before, gradients included; and
its wall time. Sentences are random ids of `--length` tokens, words of 5.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

from xl_encoders import Encoder, ModelConfig, PairBatch, Share, TextPart, VectorPart, backward_batch, new_encoder
from xl_encoders.training.vector_part import TeacherWords
from xl_objectives import DccaConfig, SeqConfig

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="mini")
    parser.add_argument("--pairs", type=int, nargs="*", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--words", type=int, nargs="*", default=[64, 256, 1024])
    parser.add_argument("--length", type=int, default=32, help="tokens of a sentence, specials included")
    parser.add_argument("--tokens", type=int, default=2048, help="most tokens of a pass with the cache")
    parser.add_argument("--rounds", type=int, default=1, help="the least of so many runs")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, n, cached = arguments.one
        print(json.dumps(measure(arguments, kind, int(n), cached == "cached")))
        return
    print(f"{arguments.size} encoder, sentences of {arguments.length} tokens, passes of {arguments.tokens} tokens")
    print(f"{'':10} {'plain MiB':>10} {'cached MiB':>11} {'ratio':>6}   {'plain s':>8} {'cached s':>9} {'ratio':>6}")
    for kind, sizes in (("seq", arguments.pairs), ("dcca", arguments.words)):
        for n in sizes:
            runs = {}
            for way in ("plain", "cached"):
                found = [in_a_process(kind, n, way) for _ in range(arguments.rounds)]
                runs[way] = [min(values) for values in zip(*found, strict=True)]
            (memory, seconds), (own_memory, own_seconds) = runs["plain"], runs["cached"]
            print(
                f"{kind:5}{n:5} {memory:10.0f} {own_memory:11.0f} {memory / own_memory:6.1f}   "
                f"{seconds:8.2f} {own_seconds:9.2f} {own_seconds / seconds:6.2f}",
                flush=True,
            )


def in_a_process(kind: str, n: int, way: str) -> list[float]:
    command = [sys.executable, "-m", "tests.bench.bench_gradient_cache", *sys.argv[1:], "--one", kind, str(n), way]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(arguments: argparse.Namespace, kind: str, n: int, cached: bool) -> list[float]:
    """Peak memory in MiB above what the process held before, and seconds, of one forward and backward pass."""
    encoder = prepare(arguments.size)
    tokens = arguments.tokens if cached else 1 << 40
    part = sentences(encoder, n, arguments.length, tokens) if kind == "seq" else words(encoder, n, tokens)
    batch = part.draw(0)

    def run(batch: object) -> None:
        backward_batch(
            part, batch, {kind: 1.0}, share=Share(), seed=1, cached=cached, backward=lambda loss: loss.backward(),
            autocast=nullcontext, width=encoder.width, device=encoder.device,
        )  # fmt: skip

    gc.collect()
    before = peak(encoder.device, reset=True)
    start = time.perf_counter()
    run(batch)
    if encoder.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    return [(peak(encoder.device, reset=False) - before) / 2**20, seconds]


def prepare(size: str) -> Encoder:
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list(_LETTERS), 6)) for _ in range(400)]
    encoder = new_encoder(texts, ModelConfig(size=size, pieces=300, max_len=128), seed=1).train()
    return encoder.to("cuda" if torch.cuda.is_available() else "cpu")


def sentences(encoder: Encoder, n: int, length: int, tokens: int) -> TextPart:
    ids = np.random.default_rng(1).integers(5, 250, size=(2, n, length - 2)).tolist()

    class Fixed:
        n_per_epoch = 1

        def __getitem__(self, number: int) -> PairBatch:
            return PairBatch(ids[0], ids[1], torch.arange(2 * n).reshape(2, n))

    return TextPart(encoder, Fixed(), {"seq": SeqConfig()}, tokens=tokens)


def words(encoder: Encoder, n: int, tokens: int) -> VectorPart:
    random = np.random.default_rng(2)
    strings = ["".join(random.choice(list(_LETTERS), 8)) for _ in range(n)]
    vectors = TeacherWords(
        words=strings, vectors=random.normal(size=(n, 300)).astype(np.float32), groups=np.zeros(n, dtype=np.int64)
    )
    return VectorPart(encoder, vectors, "dcca", DccaConfig(max_len=7), batch=n, tokens=tokens)


def peak(device: torch.device, *, reset: bool) -> float:
    """Bytes held at most so far; with `reset` bytes held now, from which the next peak is counted."""
    if device.type == "cuda":
        if reset:
            torch.cuda.reset_peak_memory_stats()
            return torch.cuda.memory_allocated()
        return torch.cuda.max_memory_allocated()
    if reset:
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to VmRSS
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS" if reset else "VmHWM")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
