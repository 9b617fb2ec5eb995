"""What a corpus of the internet's size takes on 1, 8 and 64 nodes: the table of docs/scale.md, by simulation.

    uv run python -m tests.bench.scale_plan [--sentences 1.5e9] [--embed 244] [--train 81] [--price 0.05] ...

Every rate is an option; the defaults and where they were measured stand in docs/scale.md. Shards are handed out one by
one to whichever processor is free, as Ray Data does, so that the wait for the last ones is in it. The shared
storage and the process that accounts for the shards are servers with a queue: where one of them is what all wait for,
it is named.
"""

import argparse
import heapq
import random
from typing import NamedTuple

_SHARD_BYTES = 1 << 26  # of a corpus as large as this, see xl_translit.corpora.shards


class Stage(NamedTuple):
    """Sentences a second of one processor, bytes that a sentence reads and writes."""

    name: str
    rate: float
    read: float
    written: float


def simulate(stage: Stage, settings: argparse.Namespace, n_nodes: int) -> tuple[float, str, float]:
    """Hours until the last shard is accounted for, what bounds them, and busy processors on average (0 to 1)."""
    n_shards = max(1, round(settings.sentences * settings.bytes / _SHARD_BYTES))
    sentences = settings.sentences / n_shards
    n_workers = n_nodes * settings.cores
    traffic = sentences * (stage.read + stage.written)
    line = min(n_nodes * settings.network, settings.store)  # bytes a second that nodes and storage can move
    draw = random.Random(0)  # languages differ in speed, so shards do
    free = [0.0] * n_workers
    moved = accounted = work = 0.0
    for _ in range(n_shards):
        seconds = sentences / stage.rate * draw.uniform(0.7, 1.3)
        work += seconds
        began = heapq.heappop(free)
        moved = max(moved, began) + traffic / line  # one queue for all traffic
        done = max(began + seconds, moved)
        heapq.heappush(free, done)
        accounted = max(accounted, done) + settings.account
    ended = max(accounted, *free)
    bounds = {
        "processors": work / n_workers,
        "storage and network": n_shards * traffic / line,
        "accounting": n_shards * settings.account,
    }
    most = max(bounds, key=lambda name: bounds[name])
    bound = most if bounds[most] > 0.6 * ended else "too few shards"
    return ended / 3600, bound, work / n_workers / ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = {
        "sentences": 1.5e9, "bytes": 171.0, "cores": 32.0, "network": 1.25e9, "store": 10e9, "price": 0.05,
        "account": 0.02, "romanise": 17_900.0, "tokenise": 7_300.0, "embed": 122.0, "train": 41.0, "width": 384.0,
        "tokens": 39.0,
    }  # fmt: skip
    for name, value in options.items():
        parser.add_argument(f"--{name}", type=float, default=value, help=f"[default: {value:g}]")
    settings = parser.parse_args()
    settings.cores = int(settings.cores)
    size = settings.bytes
    stages = [
        Stage("romanise", settings.romanise, size, 2 * size),
        Stage("tokenise", settings.tokenise, 2 * size, 2 * 4 * settings.tokens),
        Stage("embed", settings.embed, size, 2 * settings.width),
        Stage("train, one epoch", settings.train, 2 * size, 0.0),
    ]
    print(f"{settings.sentences:.3g} sentences, {settings.sentences * size / 1e9:.0f} GB of text")
    print("stage              nodes      hours   processors busy   cost, $   bound by              out, GB")
    for stage in stages:
        for n_nodes in (1, 8, 64):
            hours, bound, busy = simulate(stage, settings, n_nodes)
            cost = hours * n_nodes * settings.cores * settings.price
            written = settings.sentences * stage.written / 1e9
            print(f"{stage.name:18} {n_nodes:5} {hours:10.2f} {busy:17.0%} {cost:9.0f}   {bound:20} {written:8.0f}")


if __name__ == "__main__":
    main()
