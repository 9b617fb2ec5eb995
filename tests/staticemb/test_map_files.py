"""Files mapped block by block against the same map in memory, whatever the format and the memory allowed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.thinned import thinned

from xl_staticemb import (
    MappingConfig,
    Normalization,
    PivotMap,
    StaticembError,
    WordVectors,
    induction_accuracy,
    learn_mapping,
    map_files,
    map_files_to_pivot,
    read_vectors,
    seed_pairs,
    write_vectors,
)
from xl_staticemb.files import stored_rows
from xl_staticemb.mapping.pivot import split_dictionary

N, WIDTH = 500, 12


def planted(folder: Path, suffix: str = ".vec") -> tuple[WordVectors, WordVectors, list[tuple[str, str]]]:
    """A vocabulary and a turned, noisy copy in another order; all pairs of it."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, WIDTH)) * rng.gamma(2, size=WIDTH) + 0.3
    rotation = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    order = rng.permutation(N)
    source = WordVectors([f"s{row}" for row in range(N)], matrix)
    target = WordVectors([f"t{row}" for row in order], (matrix @ rotation + 0.05 * rng.normal(size=(N, WIDTH)))[order])
    write_vectors(folder / f"source{suffix}", source)
    write_vectors(folder / f"target{suffix}", target)
    return source, target, [(f"s{row}", f"t{row}") for row in range(N)]


def mapped_in_memory(
    source: WordVectors, target: WordVectors, config: MappingConfig, pairs: list[tuple[str, str]] | None
) -> list[np.ndarray]:
    x, z = (Normalization(config.normalization).fit_apply(side.matrix) for side in (source, target))
    rows = None
    if config.dictionary != "unsupervised":
        rows = seed_pairs(config.dictionary, source.words, target.words, pairs)
    mapping = learn_mapping(x, z, config, pairs=rows, seed=3)
    return [x @ mapping.source, z @ mapping.target]


@pytest.mark.parametrize("suffix", [".vec", ".bin", ".safetensors", ".vec.gz"])
@pytest.mark.parametrize("most_bytes", [0, 10_000, 1 << 30])
def test_supervised_equals_the_map_in_memory(
    tmp_path: Path, suffix: str, most_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_rows, "_ROWS", 70)  # several blocks
    source, target, pairs = planted(tmp_path, suffix)
    config = MappingConfig.preset("supervised")
    before = {file.name for file in tmp_path.iterdir()}
    found = map_files(
        *(tmp_path / f"{name}{suffix}" for name in ("source", "target", "x", "z")),
        config,
        dictionary=pairs[50:150],
        seeds=[3],
        most_bytes=most_bytes,
    )
    expected = mapped_in_memory(source, target, config, pairs[50:150])
    for name, side, matrix in zip("xz", (source, target), expected, strict=True):
        got = read_vectors(tmp_path / f"{name}{suffix}")
        assert got.words == side.words
        # sums of other blocks and another order of float32 products
        np.testing.assert_allclose(got.matrix, matrix, atol=2e-5)
    assert (found.n_source, found.n_target, found.n_start, found.n_seeds, found.n_failed) == (N, N, 100, 1, 0)
    assert found.mapping.pairs[0].tolist() == list(range(50, 150))
    left = {file.name for file in tmp_path.iterdir()} - before
    beside = {"x.vocab.txt", "z.vocab.txt"} if suffix == ".safetensors" else set()
    assert left == {f"x{suffix}", f"z{suffix}"} | beside


@pytest.mark.parametrize("cutoff", thinned([0, 200], 2))
def test_self_learning_sees_the_same_words_as_in_memory(tmp_path: Path, cutoff: int) -> None:
    source, target, pairs = planted(tmp_path)
    config = MappingConfig.preset("semi_supervised", cutoff=cutoff, keep=1.0, interval=1, max_iterations=6)
    found = map_files(
        *(tmp_path / f"{name}.vec" for name in ("source", "target", "x", "z")),
        config,
        dictionary=pairs[300:360],  # beyond the cutoff
        seeds=[3],
        most_bytes=0,
    )
    expected = mapped_in_memory(source, target, config, pairs[300:360])
    for name, matrix in zip("xz", expected, strict=True):
        np.testing.assert_allclose(read_vectors(tmp_path / f"{name}.vec").matrix, matrix, atol=1e-4)
    limit = cutoff or N
    assert all(rows.max() < limit for rows in found.mapping.pairs)


def test_several_seeds_and_a_limit(tmp_path: Path) -> None:
    planted(tmp_path)
    seen: list[int] = []
    config = MappingConfig.preset("unsupervised", max_iterations=4, cutoff=150, unsupervised_words=150)
    files = [tmp_path / f"{name}.vec" for name in ("source", "target", "x", "z")]
    found = map_files(
        *files,
        config,
        seeds=[0, 1],
        limit=200,
        keep_failed=True,  # so few iterations find nothing
        progress=lambda iteration, *_: seen.append(iteration),
    )
    assert (found.n_seeds, found.n_start, found.n_source, found.written) == (2, 0, 200, True)
    assert len(read_vectors(tmp_path / "x.vec")) == 200
    assert seen


def test_a_map_all_of_whose_seeds_failed_is_not_written(tmp_path: Path) -> None:
    planted(tmp_path)
    write_vectors(
        tmp_path / "other.vec",
        WordVectors([f"t{row}" for row in range(N)], np.random.default_rng(9).normal(size=(N, WIDTH))),
    )
    before = {file.name for file in tmp_path.iterdir()}
    config = MappingConfig.preset("unsupervised", max_iterations=4, cutoff=150, unsupervised_words=150)
    files = [tmp_path / f"{name}.vec" for name in ("source", "other", "x", "z")]
    found = map_files(*files, config, seeds=[0, 1], limit=200)
    assert (found.n_failed, found.n_seeds, found.written) == (2, 2, False)
    assert {file.name for file in tmp_path.iterdir()} == before


def test_a_language_that_cannot_be_mapped_does_not_stop_the_others(tmp_path: Path) -> None:
    _, _, pairs = planted(tmp_path)
    (tmp_path / "broken.vec").write_text("2 2\nsu 1 2\nev 3\n", encoding="utf-8")
    names = ("aaa_Latn", "bbb_Latn", "ccc_Latn", "ddd_Latn")
    files = dict(zip(names, (tmp_path / f"{name}.vec" for name in ("broken", "source", "source", "none")), strict=True))
    pivot = "eng_Latn", tmp_path / "target.vec"
    turned = [(target, source) for source, target in pairs]
    dictionaries = {"aaa_Latn": pairs, "bbb_Latn": pairs[:350], "ccc_Latn": turned, "ddd_Latn": pairs}
    found = dict(map_files_to_pivot(pivot, files, dictionaries, tmp_path / "out"))
    assert {name for name, each in found.items() if isinstance(each, StaticembError)} == set(names) - {"bbb_Latn"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"eng_Latn.vec", "bbb_Latn.vec", "summary.json"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["languages"]
    assert [each["language"] for each in summary if "failed" in each] == ["aaa_Latn", "ccc_Latn", "ddd_Latn"]
    assert "broken.vec:3: expected a word and 2 numbers" in summary[0]["failed"]
    alone = dict(map_files_to_pivot(pivot, {"bbb_Latn": files["bbb_Latn"]}, dictionaries, tmp_path / "alone"))
    one, other = found["bbb_Latn"], alone["bbb_Latn"]
    assert isinstance(one, PivotMap)
    assert isinstance(other, PivotMap)
    np.testing.assert_array_equal(one.matrix, other.matrix)
    with pytest.raises(StaticembError, match="broken"):
        list(map_files_to_pivot(pivot, {"aaa_Latn": files["aaa_Latn"]}, dictionaries, tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_what_is_refused_leaves_no_files(tmp_path: Path) -> None:
    _, _, pairs = planted(tmp_path)
    before = {file.name for file in tmp_path.iterdir()}
    source, target, x, z = (tmp_path / f"{name}.vec" for name in ("source", "target", "x", "z"))
    supervised = MappingConfig.preset("supervised")
    cases: list[tuple[tuple[Path, Path, Path, Path, MappingConfig], dict[str, Any], str]] = [
        ((source, target, x, x, supervised), {"dictionary": pairs}, "both outputs"),
        ((source, target, source, z, supervised), {"dictionary": pairs}, "this is an input"),
        ((source, target, tmp_path / "none" / "x.vec", z, supervised), {"dictionary": pairs}, "no folder"),
        ((source, target, x, z, supervised), {}, "give a dictionary"),
        ((source, target, x, z, MappingConfig.preset("identical")), {"dictionary": pairs}, "leave the dictionary out"),
        ((source, target, x, z, supervised), {"dictionary": [("no", "such")]}, "no pair|none of"),
        ((source, target, x, z, supervised), {"dictionary": pairs, "seeds": [0, 1]}, "no seed changes"),
        ((tmp_path / "none.vec", target, x, z, supervised), {"dictionary": pairs}, "no such file"),
    ]
    for arguments, options, what in cases:
        with pytest.raises(StaticembError, match=what):
            map_files(*arguments, **options)
    assert {file.name for file in tmp_path.iterdir()} == before


def test_a_pivot_keeps_its_space_and_a_language_that_needs_no_map_keeps_its_vectors(tmp_path: Path) -> None:
    source, target, pairs = planted(tmp_path)
    write_vectors(tmp_path / "near.vec", WordVectors(target.words, target.matrix))
    files = {"aaa_Latn": tmp_path / "source.vec", "bbb_Latn": tmp_path / "near.vec"}
    # training pairs that are all wrong and held-out ones that are right: without a map is better
    train, held_out = split_dictionary((word, word) for word in target.words)
    wrong = [(word, other) for (word, _), (other, _) in zip(train[1:], train, strict=False)]
    out = tmp_path / "out"
    found = dict(
        map_files_to_pivot(
            ("eng_Latn", tmp_path / "target.vec"),
            files,
            {"aaa_Latn": pairs[:350], "bbb_Latn": [*wrong, *held_out]},
            out,
            suffix=".bin",
        )
    )
    assert {file.name for file in out.iterdir()} == {"eng_Latn.bin", "aaa_Latn.bin", "bbb_Latn.bin", "summary.json"}
    pivot = read_vectors(out / "eng_Latn.bin")
    np.testing.assert_allclose(pivot.matrix, Normalization().fit_apply(target.matrix), atol=1e-6)
    first = read_vectors(out / "aaa_Latn.bin")
    mapped, left = found["aaa_Latn"], found["bbb_Latn"]
    assert isinstance(mapped, PivotMap)
    assert isinstance(left, PivotMap)
    assert mapped.aligned
    assert not left.aligned
    assert left.unaligned_score == 1
    np.testing.assert_array_equal(read_vectors(out / "bbb_Latn.bin").matrix, pivot.matrix)
    chosen = [each["chosen"] for each in json.loads((out / "summary.json").read_text())["languages"]]
    assert chosen == ["aligned", "unaligned"]
    assert induction_accuracy(first, pivot, pairs[350:]).precision[1] > 0.95
    # a rotation leaves lengths and cosines as they were
    x = Normalization().fit_apply(source.matrix)
    np.testing.assert_allclose(first.matrix @ first.matrix.T, x @ x.T, atol=1e-5)
    with pytest.raises(StaticembError, match="there already"):
        list(map_files_to_pivot(("eng_Latn", tmp_path / "target.vec"), files, {}, out))
    with pytest.raises(StaticembError, match="aaa_Latn, bbb_Latn: no dictionary"):
        list(map_files_to_pivot(("eng_Latn", tmp_path / "target.vec"), files, {}, tmp_path / "new"))
    assert not (tmp_path / "new").exists()
