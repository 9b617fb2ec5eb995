"""Two processes read and transliterate each a part of a stream, and draw the batches of one."""

from collections import Counter
from pathlib import Path

import pytest
from tests.encoders.distributed.test_processes import run_processes
from tests.encoders.exchange_worker import N_BATCHES, draw
from tests.encoders.streams.test_streams import LANGUAGES, make_table, write

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]


def test_each_process_reads_its_part_and_draws_the_batches_of_one(tmp_path: Path) -> None:
    table = make_table({name: count // 3 for name, count in LANGUAGES.items()})
    files = [write(table[:70], tmp_path / "1.parquet", 9), write(table[70:], tmp_path / "2.arrow", 13)]
    found = run_processes(tmp_path, 2, *map(str, files), worker="tests.encoders.exchange_worker")
    for place, temperature in enumerate((1.0, 3.0)):
        alone = draw([*map(str, files)], temperature)
        own = [its[place] for its in found]
        for its in own:
            for batch, expected in zip(its["batches"], alone["batches"], strict=True):
                assert batch[:2] == expected[:2]
                assert batch[2].equal(expected[2])
        # Every text was made by one of them, every chunk opened by one of them.
        assert Counter(own[0]["transliterated"] + own[1]["transliterated"]) == Counter(alone["transliterated"])
        assert abs(len(own[0]["transliterated"]) - len(own[1]["transliterated"])) <= N_BATCHES
        assert not set(own[0]["chunks"]) & set(own[1]["chunks"])
        assert sorted(own[0]["chunks"] + own[1]["chunks"]) == alone["chunks"]
