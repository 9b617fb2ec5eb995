"""Word vectors in text and binary files: CPU and wall time a file, against other readers and writers.

    uv run python -m tests.bench.bench_vector_files [--words 20000] [--width 300] [--format .6f]

Ours are `read_vectors` and `write_vectors`. The peers read line by line with `numpy.fromstring` (as most scripts do),
field by field with `float`, with gensim, and with the readers of pandas and Arrow (numbers alone, nothing checked);
they write field by field with `format`, and with gensim. All read the same file from the cache of the disk and give a
float32 matrix. The ratio is that of the peer's time to ours in the same run; the best of `--repeat` counts.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas
from gensim.models import KeyedVectors
from numpy.typing import NDArray
from pyarrow import csv

from tests.bench.rows import note
from xl_staticemb import WordVectors, read_vectors, write_vectors


def by_fromstring(path: Path) -> NDArray[np.float32]:
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        n_words, width = map(int, next(lines).split())
        matrix = np.empty((n_words, width), dtype=np.float32)
        words = []
        for row, line in enumerate(lines):
            word, numbers = line.split(" ", 1)
            words.append(word)
            matrix[row] = np.fromstring(numbers, sep=" ", dtype=np.float32)
    return matrix


def by_float(path: Path) -> NDArray[np.float32]:
    with path.open(encoding="utf-8") as lines:
        next(lines)
        return np.array([[float(field) for field in line.rstrip().split(" ")[1:]] for line in lines], dtype=np.float32)


def by_pandas(path: Path) -> NDArray[np.float32]:
    numbers = dict.fromkeys(range(1, read_vectors(path, 1).width + 1), np.float32)
    return pandas.read_csv(
        path, sep=" ", header=None, skiprows=1, quoting=3, na_filter=False, dtype={0: object, **numbers}, index_col=0
    ).to_numpy(dtype=np.float32)


def by_arrow(path: Path) -> NDArray[np.float32]:
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(skip_rows=1, autogenerate_column_names=True, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
    )
    return np.column_stack([column.to_numpy() for column in table.columns[1:]]).astype(np.float32)


def by_format(path: Path, vectors: WordVectors) -> None:
    with path.open("w", encoding="utf-8") as out:
        print(len(vectors), vectors.width, file=out)
        for word, vector in zip(vectors.words, vectors.matrix.tolist(), strict=True):
            print(word, " ".join([f"{number:.9g}" for number in vector]), file=out)


def report(task: str, runs: dict[str, Callable[[], object]], n_numbers: int, repeat: int) -> None:
    best = {name: [float("inf"), float("inf")] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            took = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = [min(old, new) for old, new in zip(best[name], took, strict=True)]
    ours = best["ours"]
    note(task, f"{n_numbers:,} numbers", ours=ours[1], peer=best["gensim"][1], package="gensim", unit="s of CPU")
    print(task)
    for name, (wall, cpu) in best.items():
        print(
            f"  {name:28s} wall {wall:7.3f} s ({wall / ours[0]:5.1f} x ours)   CPU {cpu:7.3f} s "
            f"({cpu / ours[1]:5.1f} x)   {cpu / n_numbers * 1e9:6.1f} ns CPU a number"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--formats", nargs="*", default=[".6f", ".9g"], help="of the numbers that are read")
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    n_words, width = arguments.words, arguments.width
    matrix = np.random.default_rng(0).normal(size=(n_words, width)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    vectors = WordVectors([f"word{row}" for row in range(n_words)], matrix)
    with TemporaryDirectory() as scratch:
        for format_ in arguments.formats:
            path = Path(scratch) / "vectors.vec"
            with path.open("w", encoding="utf-8") as out:
                print(n_words, width, file=out)
                for word, vector in zip(vectors.words, matrix.tolist(), strict=True):
                    print(word, " ".join([format(number, format_) for number in vector]), file=out)
            np.testing.assert_array_equal(read_vectors(path).matrix, by_float(path))
            report(
                f"read text, {n_words} x {width}, numbers as {format_}",
                {
                    "ours": lambda path=path: read_vectors(path),
                    "line by line, fromstring": lambda path=path: by_fromstring(path),
                    "field by field, float": lambda path=path: by_float(path),
                    "gensim": lambda path=path: KeyedVectors.load_word2vec_format(str(path)),
                    "pandas": lambda path=path: by_pandas(path),
                    "Arrow, one thread": lambda path=path: by_arrow(path),
                },
                matrix.size,
                arguments.repeat,
            )
        ours, theirs = Path(scratch) / "ours.vec", Path(scratch) / "theirs.vec"
        gensim = vectors.to_gensim()
        report(
            f"write text, {n_words} x {width}, nine digits",
            {
                "ours": lambda: write_vectors(ours, vectors),
                "ours, six digits": lambda: write_vectors(theirs, vectors, digits=6),
                "field by field, format": lambda: by_format(theirs, vectors),
                "gensim": lambda: gensim.save_word2vec_format(str(theirs)),
            },
            matrix.size,
            arguments.repeat,
        )
        ours, theirs = Path(scratch) / "ours.bin", Path(scratch) / "theirs.bin"
        report(
            "write binary",
            {
                "ours": lambda: write_vectors(ours, vectors),
                "gensim": lambda: gensim.save_word2vec_format(str(theirs), binary=True),
            },
            matrix.size,
            arguments.repeat,
        )
        report(
            "read binary",
            {
                "ours": lambda: read_vectors(ours),
                "gensim": lambda: KeyedVectors.load_word2vec_format(str(ours), binary=True),
            },
            matrix.size,
            arguments.repeat,
        )


if __name__ == "__main__":
    main()
