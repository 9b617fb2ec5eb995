"""Nothing that is scored was trained on; the plan's figures are those of the data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tests.cli.conftest import small

import xl_cli
from xl_cli.alignment.estimate import estimate
from xl_cli.alignment.parts import open_stream
from xl_cli.data import run_data
from xl_cli.data.bitexts import SplitTexts
from xl_cli.data.run_data import load_data
from xl_cli.errors import UsageError
from xl_cli.recipe.config import DataConfig
from xl_cli.recipe.recipe import Recipe, load_recipe
from xl_encoders import train_tokenizer
from xl_staticemb import WordVectors, write_vectors
from xl_tasks import hold_out
from xl_tasks.drawing import first_by_hash
from xl_translit import Romanizer


def recipe_of(corpus: Path, *more: str) -> Recipe:
    return load_recipe("names", small(corpus, *more)[2::2])


@pytest.mark.parametrize("split", ["test", "dev"])
def test_scored_items_are_the_split_and_never_trained_on(corpus: Path, split: str) -> None:
    data = load_data(recipe_of(corpus, f"eval.split={split}"))
    parallel, keys = data.scored[0]
    splits = hold_out(parallel, test=0.2, dev=0.1)
    assert set(keys) == {key for key in parallel.keys if splits[key] == split}
    held_out = {texts[key] for texts in parallel.texts.values() for key in splits if splits[key] != "train"}
    assert not held_out & set(data.training)
    assert len(data.training) == len(set(data.training)) > 100


def test_a_limit_takes_the_same_items_whatever_their_order() -> None:
    keys = [f"k{i}" for i in range(50)]
    assert first_by_hash(keys, 7) == first_by_hash(keys[::-1], 7)
    assert set(first_by_hash(keys, 7)) < set(first_by_hash(keys, 20))
    assert first_by_hash(keys, 0) == sorted(keys)


def test_the_plan_counts_tokens_with_their_specials(corpus: Path) -> None:
    recipe = recipe_of(corpus, "train.accumulate=2")
    data = load_data(recipe)
    figures: dict[str, Any] = estimate(recipe, data)
    romaniser = Romanizer()
    latin = [romaniser(text) for text in data.training]
    tokenizer = train_tokenizer([*data.training, *latin], n_pieces=80, lower_case=True)
    both = [
        len(tokenizer(text)["input_ids"]) + len(tokenizer(other)["input_ids"])
        for text, other in zip(data.training, latin, strict=True)
    ]
    # A joined pair has three specials where the two single passes have four.
    per_text = sum(both) / len(both)
    n_read = 6 * 2 * 16
    assert figures["about tokens read"]["mlm"] == pytest.approx(n_read * per_text, abs=1)
    assert figures["about tokens read"]["mlm+seq+tlm"] == pytest.approx(n_read * (2 * per_text - 1), abs=1)
    assert figures["training texts"] == len(data.training)
    assert figures["scored items"] == {data.corpora[0].name: len(data.scored[0][1])}


def test_one_corpus_in_two_data_is_scored_once_and_held_out_alike(corpus: Path, tmp_path: Path) -> None:
    entry = f'[[data]]\nname = "{{}}"\nkind = "parallel"\nfiles = ["{corpus}"]\nheld_out = {{}}\n'
    rest = '[[objective]]\nname = "mlm"\n[[objective]]\nname = "ot"\ndata = ["b"]\n[train]\nvariants = ["mlm+ot"]\n'
    file = tmp_path / "two.toml"
    file.write_text(entry.format("a", 0.2) + entry.format("b", 0.2) + rest)
    assert len(load_data(load_recipe(str(file))).scored) == 1
    file.write_text(entry.format("a", 0.2) + entry.format("b", 0.0) + rest)
    with pytest.raises(UsageError, match="data a and data b both read lines, but hold out other shares"):
        load_data(load_recipe(str(file)))


@pytest.mark.parametrize(("to", "column"), [("latn", "romanized"), ("ipa", "ipa"), ("phonemes", "phonemes")])
def test_the_second_column_is_the_one_that_xl_translit_writes(tmp_path: Path, to: str, column: str) -> None:
    """Read, not made again: the column says what no transliteration would."""
    table = pa.table({"text": ["αβ", "γδ"], column: ["one", "two"], "transliteration": ["no", "no"]})
    parquet.write_table(table, tmp_path / "x.parquet")
    entry = DataConfig(kind="text", files=("x.parquet",), to=to)
    batch = open_stream([tmp_path / "x.parquet"], entry, batch=2, seed=1)[0]
    assert sorted(zip(batch.originals, batch.romanised or [], strict=True)) == [("αβ", "one"), ("γδ", "two")]


def test_a_folder_of_mapped_vectors_is_read_as_it_was_written(corpus: Path, tmp_path: Path) -> None:
    """`xl static map --pivot` leaves a summary beside the vectors, `xl static multilingual` rows and a page too."""
    words = {code: [f"{code}{i}" for i in range(6)] for code in ("deu", "eng")}
    rng = np.random.default_rng(0)
    for code, its in words.items():
        write_vectors(tmp_path / f"{code}.vec", WordVectors(its, rng.normal(size=(6, 4)).astype(np.float32)))
    pairs = zip(words["deu"], words["eng"], strict=True)
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    files = [f"deu={tmp_path / 'deu.vec'}"]
    out, pivot = tmp_path / "mapped", f"eng={tmp_path / 'eng.vec'}"
    xl_cli.map_vectors(files, pivot=pivot, dictionary=[f"deu={tmp_path / 'pairs.tsv'}"], choose="off", out=out)
    beside = sorted(path.name for path in out.iterdir() if path.suffix != ".vec")
    assert beside == ["summary.json"]
    (out / "chosen.md").write_text("# chosen\n", encoding="utf-8")
    given = [f'data.vectors.files="{out}"', f'data.text.files="{corpus}"', "select.every=0"]
    [teacher] = load_data(load_recipe("static-mse", given)).vectors.values()
    assert teacher.words == [*words["deu"], *words["eng"]]
    assert list(teacher.groups) == [0] * 6 + [1] * 6


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
)


@given(content=JSON)
def test_a_fingerprint_is_of_the_json_of_all(content: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xl_cli.data.run_data._SLICE", 3)
        assert "".join(run_data._as_json(content)) == json.dumps(content)


def test_words_are_split_when_they_are_read() -> None:
    texts = SplitTexts(["a b", "c"], str.split)
    assert [*texts] == texts[:] == [["a", "b"], ["c"]]
    assert texts[-1] == ["c"]
