"""Sentences tokenised a second for XLM-R: `encode_batch` of tokenizers, ours (kitoken where it is proven), and others.

    RAYON_NUM_THREADS=1 python -m tests.bench.bench_tokenizing --model DIR [--sizes 6000 30000] [--threads 2]

DIR holds `sib200` and `tatoeba` (XL_DATA by default): all languages, in a random order that is always the same. The
ways take turns; a figure is the least of three rounds, in CPU time and by the clock. `different` counts texts whose ids
are not those of tokenizers. What ours takes once to prepare and prove kitoken is told apart. With splintr beside
(`uv run --with splintr-rs`), that too. --threads: ours; tokenizers take RAYON_NUM_THREADS.
"""

import argparse
import os
import random
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from tokenizers import Tokenizer

from tests.bench.rows import note
from xl_encoders import load_tokenizer
from xl_encoders.reading import token_ids

Way = Callable[[list[str]], list[list[int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[6000, 30000])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    files = [*Path(arguments.data, "sib200").glob("*/train.tsv"), *Path(arguments.data, "tatoeba").iterdir()]
    texts = [line.split("\t")[-1] for path in sorted(files) for line in path.read_text(encoding="utf-8").split("\n")]
    random.Random(0).shuffle(texts)
    ways = _ways(arguments.model)
    began = time.process_time()
    ways["ours"](texts[: token_ids._MANY])
    print(f"ours: {time.process_time() - began:.2f} s for the first {token_ids._MANY} texts, with the proof in it")
    for size in arguments.sizes:
        some = texts[:size]
        seconds = {name: (float("inf"), float("inf")) for name in ways}
        found = {}
        for _ in range(3):
            for name, way in ways.items():
                began = time.process_time(), time.perf_counter()
                found[name] = way(some)
                taken = time.process_time() - began[0], time.perf_counter() - began[1]
                seconds[name] = min(seconds[name][0], taken[0]), min(seconds[name][1], taken[1])
        usual = seconds["tokenizers"]
        for name, (cpu, wall) in seconds.items():
            different = sum(one != other for one, other in zip(found[name], found["tokenizers"], strict=True))
            if name != "tokenizers":
                error = f"{different} texts differ"
                what, ours, theirs = f"tokenising, {name}", size / cpu, size / usual[0]
                note(
                    what,
                    f"{size} texts",
                    ours=ours,
                    peer=theirs,
                    package="tokenizers",
                    unit="/s",
                    error=error,
                    more=True,
                )
            print(
                f"{size} texts, {name}: {size / cpu:.0f}/s of CPU, ratio {usual[0] / cpu:.2f}; by the clock "
                f"{size / wall:.0f}/s, ratio {usual[1] / wall:.2f}; {different} different"
            )


def _ways(model: str) -> dict[str, Way]:
    tokenizer = load_tokenizer(model)
    path = str(Path(model, "tokenizer.json"))
    usual = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    ways: dict[str, Way] = {
        "tokenizers": lambda texts: [each.ids for each in usual.encode_batch(texts, add_special_tokens=False)],
        "ours": lambda texts: token_ids.token_ids(tokenizer, texts),
    }
    if find_spec("splintr"):
        splintr = import_module("splintr").from_json(path)
        ways["splintr"] = lambda texts: [list(each)[1:-1] for each in splintr.encode_batch(texts)]  # without specials
    return ways


if __name__ == "__main__":
    main()
