"""Speed of tagging around the model: features of Universal Dependencies against the plain way and the forward passes.

    XL_DATA=shared/data python -m tests.bench.bench_tagging [SENTENCES]

Up to 300 test sentences of each language of the folder are tokenised by a tokenizer learnt on them. The plain way is
that of transformers' token classification, written anew: words to the fast tokenizer, the first token of each word by
`word_ids`, everything behind `max_len` cut off. The forward passes are those of an encoder of the base size (12 blocks
of 768) with random weights, on a sample of the same windows, batches of like length, on CPU.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from xl_encoders import train_tokenizer
from xl_tasks.datasets.tagging.conllu import load_udpos
from xl_tasks.problems.tagging.problem import TaggingProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import AsWritten

_BATCH = 32
_SAMPLE = 4
"""Batches of the forward pass that are timed."""


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    data, reading = _timed(lambda: load_udpos(Path(os.environ["XL_DATA"]) / "ud"))
    sentences = {code: data.split(code, "test")[:most] for code in data.languages}
    n_sentences = sum(map(len, sentences.values()))
    texts = [" ".join(sentence.words) for found in sentences.values() for sentence in found]
    tokenizer = train_tokenizer(texts, n_pieces=8000)
    config = TuningConfig(max_len=128)
    problem = TaggingProblem(tokenizer, data.labels, unit=AsWritten(), config=config)
    _plain(tokenizer, [["a"]], config.max_len)

    def ours() -> list[Any]:
        return [f for code, found in sentences.items() for f in problem.features(found, code, training=False)]

    features, first = _timed(ours)
    _, again = _timed(ours)
    kept, plain = _timed(
        lambda: [_plain(tokenizer, [list(s.words) for s in found], config.max_len) for found in sentences.values()]
    )
    n_words = sum(len(s.words) for found in sentences.values() for s in found)
    print(f"{n_sentences} sentences of {len(sentences)} languages, {n_words} words; all files read in {reading:.2f} s")
    print(
        f"features: {first:.2f} s, {n_sentences / first:.0f} sentences/s, {len(features)} windows; again {again:.2f} s"
    )
    print(f"plain way: {plain:.2f} s, {n_words - sum(kept)} words cut off; ratio {plain / first:.2f}")
    generator = np.random.default_rng(0)
    logits = [generator.normal(size=(len(f.ids), problem.n_outputs)).astype(np.float32) for f in features]
    _, decoding = _timed(lambda: _decode(problem, sentences, features, logits))
    print(f"decoding: {decoding:.2f} s, {n_sentences / decoding:.0f} sentences/s")
    forward = _forward(features)
    print(f"forward passes of a base model: {forward:.0f} s on {torch.get_num_threads()} thread(s), by sample")
    print(f"features and decoding cost {100 * (first + decoding) / forward:.1f} % of them")


def _decode(problem: TaggingProblem, sentences: dict[str, Any], features: list[Any], logits: list[Any]) -> None:
    place = 0
    for found in sentences.values():
        begin = place
        # Features of a language are numbered from 0 again.
        while place < len(features) and (place == begin or features[place].example >= features[place - 1].example):
            place += 1
        problem.decode(found, features[begin:place], logits[begin:place])


def _plain(tokenizer: Any, sentences: list[list[str]], max_len: int) -> int:
    """How many words keep a label."""
    encoded = tokenizer(sentences, is_split_into_words=True, truncation=True, max_length=max_len)
    n_kept = 0
    for i in range(len(sentences)):
        before, labels = None, []
        for number in encoded.word_ids(i):
            labels.append(-100 if number is None or number == before else number)
            before = number
        n_kept += sum(label != -100 for label in labels)
    return n_kept


def _forward(features: list[Any]) -> float:
    """Seconds for all features, from batches spread over the lengths."""
    config = XLMRobertaConfig(vocab_size=8100, hidden_size=768, num_hidden_layers=12, num_attention_heads=12)
    model = XLMRobertaModel(config, add_pooling_layer=False).eval()
    ordered = sorted((f.ids for f in features), key=len)
    batches = [ordered[i : i + _BATCH] for i in range(0, len(ordered), _BATCH)]
    chosen = [batches[i] for i in np.linspace(0, len(batches) - 1, _SAMPLE + 2).astype(int)[1:-1]]

    def run(batch: list[list[int]]) -> None:
        length = max(map(len, batch))
        ids = torch.tensor([row + [1] * (length - len(row)) for row in batch])
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=(ids != 1).long())

    run(chosen[0])
    seconds = [_timed(lambda batch=batch: run(batch))[1] for batch in chosen]
    n_tokens = [sum(map(len, batch)) for batch in chosen]
    return sum(seconds) / sum(n_tokens) * sum(map(len, ordered))


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = run()
    return found, time.perf_counter() - start


if __name__ == "__main__":
    main()
