"""Several processes: order, a bounded number of chunks under way, and what happens when one fails."""

import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.translit.standins import Upper

from xl_translit import CorpusError, romanize_corpus
from xl_translit.corpora.workers import ordered_map


def double(number: int) -> tuple[int, int]:
    if number % 5 == 0:
        time.sleep(0.02)  # later ones are done first
    return 2 * number, os.getpid()


def heavy(size: int) -> bytes:
    return b"x" * size


def fail(number: int) -> int:
    if number == 7:
        message = "seven"
        raise CorpusError(message)
    if number == 8:
        os._exit(9)
    return number


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_come_in_order_from_all_processes(jobs: int) -> None:
    results = list(ordered_map(double, range(40), jobs))
    assert [value for value, _ in results] == [2 * number for number in range(40)]
    assert len({process for _, process in results}) == jobs
    assert (os.getpid() in {process for _, process in results}) == (jobs == 1)


@pytest.mark.slow
def test_chunks_are_read_no_further_ahead_than_the_window() -> None:
    taken = 0

    def chunks() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken = number + 1
            yield number

    for given, _ in enumerate(ordered_map(double, chunks(), 2), 1):
        assert taken - given <= 8  # four for each process


def test_large_chunks_and_results_at_once_do_not_block() -> None:
    sizes = [3_000_000] * 12  # far beyond what a pipe holds
    assert [len(result) for result in ordered_map(bytes, sizes, 2)] == sizes


def test_a_pause_gives_all_that_is_under_way() -> None:
    taken: list[object] = []

    def chunks() -> Iterator[int | None]:
        for chunk in (1, 2, 3, None, 4, None):
            if taken and taken[-1] is None:
                assert len(given) == sum(item is not None for item in taken)
            taken.append(chunk)
            yield chunk

    given: list[int] = []
    for value, _ in ordered_map(double, chunks(), 2):
        given.append(value)
    assert given == [2, 4, 6, 8]


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(CorpusError, match="seven"):
        list(ordered_map(fail, [1, 2, 7, 3], 2))


@pytest.mark.slow
def test_a_process_that_ends_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a worker process ended \(9\); .* use fewer jobs"):
        list(ordered_map(fail, [1, 2, 8, 3], 2))
    (tmp_path / "in.txt").write_text("a\nKILL\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a worker process ended \(3\)"):
        romanize_corpus(tmp_path / "in.txt", tmp_path / "out.txt", transliterator=Upper(), jobs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


def test_what_does_not_pickle_is_refused() -> None:
    with pytest.raises(CorpusError, match="does not pickle"):
        list(ordered_map(lambda chunk: chunk, [1], 2))


@pytest.mark.parametrize("name", ["out.txt", "out.jsonl.gz"])
@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("xl_translit.corpora.inputs.CHUNK_ROWS", 128)

    def peak(n_rows: int) -> int:
        path = tmp_path / f"{n_rows}.txt"
        path.write_text(("a word and some more words of a sentence " * 10 + "\n") * n_rows, encoding="utf-8")
        tracemalloc.start()
        romanize_corpus(path, tmp_path / f"{n_rows}-{name}", transliterator=Upper())
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1000)  # what is imported stays
    small, large = peak(17 * 128), peak(5 * 17 * 128)  # more rows than a part holds, and five times as many
    assert large < 1.2 * small  # holding the corpus would give about 5


def slow_first(number: int) -> int:
    time.sleep(0.5 if number == 0 else 0.0)
    return number


@pytest.mark.slow
def test_a_slow_chunk_does_not_let_the_others_run_away() -> None:
    taken: list[int] = []
    results = ordered_map(slow_first, (taken.append(number) or number for number in range(500)), 2)
    assert next(results) == 0
    assert len(taken) <= 8
    assert list(results) == list(range(1, 500))
