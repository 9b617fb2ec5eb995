"""A share of each language's texts: how many, which, and the same from files of any kind in any order."""

import gzip
import hashlib
import math
import tracemalloc
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from xl_encoders import EncoderError, TextShare, TextStream
from xl_tasks import load_texts

TEXTS = st.text(
    st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=6
).filter(lambda text: text.strip() != "")
CORPORA = st.dictionaries(
    st.sampled_from(["eng_Latn", "ell_Grek", "tur_Latn"]), st.lists(TEXTS, min_size=1, max_size=30), min_size=1
)
SHARES = st.decimals("0.01", "1", places=2)


def slowly(corpus: dict[str, list[str]], share: TextShare) -> dict[str, Counter[str]]:
    """What is taken of each language, one text after another: those of the smallest keyed hashes."""

    def place(text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=8, key=share.seed.to_bytes(8, "big")).digest()

    taken: dict[str, Counter[str]] = {}
    seen: set[str] = set()
    for code in sorted(corpus):
        texts = [text for text in corpus[code] if not (share.unique and text in seen)]
        texts = list(dict.fromkeys(texts)) if share.unique else texts
        seen |= set(texts)
        n = max(math.ceil(Decimal(str(share.share)) * len(texts)), share.least)
        taken[code] = Counter(sorted(texts, key=place)[:n])
    return taken


def from_lines(corpus: dict[str, list[str]], folder: Path, share: TextShare) -> dict[str, Counter[str]]:
    for code, texts in corpus.items():
        with gzip.open(folder / f"{code}.txt.gz", "wt", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{text}\n" for text in texts)
    read = load_texts(folder, parallel=False, share=share)
    return {code: Counter(read.texts[code].values()) for code in read.languages}


def from_columns(rows: list[tuple[str, str]], path: Path, share: TextShare) -> dict[str, Counter[str]]:
    """Of each language, from a file of rows (language, text), read in two windows an epoch."""
    table = pa.table([pa.array([row[i] for row in rows], pa.string()) for i in (0, 1)], ["lang", "text"])
    parquet.write_table(table, path, row_group_size=7)
    stream = TextStream(
        [path], batch=1, seed=3, buffer=9, language_column="lang", columns=("text",), share=share,
        deduplicate=share.unique,
    )  # fmt: skip
    taken: dict[str, Counter[str]] = {code: Counter() for code, _ in rows}
    for number in range(stream.n_per_epoch):
        batch = stream[number]
        for code, text in zip(batch.languages or [], batch.originals, strict=True):
            taken[code][text] += 1
    assert {code: its.total() for code, its in taken.items() if its} == stream.languages
    return taken


@given(n=st.integers(0, 10_000), share=SHARES, least=st.integers(0, 200))
def test_as_many_as_asked(n: int, share: Decimal, least: int) -> None:
    taken = TextShare(share=float(share), least=least).n_of(n)
    assert taken == min(n, max(math.ceil(share * n), least))


def test_the_share_counts_as_it_is_written() -> None:
    assert math.ceil(0.07 * 100) == 8  # what a product of floats would take
    assert TextShare(share=0.07).n_of(100) == 7


@settings(deadline=None, max_examples=15)
@given(
    corpus=CORPORA, share=SHARES, least=st.integers(0, 20), seed=st.integers(0, 3), unique=st.booleans(), data=st.data()
)
def test_any_order_of_any_kind_of_file_gives_the_same_texts(
    tmp_path_factory: pytest.TempPathFactory, corpus: dict[str, list[str]], share: Decimal, least: int, seed: int,
    unique: bool, data: st.DataObject,
) -> None:  # fmt: skip
    pytest.importorskip("xxhash")  # of xl-encoders[streaming]
    asked = TextShare(share=float(share), least=least, seed=seed, unique=unique)
    expected = slowly(corpus, asked)
    folder = tmp_path_factory.mktemp("texts")
    shuffled = {code: data.draw(st.permutations(texts)) for code, texts in corpus.items()}
    assert from_lines(shuffled, folder, asked) == expected
    rows = data.draw(st.permutations([(code, text) for code, texts in corpus.items() for text in texts]))
    assert from_columns(rows, folder / "texts.parquet", asked) == expected


@settings(deadline=None, max_examples=20)
@given(corpus=CORPORA, shares=st.tuples(SHARES, SHARES), seed=st.integers(0, 3), unique=st.booleans())
def test_a_share_of_a_share_lies_in_both(
    tmp_path_factory: pytest.TempPathFactory, corpus: dict[str, list[str]], shares: tuple[Decimal, Decimal], seed: int,
    unique: bool,
) -> None:  # fmt: skip
    """Drawing again from what was drawn is drawing fewer: the smallest of the smallest hashes."""
    first, second = (TextShare(share=float(share), seed=seed, unique=unique) for share in shares)
    once = from_lines(corpus, tmp_path_factory.mktemp("once"), first)
    n_of = {code: its.total() for code, its in once.items()}
    twice = from_lines(
        {code: list(its.elements()) for code, its in once.items() if its}, tmp_path_factory.mktemp("twice"), second
    )
    for code, texts in twice.items():
        assert texts <= once[code]
        assert texts.total() == math.ceil(shares[1] * n_of[code])
        exactly = TextShare(share=1e-9, least=texts.total(), seed=seed, unique=unique)
        assert slowly({code: list(once[code].elements())}, exactly)[code] == texts


def test_a_number_beyond_the_size_takes_all_and_another_seed_others(tmp_path: Path) -> None:
    corpus = {"tur_Latn": [f"metin {i}" for i in range(200)]}
    assert from_lines(corpus, tmp_path, TextShare(share=0.01, least=500)) == {"tur_Latn": Counter(corpus["tur_Latn"])}
    one, other = (from_lines(corpus, tmp_path, TextShare(share=0.1, seed=seed))["tur_Latn"] for seed in (0, 1))
    assert one.total() == other.total() == 20
    assert one != other


def test_texts_that_are_not_taken_never_lie_in_memory(tmp_path: Path) -> None:
    """A thousandth of 4 MB: what the reading holds at most is hashes and that thousandth."""
    text = "".join(f"{i} {'x' * 200}\n" for i in range(20_000))
    (tmp_path / "tur_Latn.txt").write_text(text, encoding="utf-8")
    tracemalloc.start()
    read = load_texts(tmp_path, parallel=False, share=TextShare(share=0.001))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(read.texts["tur_Latn"]) == 20
    assert read.n_before == {"tur_Latn": 20_000}
    assert most < len(text) / 2


@pytest.mark.parametrize(
    "wrong", [{"share": 0.0}, {"share": 1.5}, {"share": 0.5, "least": -1}, {"share": 0.5, "seed": -1}]
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(EncoderError, match="give a share above 0 and at most 1"):
        TextShare(**wrong)  # ty: ignore[invalid-argument-type]
