"""Sentences embedded a second by `Encoder.embed` and by sentence-transformers' `encode`, on one model. Run by hand.

    OMP_NUM_THREADS=1 python -m tests.bench.bench_embed --model DIR [--data DIR] [--sizes 600 1500] [--rounds 2]

DIR holds `tatoeba` (XL_DATA by default): sentences of all its languages in a random order that is always the same. The
peer is the same folder with mean pooling, at its default batch of 32, sorted by length as it does by itself. The ways
take turns; a figure is the least CPU time of the rounds, tokenising included. Beside each way the lowest cosine of its
vectors to the peer's. int8 is torch's dynamic quantisation of all linear layers, a row to show what it costs.
"""

import argparse
import copy
import os
import random
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.rows import note
from xl_encoders import load_encoder

Way = Callable[[list[str]], NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[600, 1500])
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    texts = [
        line
        for path in sorted(Path(arguments.data, "tatoeba").iterdir())
        if path.suffix != ".eng"
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]
    random.Random(0).shuffle(texts)
    ways = _ways(arguments.model)
    for size in arguments.sizes:
        some = texts[:size]
        seconds = {name: float("inf") for name in ways}
        found = {}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                began = time.process_time()
                found[name] = way(some)
                seconds[name] = min(seconds[name], time.process_time() - began)
        peer = found["sentence-transformers"]
        for name, vectors in found.items():
            cosines = (vectors * peer).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(peer, axis=1)
            ratio = seconds["sentence-transformers"] / seconds[name]
            if name not in ("sentence-transformers", "int8"):
                note(
                    f"embed, {name}",
                    f"{size} texts",
                    ours=size / seconds[name],
                    peer=size / seconds["sentence-transformers"],
                    package="sentence-transformers",
                    unit="texts/s",
                    error=f"lowest cosine {cosines.min():.5f}",
                    more=True,
                )
            print(
                f"{size} texts, {name}: {size / seconds[name]:.0f}/s, ratio {ratio:.2f}, cosine >= {cosines.min():.5f}",
                flush=True,
            )


def _ways(model: str) -> dict[str, Way]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        library = import_module("sentence_transformers")
    modules = import_module("sentence_transformers.sentence_transformer.modules")
    transformer = modules.Transformer(model)
    pooling = modules.Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    peer = library.SentenceTransformer(modules=[transformer, pooling], device="cpu")
    encoder = load_encoder(model, max_len=peer.max_seq_length)
    quantized = copy.deepcopy(encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wants its successor to be used
        quantize = vars(import_module("torch.ao.quantization"))["quantize_dynamic"]
        quantized.model = quantize(encoder.model, {torch.nn.Linear}, dtype=torch.qint8)
    return {
        "sentence-transformers": lambda texts: peer.encode(texts, show_progress_bar=False),
        "float32": lambda texts: encoder.embed(texts, pooling="mean-all"),
        "bf16": lambda texts: encoder.embed(texts, pooling="mean-all", precision="bf16"),
        "int8": lambda texts: quantized.embed(texts, pooling="mean-all"),
    }


if __name__ == "__main__":
    main()
