"""The layout of robust training: zero-shot, generalised, and matrices with the means of their rows and columns."""

import itertools
from collections.abc import Iterator

import numpy as np

from xl_analysis import laid_out, read_layout

LANGUAGES = ("eng_Latn", "deu_Latn", "kor_Hang")
SYSTEMS = ("", "at eps_rel=0.01,0.1 by dev")
SEEDS = (7, 8)
CELLS = np.random.default_rng(4).uniform(0.4, 0.9, size=(len(SYSTEMS), len(SEEDS), len(LANGUAGES), len(LANGUAGES)))


def rows() -> Iterator[dict]:
    """Each seed chose a radius of its own."""
    for (system, robust), (place, seed) in itertools.product(enumerate(SYSTEMS), enumerate(SEEDS)):
        chosen = f": robust.eps_rel={(0.01, 0.1)[place]}" if robust else ""
        about = {
            "task": "pawsx", "metric": "accuracy", "source": "eng_Latn", "seed": seed, "model": "mbert",
            "split": "test", "robust": robust, "tuning": f"full/robust-xlt{chosen}", "n": 2000,
        }  # fmt: skip
        matrix = CELLS[system, place]
        for language, value in zip(LANGUAGES, matrix.diagonal(), strict=True):
            yield {**about, "target": language, "value": value, "protocol": "zero-shot"}
        for i, j in np.ndindex(matrix.shape):
            target = f"{LANGUAGES[i]}+{LANGUAGES[j]}"
            yield {**about, "target": target, "value": matrix[i, j], "protocol": "mixed-language"}
        same = np.eye(len(LANGUAGES), dtype=bool)
        for name, cells in (("diagonal", matrix[same]), ("off-diagonal", matrix[~same])):
            yield {**about, "target": name, "value": cells.mean(), "protocol": "mixed-language"}


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def test_rows_and_columns_of_the_matrix() -> None:
    made = laid_out(list(rows()), read_layout("robust"))
    assert (made.empty, made.tasks, made.languages) == (["XNLI", "XNLI, generalised"], [], [])
    transfer, generalised, *matrices = made.tables
    means = CELLS.mean(axis=1)
    assert [line[0] for line in transfer.body] == [f"mbert{f' (robust {name})' if name else ''}" for name in SYSTEMS]
    for line, matrix in zip(transfer.body, means, strict=True):
        shown = {name: cell.split(" ")[0] for name, cell in zip(transfer.header, line, strict=True)}
        assert shown["Average"] == percent(matrix.diagonal().mean())
        assert shown["kor"] == percent(matrix[2, 2])
    same = np.eye(len(LANGUAGES), dtype=bool)
    for line, matrix in zip(generalised.body, means, strict=True):
        assert [cell.split(" ")[0] for cell in line[1:]] == [
            percent(matrix[same].mean()),
            percent(matrix[~same].mean()),
        ]
    assert len(matrices) == len(SYSTEMS)
    order = np.argsort(LANGUAGES)
    for table, matrix in zip(matrices, means[:, order][:, :, order], strict=True):
        expected = np.block([[matrix, matrix.mean(1, keepdims=True)], [matrix.mean(0), matrix.mean()]])
        assert [list(line[1:]) for line in table.body] == [[percent(value) for value in line] for line in expected]
