"""A step of contrast between sentences against sentence-transformers: real tokens a second and peak memory. By hand.

    OMP_NUM_THREADS=1 XL_DATA=FOLDER uv run python -m tests.bench.bench_sentence_contrast --model DIR

Ours is `fit` with the objective `seq`; the peer is `SentenceTransformerTrainer` with MultipleNegativesRankingLoss, or
its cached variant: the same model, pairs, batches, optimiser and mathematics. `seq` looks for the partner of each side
among all other sentences of the batch; that is the library's loss with directions query_to_doc and query_to_query,
taken from both sides, and the first line shows both values on one batch without dropout. Pairs are sentences of SIB-200
(or `--corpus tatoeba`, which are of many lengths) with their romanisations, in the order that chance gives. Each
measurement is a process of its own, ours and the peer's in turn; seconds are of the process's CPU time, without the
first step; memory is what a process needs at most above what it held before training. A real token is one that is no
padding.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.losses.merged_forward import embed_columns
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor
from torch.utils.data import BatchSampler, SequentialSampler
from transformers import TrainerCallback

from tests.bench.bench_gradient_cache import peak
from tests.bench.rows import note
from xl_encoders import Encoder, FitConfig, PairBatch, PairCorpus, Share, TextPart, encode_pairs, fit, load_encoder
from xl_objectives import SeqConfig
from xl_tasks import load_texts
from xl_translit import Romanizer

LANGUAGES = ("rus_Cyrl", "ell_Grek", "hin_Deva", "kor_Hang", "tha_Thai", "tur_Latn")
MAX_LEN = 128
CPU = torch.device("cpu")
LR = 1e-5
SCALE = 20.0
ONE_SIDE: Any = {"directions": ("query_to_doc", "query_to_query"), "scale": SCALE}


@dataclass(frozen=True, kw_only=True)
class PlainSeqConfig(SeqConfig):
    """The contrast of texts as they are."""

    @property
    def masks(self) -> float:
        """A chance that is never met."""
        return 1e-12


# The factor 2 makes of a mean over both sides the sum of two losses.
SEQ = PlainSeqConfig(similarity="cosine", temperature=1 / SCALE, factor=2.0, pooling="mean-all", false_negatives=True)


class InOrder:
    """Batches of neighbours in the corpus."""

    def __init__(self, corpus: PairCorpus, batch: int) -> None:
        self.corpus, self.batch = corpus, batch
        self.n_per_epoch = len(corpus) // batch

    def __getitem__(self, number: int) -> PairBatch:
        return self.corpus.batch(range(number * self.batch, (number + 1) * self.batch))


class BothSides(MultipleNegativesRankingLoss):
    """The library's loss from both sides, of one encoding."""

    def forward(self, sentence_features: Any, labels: Tensor) -> Tensor:
        sides = embed_columns(self.model, sentence_features)
        return self.compute_loss_from_embeddings(sides, labels) + self.compute_loss_from_embeddings(sides[::-1], labels)


class CachedBothSides(CachedMultipleNegativesRankingLoss):
    """The same through the library's gradient cache."""

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        one, other = (
            super(CachedBothSides, self).calculate_loss(sides, labels, with_backward=with_backward)
            for sides in (reps, reps[::-1])
        )
        return one + other


class Trainer(SentenceTransformerTrainer):
    """Batches of neighbours, as ours has them."""

    def get_batch_sampler(self, dataset: Any, batch_size: int, *_: Any, **__: Any) -> BatchSampler:
        return BatchSampler(SequentialSampler(dataset), batch_size=batch_size, drop_last=True)


class Clock(TrainerCallback):
    """CPU time at the end of each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.times.append(time.process_time())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--corpus", default="sib200", choices=("sib200", "tatoeba"))
    parser.add_argument("--pairs", type=int, nargs="*", default=[16, 32], help="of a batch")
    parser.add_argument(
        "--cached", type=int, nargs="*", default=[32, 64], help="of a batch that goes through the cache"
    )
    parser.add_argument("--chunk", type=int, default=16, help="sentences of a pass of the peer's cache")
    parser.add_argument("--steps", type=int, default=3, help="the first one is not timed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        way, n, cached = arguments.one
        print(json.dumps(measure(arguments, way, int(n), cached == "cached")))
        return
    values = in_a_process("values", min(arguments.pairs or arguments.cached), "plain")
    print(f"loss of one batch without dropout: ours {values['ours']:.6f}, peer {values['peer']:.6f}")
    print(
        f"{'':7} {'pairs':>5} {'ours tok/s':>11} {'peer tok/s':>11} {'ratio':>6} {'ours MiB':>9} {'peer MiB':>9} ratio"
    )
    for kind, sizes in (("plain", arguments.pairs), ("cached", arguments.cached)):
        for n in sizes:
            found: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
            for _ in range(arguments.rounds):
                for way, its in found.items():
                    its.append(in_a_process(way, n, kind))
            speed = {way: statistics.median(one["speed"] for one in its) for way, its in found.items()}
            memory = {way: statistics.median(one["memory"] for one in its) for way, its in found.items()}
            for what, its, more in ((f"tokens/s, {kind}", speed, True), (f"MiB, {kind}", memory, False)):
                note(
                    f"SEQ step beside MultipleNegativesRankingLoss, {kind}",
                    f"{n} pairs of {arguments.corpus}",
                    ours=its["ours"],
                    peer=its["peer"],
                    package="sentence-transformers",
                    unit=what.partition(",")[0],
                    more=more,
                )
            print(
                f"{kind:7} {n:5} {speed['ours']:11.0f} {speed['peer']:11.0f} {speed['ours'] / speed['peer']:6.2f} "
                f"{memory['ours']:9.0f} {memory['peer']:9.0f} {memory['ours'] / memory['peer']:5.2f}",
                flush=True,
            )


def in_a_process(way: str, n: int, kind: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_sentence_contrast", *sys.argv[1:], "--one", way, str(n), kind]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def measure(arguments: argparse.Namespace, way: str, n: int, cached: bool) -> dict[str, float]:
    """Real tokens a second, and MiB; or the losses of both on the first batch."""
    pairs = sentence_pairs(Path(arguments.data) / arguments.corpus, n * arguments.steps)
    encoder = load_encoder(arguments.model, max_len=MAX_LEN, with_head=False)
    corpus = encode_pairs(*pairs, encoder.tokenizer, MAX_LEN)
    n_tokens = int(corpus.lengths[n:].sum()) + 4 * n * (arguments.steps - 1)  # two specials a sentence
    if way == "values":
        return {"ours": our_value(encoder, corpus, n), "peer": peer_value(arguments.model, pairs, n)}
    if way == "ours":
        tokens = arguments.chunk * int(corpus.lengths.mean() / 2 + 2) if cached else 1 << 40
        part = TextPart(encoder, InOrder(corpus, n), {"seq": SEQ}, tokens=tokens)
        config = FitConfig(lr=LR, gradient_cache=cached, clip=1.0, warmup=0)
        held, times = peak(CPU, reset=True), []
        fit(
            encoder, [part], {"seq": SEQ}, n_steps=arguments.steps, config=config,
            on_step=lambda _: times.append(time.process_time()),
        )  # fmt: skip
    else:
        del encoder
        held, times = train_peer(arguments, pairs, n, cached)
    used = peak(CPU, reset=False) - held
    return {"speed": n_tokens / (times[-1] - times[0]), "memory": used / 2**20}


def train_peer(
    arguments: argparse.Namespace, pairs: Sequence[list[str]], n: int, cached: bool
) -> tuple[float, list[float]]:
    import datasets

    model = peer_model(arguments.model)
    loss = (
        CachedBothSides(model, mini_batch_size=arguments.chunk, **ONE_SIDE) if cached else BothSides(model, **ONE_SIDE)
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = SentenceTransformerTrainingArguments(
            output_dir=folder, per_device_train_batch_size=n, max_steps=arguments.steps, learning_rate=LR,
            weight_decay=0.01, report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True,
            logging_strategy="no",
        )  # fmt: skip
        data = datasets.Dataset.from_dict({"anchor": pairs[0], "positive": pairs[1]})
        trainer = Trainer(model=model, args=settings, train_dataset=data, loss=loss, callbacks=[clock])
        held = peak(CPU, reset=True)
        trainer.train()
    return held, clock.times


def peer_model(folder: str) -> SentenceTransformer:
    model = SentenceTransformer(folder, device="cpu")
    model.max_seq_length = MAX_LEN
    return model


def our_value(encoder: Encoder, corpus: PairCorpus, n: int) -> float:
    part = TextPart(encoder.eval(), InOrder(corpus, n), {"seq": SEQ}, tokens=1 << 40)
    batch, share = part.draw(0), Share()
    (chunk,) = part.chunks(batch, share, {"seq"})
    with torch.no_grad():
        vectors = part.encode(batch, chunk, share, {"seq"}).vectors
    return float(part.joint(batch, torch.empty_like(vectors).index_copy(0, chunk.slots, vectors), {"seq"})["seq"])


def peer_value(folder: str, pairs: Sequence[list[str]], n: int) -> float:
    model = peer_model(folder).eval()
    features = [model.preprocess(side[:n]) for side in pairs]
    with torch.no_grad():
        return float(BothSides(model, **ONE_SIDE)(features, torch.arange(n)))


def sentence_pairs(folder: Path, n: int) -> tuple[list[str], list[str]]:
    """`n` different sentences with their romanisations."""
    found = load_texts(folder, languages=LANGUAGES, parallel=False)
    texts = sorted({text for code in LANGUAGES for text in found.texts[code].values()})
    random.Random(0).shuffle(texts)
    return texts[:n], Romanizer().batch(texts[:n])


if __name__ == "__main__":
    main()
