"""What one of several processes does in test_exchange.py: it draws the batches of a stream of files.

Started as `python -m tests.encoders.exchange_worker FOLDER FILE ...` with RANK and WORLD_SIZE in the environment.
"""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from tests.encoders.toy_parts import small_encoder
from xl_encoders import Exchange, Prefetch, StreamBatches, TextStream
from xl_encoders.distributed.processes import rank
from xl_encoders.streams.row_reader import RowReader

N_BATCHES = 14


def draw(files: Sequence[str], temperature: float) -> dict[str, Any]:
    """The batches, the texts that this process transliterated, and the chunks that it opened."""
    encoder = small_encoder()
    transliterated: list[str] = []
    chunks: set[int] = set()
    take = RowReader.take

    def noted(self: RowReader, chunk: int, rows: Any) -> list[Any]:
        chunks.add(chunk)
        return take(self, chunk, rows)

    def upper(texts: Sequence[str], languages: Sequence[str] | None) -> list[str]:
        transliterated.extend(texts)
        return [text.upper() for text in texts]

    RowReader.take = noted
    exchange = Exchange()
    stream = TextStream(
        files, batch=7, seed=3, columns=("text",), buffer=40, language_column="language", temperature=temperature,
        exchange=exchange,
    )  # fmt: skip
    batches = StreamBatches(stream, encoder.tokenizer, 64, transliterate=upper, exchange=exchange)
    with Prefetch(batches.__getitem__, stop=N_BATCHES) as ahead:
        found = [ahead[number] for number in range(N_BATCHES)]
    RowReader.take = take
    return {
        "batches": [(list(its.original), list(its.romanised), its.text_ids) for its in found],
        "transliterated": transliterated,
        "chunks": sorted(chunks),
    }


def main(folder: Path, *files: str) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]), timeout=timedelta(seconds=120),
    )  # fmt: skip
    torch.save([draw(files, temperature) for temperature in (1.0, 3.0)], folder / f"{rank()}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
