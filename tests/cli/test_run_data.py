"""Nothing that is scored was trained on; the plan's figures are those of the data."""

from pathlib import Path

import pytest
from tests.cli.conftest import small

from xl_cli.plan import plan
from xl_cli.recipe import Recipe, load_recipe
from xl_cli.run_data import first_by_hash, load_data
from xl_encoders import train_tokenizer
from xl_tasks import hold_out
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
    figures = plan(recipe, data)
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
