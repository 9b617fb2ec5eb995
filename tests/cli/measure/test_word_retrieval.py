"""`xl analyze word-retrieval`: figures of slow loops over the library's own word vectors, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import greek, sentences, write_lines

from xl_encoders import ModelConfig, load_encoder, new_encoder, save_model

N = 12
TEXTS = [" ".join(line.split()[:4]) for line in sentences(N, seed=3)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    write_lines(folder / "a.ell_Grek", [greek(line) for line in TEXTS])
    write_lines(folder / "a.eng_Latn", [" ".join(line.split()[::-1]) for line in TEXTS])
    links = [[(i, len(line.split()) - 1 - i) for i in range(len(line.split()))] for line in TEXTS]
    links[0].append((0, 0))  # of a word that is linked twice no link is asked
    write_lines(folder / "links", [" ".join(f"{i}-{j}" for i, j in its) for its in links])
    config = ModelConfig(size="pico", pieces=60, max_len=64)
    save_model(new_encoder([*TEXTS, *map(greek, TEXTS)], config, seed=1), folder / "model")
    return folder


def slow_hits(x: np.ndarray, z: np.ndarray, links: list[tuple[int, int]], *, csls: bool) -> float:
    x, z = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x.astype(float), z.astype(float)))
    cosines = x @ z.T
    scores = cosines
    if csls:
        r_x = np.array([np.mean(sorted(row)[-10:]) for row in cosines])
        r_z = np.array([np.mean(sorted(column)[-10:]) for column in cosines.T])
        scores = 2 * cosines - r_x[:, None] - r_z[None]
    return float(np.mean([int(np.argmax(scores[i])) == j for i, j in links]))


def test_figures_are_those_of_slow_loops(xl: Run, files: Path) -> None:
    result = xl(
        "analyze", "word-retrieval", "--model", files / "model", "--files", files / "a.ell_Grek", "--files",
        files / "a.eng_Latn", "--links", files / "links", "--tokenized", "--layer", "1", "--how", "mean", "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = {(row["metric"], row["source"]): row for row in map(json.loads, result.stdout.splitlines())}
    encoder = load_encoder(str(files / "model"), max_len=64)
    sides = []
    for name in ("a.ell_Grek", "a.eng_Latn"):
        lines = (files / name).read_text(encoding="utf-8").splitlines()
        spans = [[(s, s + len(w)) for s, w in _spans(line)] for line in lines]
        sides.append(encoder.word_vectors(lines, layer=1, how="mean", words=spans))
    counts = [[len(words.vectors) for words in side] for side in sides]
    starts = [[sum(its[:k]) for k in range(N)] for its in counts]
    links = []
    for pair, line in enumerate((files / "links").read_text(encoding="utf-8").splitlines()):
        its = [(int(a), int(b)) for a, b in (link.split("-") for link in line.split())]
        for i, j in its:
            if sum(a == i for a, _ in its) == 1 and sum(b == j for _, b in its) == 1:
                links.append((starts[0][pair] + i, starts[1][pair] + j))
    x, z = (np.concatenate([words.vectors for words in side]) for side in sides)
    assert len(found) == 4
    for metric in ("csls", "cosine"):
        there = slow_hits(x, z, links, csls=metric == "csls")
        back = slow_hits(z, x, [(j, i) for i, j in links], csls=metric == "csls")
        assert found[metric, "ell_Grek"]["value"] == pytest.approx(there)
        assert found[metric, "eng_Latn"]["value"] == pytest.approx(back)
        assert found[metric, "eng_Latn"]["n"] == len(links) < sum(counts[0])


def _spans(line: str) -> list[tuple[int, str]]:
    found, start = [], 0
    for word in line.split(" "):
        found.append((start, word))
        start += len(word) + 1
    return found


def test_a_text_beside_itself_finds_every_word(xl: Run, files: Path) -> None:
    """The same sentence on both sides: by cosine each occurrence is nearest to itself."""
    links = files / "same"
    write_lines(links, [" ".join(f"{i}-{i}" for i in range(len(line.split()))) for line in TEXTS])
    own = ["--files", files / "a.eng_Latn"] * 2
    result = xl(
        "analyze", "word-retrieval", "--model", files / "model", *own, "--links", links, "--tokenized", "--json"
    )
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["value"] for row in rows if row["metric"] == "cosine"] == [1.0, 1.0]


def test_what_is_missing_is_told(xl: Run, files: Path, tmp_path: Path) -> None:
    base = ["analyze", "word-retrieval", "--model", files / "model", "--files", files / "a.eng_Latn"]
    both = [*base, "--files", files / "a.ell_Grek"]
    (tmp_path / "none").write_text("\n" * N, encoding="utf-8")
    for arguments, told in (
        (both, "--links is missing"),
        ([*base, "--links", files / "links"], "--files is there 1 times; give one .tsv, or two files"),
        ([*both, "--links", tmp_path / "none", "--tokenized"], "no word is linked to one other alone"),
    ):
        result = xl(*arguments)
        assert result.returncode in (1, 2)
        assert told in result.stderr
