"""Sentences tokenised a second for XLM-R: `encode_batch` of tokenizers, and libraries that read its tokenizer.json.

    RAYON_NUM_THREADS=1 python -m tests.bench.bench_tokenizing --model DIR [--data DIR] [--sizes 6000 30000]

DIR holds `sib200` and `tatoeba` (XL_DATA by default): all languages, in a random order that is always the same. Run it
with the libraries beside: `uv run --with kitoken --with splintr-rs python -m ...`. The ways take turns; a figure is the
least CPU time of two rounds. `different` counts texts whose ids are not those of tokenizers.
"""

import argparse
import os
import random
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

Way = Callable[[list[str]], list[list[int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[6000, 30000])
    arguments = parser.parse_args()
    files = [*Path(arguments.data, "sib200").glob("*/train.tsv"), *Path(arguments.data, "tatoeba").iterdir()]
    texts = [line.split("\t")[-1] for path in sorted(files) for line in path.read_text(encoding="utf-8").split("\n")]
    random.Random(0).shuffle(texts)
    ways = _ways(str(Path(arguments.model, "tokenizer.json")))
    for size in arguments.sizes:
        some = texts[:size]
        seconds = {name: float("inf") for name in ways}
        found = {}
        for _ in range(2):
            for name, way in ways.items():
                began = time.process_time()
                found[name] = way(some)
                seconds[name] = min(seconds[name], time.process_time() - began)
        for name, ids in found.items():
            different = sum(one != other for one, other in zip(ids, found["tokenizers"], strict=True))
            ratio = seconds["tokenizers"] / seconds[name]
            rate = len(some) / seconds[name]
            print(f"{len(some)} texts, {name}: {rate:.0f}/s, ratio {ratio:.2f}, {different} different")


def _ways(path: str) -> dict[str, Way]:
    usual = Tokenizer.from_file(path)
    ways: dict[str, Way] = {
        "tokenizers": lambda texts: [each.ids for each in usual.encode_batch(texts, add_special_tokens=False)]
    }
    if find_spec("kitoken"):
        kitoken = import_module("kitoken").Kitoken.from_file(path)
        ways["kitoken"] = lambda texts: [list(each) for each in kitoken.encode_all(texts)]
    if find_spec("splintr"):
        splintr = import_module("splintr").from_json(path)
        ways["splintr"] = lambda texts: [list(each)[1:-1] for each in splintr.encode_batch(texts)]  # without specials
    return ways


if __name__ == "__main__":
    main()
