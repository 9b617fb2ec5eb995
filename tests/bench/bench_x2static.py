"""X2Static: the update, the whole extraction, and the worth of the vectors, each beside the published way. Run by hand.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_x2static --model RUN --data DIR
    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_x2static --model RUN --data DIR --quality

DIR holds `bible` and `bli_xling` (XL_DATA by default). The peer is a plain transcription of the published loop: random
batches padded to the longest, the frozen encoder run again in each epoch, word vectors looked up 1 + negatives times,
autograd and SparseAdam. It gets what costs it nothing to have: a fast tokenizer, and an encoder without the blocks
above the layer. Times are seconds of the process's CPU time. With --quality both train on the same text with the same
encoder and settings, from two languages, and the vectors are mapped by a seed dictionary and scored on held-out pairs;
there the peer's sentence means, which no epoch changes, are computed once in float32.
"""

import argparse
import os
import random
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

from tests.bench.rows import note
from xl_encoders import Encoder, cut_model, load_encoder, split_words
from xl_encoders.model.static_teacher import StaticTeacher
from xl_staticemb import (
    BliScore,
    WordVectors,
    induction_accuracy,
    orthogonal_map,
    read_dictionary,
    read_similarity,
    word_similarity,
)
from xl_staticemb.x2static.config import X2StaticConfig
from xl_staticemb.x2static.contexts import ContextPart
from xl_staticemb.x2static.extraction import extract
from xl_staticemb.x2static.negative_sampling import NegativeSampling
from xl_staticemb.x2static.negatives import keep_probability
from xl_staticemb.x2static.training import train
from xl_staticemb.x2static.word_counts import Vocabulary, WordReader, choose_words, count_words, read_vocabulary
from xl_tasks import load_bible, load_texts

SETTINGS = X2StaticConfig(lower="both", compat=True)
LR = SETTINGS.lr


class PublishedTable(nn.Module):
    """One table of word vectors; the loss looks it up once for the word and once for each negative."""

    def __init__(self, start: torch.Tensor) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=True)

    def forward(self, contexts: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        def scores(column: int) -> torch.Tensor:
            vectors = self.embedding(words[:, column])
            return torch.bmm(vectors.unsqueeze(1), contexts.unsqueeze(2)).flatten().clamp(-20, 20)

        loss = torch.log(1 + torch.exp(-scores(0))).mean()
        for column in range(1, words.shape[1]):
            loss = loss + torch.log(1 + torch.exp(scores(column))).mean()
        return loss


def published_update(start: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], object]:
    table = PublishedTable(start)
    optimiser = torch.optim.SparseAdam(list(table.parameters()), lr=LR)

    def step(contexts: torch.Tensor, words: torch.Tensor) -> None:
        optimiser.zero_grad()
        table(contexts, words).backward()
        optimiser.step()

    return step


def compare_updates(rounds: int) -> None:
    print("update: ms a step of T targets and 10 negatives each; V words, width d")
    generator = torch.Generator().manual_seed(0)
    for width, n_words, n_targets in ((256, 10_000, 136), (768, 10_000, 136), (768, 200_000, 136), (768, 200_000, 700)):
        start = (torch.rand(n_words, width, generator=generator) * 2 - 1) / width
        weights = 1 / torch.arange(1, n_words + 1).sqrt()
        batches = [
            (
                torch.randn(n_targets, width, generator=generator),
                torch.multinomial(weights, n_targets * 11, replacement=True, generator=generator).view(n_targets, 11),
            )
            for _ in range(20)
        ]
        ways = {"ours": NegativeSampling(start, LR).step, "published": published_update(start)}
        times = {name: [] for name in ways}
        for name in [*ways, *(list(ways) * rounds)]:
            began = time.process_time()
            for contexts, words in batches:
                ways[name](contexts, words)
            times[name].append((time.process_time() - began) / len(batches) * 1e3)
        ours, published = (float(np.median(times[name][1:])) for name in ways)
        print(
            f"  d {width}, V {n_words}, T {n_targets}: ours {ours:.2f}, published {published:.2f}, "
            f"{published / ours:.1f}x"
        )


class Published:
    """The published loop on lines of text; `seconds` by what they went into."""

    def __init__(
        self,
        encoder: Encoder,
        layer: int,
        lines: Sequence[str],
        vocabulary: Vocabulary,
        seed: int,
        subsample: float = SETTINGS.subsample,
    ) -> None:
        self.encoder = Encoder(cut_model(encoder, layer), encoder.tokenizer, name="cut", max_len=encoder.max_len)
        self.max_len = min(200, encoder.max_len)
        self.vocabulary = vocabulary
        self.random = random.Random(seed)
        reader = WordReader(split_words, "both")
        index = vocabulary.index
        self.lines = [reader.text(line) for line in lines]
        self.words = [[index[key] for key, _ in reader.words(line) if key in index] for line in self.lines]
        kept = [i for i, words in enumerate(self.words) if words]
        self.lines, self.words = [self.lines[i] for i in kept], [self.words[i] for i in kept]
        self.reject = (1 - keep_probability(vocabulary.frequencies, subsample)).tolist()
        roots = np.sqrt(vocabulary.counts)
        self.pool = np.random.default_rng(seed).choice(len(roots), 10 * len(self.lines), p=roots / roots.sum()).tolist()
        self.drawn = 0
        torch.manual_seed(seed)
        start = (torch.rand(len(vocabulary), encoder.width) * 2 - 1) / encoder.width
        self.table = PublishedTable(start)
        self.optimiser = torch.optim.SparseAdam(list(self.table.parameters()), lr=LR)
        self.n_steps = self.n_targets = 0
        self.means: torch.Tensor | None = None

    def compute_means(self, teacher: StaticTeacher) -> None:
        """Means over all tokens of each line, which the frozen encoder would give again in each epoch."""
        found = []
        for first in range(0, len(self.lines), 1024):
            texts = self.lines[first : first + 1024]
            sums = teacher(texts, [[] for _ in texts])
            found.append((sums.content + sums.special) / (sums.n_content + sums.n_special)[:, None])
        self.means = torch.from_numpy(np.concatenate(found)).float()

    def epoch(self, n_batches: int | None = None) -> None:
        order = list(range(len(self.lines)))
        self.random.shuffle(order)
        for first in range(0, len(order), 128)[:n_batches]:
            self.step(order[first : first + 128])

    def step(self, members: Sequence[int]) -> None:
        if self.means is None:
            batch = self.encoder.tokenizer(
                [self.lines[i] for i in members], padding=True, truncation=True, max_length=self.max_len,
                return_tensors="pt",
            )  # fmt: skip
            with torch.no_grad():
                states = self.encoder.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        contexts, words = [], []
        for row, i in enumerate(members):
            kept = [word for word in self.words[i] if self.random.random() >= self.reject[word]]
            if kept and self.means is None:
                mean = states[row][batch["attention_mask"][row].bool()].mean(0)
            elif kept and self.means is not None:
                mean = self.means[i]
            for word in kept:
                negatives = [self.pool[(self.drawn + k) % len(self.pool)] for k in range(10)]
                self.drawn += 10
                contexts.append(mean)
                words.append([word, *negatives])
        if not words:
            return
        self.optimiser.zero_grad()
        self.table(torch.stack(contexts), torch.tensor(words)).backward()
        self.optimiser.step()
        self.n_steps += 1
        self.n_targets += len(words)

    @property
    def vectors(self) -> WordVectors:
        return WordVectors(self.vocabulary.words, self.table.embedding.weight.detach().numpy())


def bible(data: Path, language: str) -> list[str]:
    found = load_bible(data / "bible", [language])
    return [text for _, text in sorted(found.texts[found.languages[0]].items())]


def english_sentences(data: Path) -> list[str]:
    """English of Tatoeba and SIB-200, a mixture of short and long lines, each once."""
    tatoeba = load_texts(data / "tatoeba", languages=["eng"], parallel=False)
    sib = load_texts(data / "sib200", languages=["eng"], parallel=False)
    lines = [text for found in (tatoeba, sib) for code in found.languages for text in found.texts[code].values()]
    random.Random(0).shuffle(lines)
    return list(dict.fromkeys(lines))


def compare_loops(encoder: Encoder, data: Path, arguments: argparse.Namespace) -> None:
    found_lines = english_sentences(data) if arguments.text == "sentences" else bible(data, "eng_Latn")
    lines, n_batches = found_lines[: arguments.lines], arguments.batches
    teacher = StaticTeacher(encoder, precision=arguments.precision)
    vocabulary = choose_words(count_words(lines, WordReader(split_words, "both")), min_count=10)
    print(
        f"whole loop: {len(lines)} lines ({arguments.text}), {len(vocabulary)} words, {SETTINGS.epochs} epochs, "
        f"layer {teacher.layer}, precision {arguments.precision}"
    )
    began = time.process_time()
    found = extract(lines, teacher, SETTINGS, words=split_words)
    ours = time.process_time() - began
    assert found is not None
    peer = Published(encoder, teacher.layer, lines, vocabulary, 0)
    peer.epoch(2)  # warm
    began = time.process_time()
    peer.epoch(n_batches)
    share = n_batches / -(-len(peer.lines) // 128)
    published = (time.process_time() - began) / share * SETTINGS.epochs
    print(f"  ours {ours:.1f} s ({found.counts})")
    print(f"  published {published:.1f} s (from {n_batches} batches, scaled), {published / ours:.1f}x")
    note("X2Static", f"{len(lines)} lines", ours=ours, peer=published, package="the published loop", unit="s of CPU")
    compare_rest(peer, teacher, lines)


def compare_rest(peer: Published, teacher: StaticTeacher, lines: Sequence[str]) -> None:
    """What is left when the sentence means are there: targets, negatives, update; all epochs."""
    peer.compute_means(teacher)
    began = time.process_time()
    for _ in range(SETTINGS.epochs):
        peer.epoch()
    published = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        extract(lines, teacher, SETTINGS, words=split_words, folder=Path(folder))
        (Path(folder) / "training.safetensors").unlink()
        parts = sorted(Path(folder).glob("part-*"))
        loaded: list[dict[str, Any]] = [load_file(path) for path in parts]
        units = [int(part["units"].max()) + 1 for part in loaded]
        vocabulary = read_vocabulary(Path(folder) / "words.tsv")
        began = time.process_time()
        end = train(lambda number: ContextPart(**loaded[number]), units, vocabulary, SETTINGS)
        ours = time.process_time() - began
    print(
        f"without the encoder: ours {ours:.2f} s ({end.n_steps} steps), published {published:.2f} s "
        f"({peer.n_steps} steps), {published / ours:.1f}x"
    )


def quality(encoder: Encoder, data: Path, arguments: argparse.Namespace) -> None:
    """Word translation through an orthogonal map learnt from four fifths of a dictionary, on the rest, in turn."""
    teacher = StaticTeacher(encoder)
    codes = {"en": "eng_Latn", "fr": "fra_Latn", "ru": "rus_Cyrl", "de": "deu_Latn"}
    sides = arguments.pair.split("-")
    texts = [bible(data, codes[side])[-arguments.verses if arguments.verses else None :] for side in sides]
    files = [next((data / "bli_xling").rglob(f"*{part}*{arguments.pair}*")) for part in ("5k", "test")]
    pairs = list(dict.fromkeys(pair for file in files for pair in read_dictionary(file)))
    totals: dict[tuple[str, str], list[float]] = {}
    for seed in range(arguments.seeds):
        config = X2StaticConfig(lower="both", seed=seed, subsample=arguments.subsample, epochs=arguments.epochs)
        mine, theirs = [], []
        for lines in texts:
            found = extract(lines, teacher, config, words=split_words)
            assert found is not None  # one process
            mine.append(found.vectors)
            vocabulary = Vocabulary(found.vectors.words, counts_of(lines, found.vectors.words))
            peer = Published(encoder, teacher.layer, lines, vocabulary, seed, config.subsample)
            peer.compute_means(teacher)
            for _ in range(config.epochs):
                peer.epoch()
            theirs.append(peer.vectors)
            print(f"  steps: ours {found.counts['steps']}, published {peer.n_steps}", flush=True)
        for name, (source, target) in (("ours", mine), ("published", theirs)):
            alike = word_similarity(source, None, read_similarity(data / "semeval17_task2" / f"{sides[0]}.test.txt"))
            print(f"  {sides[0]} seed {seed} {name:>9} similarity: Spearman {alike.spearman:.3f} (n {alike.n})")
            for retrieval in ("nn", "csls"):
                n, shares = folds(source, target, pairs, retrieval)
                totals.setdefault((name, retrieval), []).append(shares[1])
                print(
                    f"  {arguments.pair} seed {seed} {name:>9} {retrieval:>4}: P@1 {100 * shares[1]:.1f}, "
                    f"P@10 {100 * shares[10]:.1f} (n {n})",
                    flush=True,
                )
    for (name, retrieval), values in totals.items():
        print(f"  {name:>9} {retrieval:>4}: P@1 {100 * np.mean(values):.2f}, mean of {len(values)} seeds")


def folds(source: WordVectors, target: WordVectors, pairs: list, retrieval: str) -> tuple[int, dict[int, float]]:
    """Words asked in all folds, and the shares of them that found a translation among the first 1 and 10."""
    parts = [zlib.crc32(word.encode()) % 5 for word, _ in pairs]
    n, hits = 0, {1: 0.0, 10: 0.0}
    for part in range(5):
        train = [pair for pair, number in zip(pairs, parts, strict=True) if number != part]
        test = [pair for pair, number in zip(pairs, parts, strict=True) if number == part]
        found = score(source, target, train, test, retrieval)
        n += found.n_covered
        for k in hits:
            hits[k] += found.precision[k] * found.n_covered
    return n, {k: value / n for k, value in hits.items()}


def counts_of(lines: Sequence[str], words: Sequence[str]) -> np.ndarray:
    counts = count_words(lines, WordReader(split_words, "both"))
    return np.array([counts[word] for word in words])


def score(source: WordVectors, target: WordVectors, train: list, test: list, retrieval: str) -> BliScore:
    def prepared(vectors: WordVectors) -> WordVectors:
        centred = vectors.unit().matrix
        return WordVectors(vectors.words, centred - centred.mean(0)).unit()

    source, target = prepared(source), prepared(target)
    pairs = [(source.index[a], target.index[b]) for a, b in train if a in source.index and b in target.index]
    left, right = (list(side) for side in zip(*pairs, strict=True))
    mapped = WordVectors(source.words, source.matrix @ orthogonal_map(source.matrix[left], target.matrix[right]))
    return induction_accuracy(mapped, target, test, retrieval=retrieval)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or save_pretrained folder of a small encoder")
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--lines", type=int, default=6000)
    parser.add_argument("--batches", type=int, default=12, help="of the published loop; its time is scaled from them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pair", default="en-fr")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--verses", type=int, help="with --quality: only the last so many of each Bible")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--subsample", type=float, default=1e-3, help="with --quality: small text needs more targets")
    parser.add_argument("--epochs", type=int, default=5, help="with --quality")
    parser.add_argument("--precision", default="no", help="of our encoder: no or bf16; the peer's is float32")
    parser.add_argument("--text", default="bible", help="bible, or sentences: English of Tatoeba and SIB-200")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = None
    if arguments.model:
        inner = Path(arguments.model) / "model"
        encoder = load_encoder(str(inner if inner.is_dir() else arguments.model))
    if arguments.quality:
        if encoder is None:
            parser.error("--quality needs --model")
        quality(encoder, Path(arguments.data), arguments)
        return
    compare_updates(arguments.rounds)
    if encoder is not None:
        compare_loops(encoder, Path(arguments.data), arguments)


if __name__ == "__main__":
    main()
