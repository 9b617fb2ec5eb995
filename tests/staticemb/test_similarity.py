"""Word similarity: against gensim and scipy, conventions on pairs made by hand, the files of the field."""

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hmean, pearsonr, spearmanr

from xl_staticemb import (
    GoldPair,
    StaticembError,
    WordVectors,
    keys_path,
    pair_cosines,
    parse_similarity,
    read_similarity,
    word_similarity,
)

RNG = np.random.default_rng(3)
WORDS = ["king", "queen", "new", "york", "apple", "ice", "cream", "ice_cream", "Paris", "paris"]
VECTORS = WordVectors(WORDS, RNG.standard_normal((len(WORDS), 6)))


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def vector(word: str) -> np.ndarray:
    return VECTORS.matrix[WORDS.index(word)].astype(np.float64)


def random_pairs(n: int, seed: int) -> list[GoldPair]:
    rng = np.random.default_rng(seed)
    names = [f"w{i}" for i in range(40)] + ["unknown"]
    return [GoldPair(names[a], names[b], float(g)) for (a, b), g in zip(
        rng.integers(0, 41, (n, 2)), rng.integers(0, 17, n) / 4, strict=True
    )]  # fmt: skip


@pytest.mark.parametrize(("oov", "dummy"), [("skip", False), ("zero", True)])
def test_correlations_are_those_of_gensim(tmp_path: Path, oov: str, dummy: bool) -> None:
    vectors = WordVectors([f"w{i}" for i in range(40)], np.random.default_rng(0).standard_normal((40, 5)))
    pairs = random_pairs(120, 1)
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{a}\t{b}\t{g}\n" for a, b, g in pairs), encoding="utf-8")
    pearson, spearman, oov_percent = vectors.to_gensim().evaluate_word_pairs(str(file), dummy4unknown=dummy)
    score = word_similarity(vectors, None, read_similarity(file), oov=oov)
    # float32 cosines there, float64 here
    assert score.pearson == pytest.approx(pearson[0], abs=1e-6)
    assert score.spearman == pytest.approx(spearman[0], abs=1e-6)
    covered = [pair for pair in pairs if "unknown" not in pair]
    assert (score.n_pairs, score.n_covered) == (120, len(covered))
    assert score.n == (120 if dummy else len(covered))
    if not dummy:  # with dummies gensim counts nothing as out of vocabulary
        assert score.coverage == pytest.approx(1 - oov_percent / 100)
    assert score.missing == ("unknown",)


def test_mid_is_the_middle_of_the_cosines() -> None:
    pairs = [("king", "queen", 4.0), ("king", "xyz", 0.5), ("new", "york", 1.0), ("apple", "ice", 0.0), ("q", "r", 2.0)]
    known = [cosine(vector(a), vector(b)) for a, b, _ in (pairs[0], pairs[2], pairs[3])]
    middle = (min(known) + max(known)) / 2
    expected = [known[0], middle, known[1], known[2], middle]
    score = word_similarity(VECTORS, None, pairs, oov="mid")
    golds = [gold for _, _, gold in pairs]
    assert score.pearson == pytest.approx(pearsonr(expected, golds).statistic, abs=1e-12)
    assert score.spearman == pytest.approx(spearmanr(expected, golds).statistic, abs=1e-12)
    assert (score.n, score.n_covered, score.coverage) == (5, 3, 0.6)
    assert score.missing == ("xyz", "q", "r")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 30), oov=st.sampled_from(["skip", "mid", "zero"]))
def test_scores_obey_their_laws(seed: int, n: int, oov: str) -> None:
    vectors = WordVectors([f"w{i}" for i in range(40)], np.random.default_rng(seed).standard_normal((40, 4)))
    pairs = random_pairs(n, seed)
    score = word_similarity(vectors, None, pairs, oov=oov)
    # the scale and origin of the gold do not matter, nor the lengths of vectors, nor the order of pairs or of words
    scaled = WordVectors(vectors.words, vectors.matrix * np.exp2(np.arange(40) % 7 - 3)[:, None])
    changed = [(b, a, 10 * gold - 3) for a, b, gold in reversed(pairs)]
    again = word_similarity(scaled, None, changed, oov=oov)
    assert again.pearson == pytest.approx(score.pearson, abs=1e-9)
    assert again.spearman == pytest.approx(score.spearman, abs=1e-9)
    if min(score.pearson, score.spearman) > 0:
        assert score.harmonic == pytest.approx(hmean([score.pearson, score.spearman]))
    else:
        assert score.harmonic == 0.0
    # against the gold turned round there is nothing above zero on one of the two sides
    turned = word_similarity(vectors, None, [(a, b, -gold) for a, b, gold in pairs], oov=oov)
    assert turned.pearson == pytest.approx(-score.pearson)
    assert turned.spearman == pytest.approx(-score.spearman)
    assert score.harmonic == 0.0 or turned.harmonic == 0.0


def test_perfect_order_and_perfect_scale_are_told_apart() -> None:
    """Cosines of angles: golds equal to them give 1 and 1, golds in their order only Spearman 1."""
    angles = np.linspace(0, 3, 7)
    vectors = WordVectors(
        ["base", *(f"a{i}" for i in range(7))],
        [[1.0, 0.0], *([float(np.cos(a)), float(np.sin(a))] for a in angles)],
    )
    exact = word_similarity(vectors, None, [("base", f"a{i}", float(np.cos(a))) for i, a in enumerate(angles)])
    assert (exact.pearson, exact.spearman, exact.harmonic) == pytest.approx((1, 1, 1), abs=1e-6)
    order = word_similarity(vectors, None, [("base", f"a{i}", float(np.exp(-3 * a))) for i, a in enumerate(angles)])
    assert order.spearman == pytest.approx(1)
    assert order.pearson < 0.9


def test_pairs_of_one_word_tie() -> None:
    """Their cosine is 1 up to rounding, which must not order them."""
    names = [f"w{i}" for i in range(30)]
    vectors = WordVectors(names, np.random.default_rng(1).standard_normal((30, 7)))
    cosines = pair_cosines(vectors, None, [(name, name) for name in names])
    assert len(set(cosines.tolist())) > 1  # or the test would test nothing
    golds = np.arange(31.0)
    pairs = [(name, name, float(i)) for i, name in enumerate(names)]
    score = word_similarity(vectors, None, [*pairs, ("w0", "w1", 30.0)])
    assert score.spearman == pytest.approx(spearmanr([1.0] * 30 + [0.0], golds).statistic)


def test_two_vocabularies_of_one_space() -> None:
    """The second words are looked up in the second vocabulary only, even where the first has them too."""
    source = WordVectors(["cat", "dog", "taxi"], RNG.standard_normal((3, 4)))
    target = WordVectors(["gato", "perro", "taxi"], RNG.standard_normal((3, 4)))
    pairs = [("cat", "gato"), ("dog", "taxi"), ("taxi", "perro"), ("gato", "cat"), ("dog", "dog")]
    s, t = source.matrix.astype(np.float64), target.matrix.astype(np.float64)
    expected = [cosine(s[0], t[0]), cosine(s[1], t[2]), cosine(s[2], t[1]), np.nan, np.nan]
    np.testing.assert_allclose(pair_cosines(source, target, pairs), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("settings_", "entry", "parts"),
    [
        ({}, "new york", ["new", "york"]),
        ({}, "ice cream", ["ice", "cream"]),
        ({"multiword": "token"}, "ice cream", ["ice_cream"]),
        ({"multiword": "token"}, "Ice Cream", ["ice_cream"]),
        ({"multiword": "token"}, "new york", ["new", "york"]),
        ({"multiword": "skip"}, "new york", None),
        ({}, "new delhi", None),
        ({}, "Paris", ["Paris"]),
        ({"lower": "always"}, "Paris", ["paris"]),
        ({"lower": "never"}, "King", None),
        ({}, "King", ["king"]),
        ({"lower": "never"}, "New York", None),
        ({"split": lambda entry: entry.split("-")}, "new-york", ["new", "york"]),
        ({}, "ice_cream", ["ice_cream"]),
    ],
)
def test_what_an_entry_is_looked_up_as(settings_: dict, entry: str, parts: list[str] | None) -> None:
    found = pair_cosines(VECTORS, None, [(entry, "apple")], **settings_)[0]
    if parts is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(cosine(np.mean([vector(part) for part in parts], axis=0), vector("apple")))


def test_a_vector_of_zeros_is_like_nothing() -> None:
    vectors = WordVectors(["a", "b"], [[0.0, 0.0], [1.0, 2.0]])
    assert pair_cosines(vectors, None, [("a", "b"), ("a", "a")]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("pairs", "settings_", "message"),
    [
        ([("king", "queen", 1.0)], {"oov": "median"}, "oov 'median' is not known; it can be skip, mid, zero"),
        ([("king", "queen", 1.0)], {"lower": "yes"}, "lower 'yes'"),
        ([("king", "queen", 1.0)], {"multiword": "sum"}, "multiword 'sum'"),
        ([], {}, "no pairs"),
        ([("king", "queen", 1.0), ("x", "y", 2.0)], {}, "only 1 pair"),
        ([("king", "queen", 1.0), ("king", "queen", 2.0)], {}, "all 2 cosines are"),
        ([("king", "queen", 1.0), ("king", "apple", 1.0)], {}, "all 2 gold similarities are 1"),
        ([("x", "y", 1.0), ("y", "z", 2.0)], {}, "none of the 2 pairs .* begins with 'king'"),
    ],
)
def test_what_cannot_be_scored_is_said(pairs: list, settings_: dict, message: str) -> None:
    with pytest.raises(StaticembError, match=message):
        word_similarity(VECTORS, None, pairs, **settings_)


def test_vocabularies_that_do_not_fit_are_said() -> None:
    other = WordVectors(["rey", "reina"], np.eye(2))
    with pytest.raises(StaticembError, match="widths are 6 and 2"):
        word_similarity(VECTORS, other, [("king", "rey", 1.0), ("queen", "reina", 2.0)])
    other = WordVectors(["rey", "reina"], np.eye(6)[:2])
    with pytest.raises(StaticembError, match="changed round"):
        word_similarity(VECTORS, other, [("rey", "king", 1.0), ("reina", "queen", 2.0)])


def test_layouts_of_gold_files(tmp_path: Path) -> None:
    pairs = [("New York", "apple pie", 3.5), ("a", "b", 0.0), ("ça", "日本", 1.25)]
    merged = "".join(f"{a}\t{b}\t{g}\n" for a, b, g in pairs)
    plain = tmp_path / "en.test.txt"
    plain.write_text("\ufeff" + merged.replace("\n", "\r\n") + "\n", encoding="utf-8", newline="")
    (tmp_path / "x.gz").write_bytes(gzip.compress(merged.encode()))
    (tmp_path / "x.xz").write_bytes(lzma.compress(merged.encode()))
    (tmp_path / "head.tsv").write_text("word1\tword2\tscore\n" + merged, encoding="utf-8")
    for path in (plain, tmp_path / "x.gz", tmp_path / "x.xz", tmp_path / "head.tsv"):
        assert read_similarity(path) == pairs
    assert parse_similarity(["a b 0.5", "", "c  d\t1"][:1], "-") == [("a", "b", 0.5)]
    # pairs and gold apart, in the folders of the task or side by side
    for folder, keys in (("data", "keys"), ("one", "one")):
        for name in (folder, keys):
            (tmp_path / "official" / name).mkdir(parents=True, exist_ok=True)
        data = tmp_path / "official" / folder / "en-de.test.data.txt"
        data.write_text("".join(f"{a}\t{b}\n" for a, b, _ in pairs), encoding="utf-8")
        gold = tmp_path / "official" / keys / "en-de.test.gold.txt"
        gold.write_text("".join(f"{g}\n" for *_, g in pairs), encoding="utf-8")
        assert keys_path(data) == gold
        assert read_similarity(data) == pairs
    (tmp_path / "other.txt").write_text("1\n2\n3\n", encoding="utf-8")
    assert [pair.gold for pair in read_similarity(data, tmp_path / "other.txt")] == [1, 2, 3]
    assert keys_path(plain) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\t1\na\tb\tx\n", r"bad\.txt:2: the gold similarity must be a finite number, not 'x'"),
        ("a\tb\tnan\n", r"bad\.txt:1: .* finite"),
        ("a\tb\t1\t2\n", r"bad\.txt:1: expected word1<TAB>word2<TAB>gold"),
        ("a\tb\t1\n\n\tb\t1\n", r"bad\.txt:3: expected"),
        ("a\tb\n", r"bad\.txt:1: two fields and no gold number"),
        ("\n\n", "holds no pairs"),
        (b"a\tb\t1\n\xff\tb\t1\n", r"bad\.txt:2: not UTF-8 \(byte 0xff\)"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StaticembError, match=message):
        read_similarity(path)


def test_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(StaticembError, match="no such file"):
        read_similarity(tmp_path / "absent.txt")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"a\tb\t1\n" * 99)[:20])
    with pytest.raises(StaticembError, match="cut short"):
        read_similarity(tmp_path / "cut.txt.gz")
    data, gold = tmp_path / "en.test.data.txt", tmp_path / "en.test.gold.txt"
    data.write_text("a\tb\nc\td\n", encoding="utf-8")
    for keys, message in (("1\n", "2 pairs and .* 1 gold"), ("1\nx\n", r"gold\.txt:2: .*finite"), ("", "0 gold")):
        gold.write_text(keys, encoding="utf-8")
        with pytest.raises(StaticembError, match=message):
            read_similarity(data)
    data.write_text("a\tb\t1\n", encoding="utf-8")
    with pytest.raises(StaticembError, match=r"data\.txt:1: expected word1<TAB>word2, its gold is in"):
        read_similarity(data)


@pytest.mark.data
def test_files_of_semeval(data_folder: Path) -> None:
    """All twelve: as many pairs as lines, gold within 0 to 4; a vocabulary of all words covers every pair."""
    files = sorted((data_folder / "semeval17_task2").glob("*.txt"))
    assert len(files) == 12
    for path in files:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        pairs = read_similarity(path)
        assert [f"{a}\t{b}" for a, b, _ in pairs] == [line.rsplit("\t", 1)[0] for line in lines]
        assert all(0 <= pair.gold <= 4 for pair in pairs)
        words = sorted({word.lower() for pair in pairs for entry in pair[:2] for word in entry.split()})
        vectors = WordVectors(words, np.random.default_rng(0).standard_normal((len(words), 8)))
        score = word_similarity(vectors, vectors, pairs)
        assert score.coverage == 1
        golds = [pair.gold for pair in pairs]
        assert score.spearman == pytest.approx(spearmanr(pair_cosines(vectors, None, [p[:2] for p in pairs]), golds)[0])
