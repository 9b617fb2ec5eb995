"""`xl eval tatoeba`: the processor's time of a whole process, and of many targets against their forward passes alone.

    XL_DATA=shared/data python -m tests.bench.bench_evaluation MODEL [TARGET]...

MODEL: a folder that `save_pretrained` wrote. TARGET: the targets of the second size (default: all that the data have),
five of them the first. The passes alone are those of the distinct sentences that the pairs see, in batches of like
length that were made before, up to the layer that is read; the rest of ours is reading, tokenising, searching.
Beside them the start of commands: seconds of processes that print help, a plan or the refusal of a wrong setting.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import xl_cli
from xl_encoders import Encoder, load_encoder
from xl_encoders.reading.embedding import padded_batches
from xl_encoders.reading.states import hidden_states
from xl_encoders.reading.tokens import encode_content, wrap_rows
from xl_tasks import load_texts
from xl_tasks.scoring.retrieval import compared_texts

_STARTS = (
    ("eval", "--help"),
    ("align", "--dry-run"),
    ("align", "--set", "train.lr=-1"),
    ("eval", "sib200", "--model", "MODEL", "--data", "DATA", "--set", "lr=-1"),
    ("analyze", "cka", "--model", "MODEL", "--data", "DATA", "--layer", "99"),
    ("static", "map", "a.vec", "b.vec", "--out-source", "c.vec", "--out-target", "d.vec"),
)


def main(model: str, targets: list[str]) -> None:
    data = os.environ["XL_DATA"]
    seconds = _of_process("eval", "tatoeba", "--target", "amh", "--model", model, "--data", data)
    print(f"xl eval tatoeba --target amh: {seconds:.1f} s of the processor, whole process")
    for arguments in _STARTS:
        placed = [{"MODEL": model, "DATA": data}.get(word, word) for word in arguments]
        print(f"xl {' '.join(arguments)}: {_of_process(*placed):.2f} s")
    corpus = load_texts(str(Path(data) / "tatoeba"))
    every = targets or [code for code in corpus.languages if code != "eng_Latn"]
    encoder = load_encoder(model)
    layer = round(encoder.n_layers * 2 / 3)
    for asked in (every[:5], every):
        pairs = [pair for code in asked for pair in (("eng_Latn", code), (code, "eng_Latn"))]
        sides = compared_texts(corpus, corpus.keys, pairs)
        batches = [batch for texts in sides.values() for batch in _batches(encoder, texts)]
        alone = _timed(lambda batches=batches: _passes(encoder, batches, layer))
        ours = _timed(lambda asked=asked: xl_cli.evaluate(["tatoeba"], model=model, data=data, target=asked))
        alone = (alone + _timed(lambda batches=batches: _passes(encoder, batches, layer))) / 2
        n = sum(map(len, sides.values()))
        print(f"{len(asked)} targets, {n} sentences: {ours:.1f} s, passes alone {alone:.1f} s; {ours / alone:.2f}x")


def _batches(encoder: Encoder, texts: list[str]) -> list:
    rows, _ = encode_content(encoder.tokenizer, texts, encoder.max_len)
    wrapped = wrap_rows(rows, encoder.tokenizer)
    members = padded_batches([len(row) for row in wrapped], encoder.pad_multiple)
    return [encoder.pad([wrapped[i] for i in each]) for each in members]


@torch.inference_mode()
def _passes(encoder: Encoder, batches: list, layer: int) -> None:
    encoder.eval()
    for batch in batches:
        hidden_states(encoder, batch, [layer])


def _of_process(*arguments: str) -> float:
    """Seconds of the processor of `xl ARGUMENTS`."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "xl_cli", *arguments], capture_output=True, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
