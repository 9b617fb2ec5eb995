"""`--set`: any order gives the same recipe, and what was set is there or is refused by name."""

import tomllib
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.thinned import thinned

from xl_cli.errors import CliError, UsageError
from xl_cli.recipe.faults import SettingFaults
from xl_cli.recipe.files import shipped_recipes
from xl_cli.recipe.overrides import SECTIONS
from xl_cli.recipe.recipe import load_recipe

# Settings that change what others mean: another kind of data, a new model, another length, data with names.
NEW = ["model.from=new", "model.layer=2", "model.pooling=first", "model.max_len=40", "model.size=small"]
TEXT = ["data.kind=text", "data.files=X", 'data.languages=["tr"]', "data.held_out=0.3"]
LENGTH = ["train.epochs=3", "train.batch=7", "select.every=5", "select.metric=top1"]
SETS = {
    "names": [*NEW, *TEXT, *LENGTH, "objective.seq.weight=2.5"],
    "scratch": [*NEW, *TEXT, *LENGTH, "objective.ot.weight=0.5", "train.variants=mlm+ot+l2", "objective.l2.drift=0.0",
                "data.1.kind=pairs", "data.1.files=['a', 'b']", "data.1.name=bitext"],
    "ppa": ["model.from=here", "model.layer=3", *TEXT, *LENGTH, "objective.tlm.truncate=right"],
    "ppa-maf": ["data.kind=parallel", "data.files=X", 'data.languages=["tr"]', *NEW, *LENGTH],
    "ppa-sea": ["data.kind=names", 'data.languages=["tr"]', *NEW, *LENGTH],
    "ppa-ipa": [*NEW, *TEXT, *LENGTH],
    "ppa-ot": ["data.text.kind=parallel", "data.text.files=X", "data.bitext.kind=text", "data.bitext.files=Y", *NEW],
    "static-dcca": ["data.text.name=corpus", "data.corpus.files=X", "data.vectors.files=Y", "train.steps=9", *NEW],
    "static-fasttext-dcca": ["data.0.name=corpus", "data.corpus.files=X", "data.vectors.files=Y", "select.every=0"],
    "static-mlm": ["data.0.kind=parallel", "data.0.files=X", *NEW],
    "static-mse": ["data.text.files=X", "data.vectors.files=Y", *NEW],
    "ot-word": ["data.kind=parallel", "data.files=X", 'data.languages=["tr", "en"]', *NEW, *LENGTH],
    "ot-subword": ["data.kind=names", *NEW, *LENGTH],
    "ot-large": ["data.files=['a', 'b']", "data.alignments=c", *NEW, *LENGTH],
    "amber": ["data.files=['a', 'b']", "objective.attention.layer=1", *NEW],
    "weam": ["data.files=['a', 'b']", "data.alignments=c", *NEW],
    "adopt": ["model.from=here", "data.files=X", "data.bitext.files=['a', 'b']", "data.bitext.limit=9", *LENGTH[:2],
              "objective.teach.reverse=2.0", "train.only=new"],
    "ot-l2": ["data.files=['a', 'b']", "objective.l2.layer=1", *NEW],
}  # fmt: skip


def test_every_shipped_recipe_has_a_set() -> None:
    """A recipe that others add takes part with what any recipe takes."""
    assert set(SETS) <= set(shipped_recipes())


@pytest.mark.parametrize("name", thinned(shipped_recipes(), 4))
@given(data=st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_any_order_of_settings_gives_the_same_recipe(name: str, data: st.DataObject) -> None:
    chosen = SETS.get(name, NEW)
    if name.startswith("ot-") and "data.files" not in str(chosen) and "names" not in str(chosen):
        chosen = [*chosen, "data.files=['a', 'b']"]
    shuffled = data.draw(st.permutations(chosen))
    content = load_recipe(name, shuffled).as_dict()
    assert content == load_recipe(name, chosen).as_dict()
    for text in chosen:
        assert_set(content, text)


def assert_set(content: dict, text: str) -> None:
    """What a user wrote stands in the recipe under that key."""
    key, _, written = text.partition("=")
    section, *rest = key.split(".")
    assert section in SECTIONS
    if section == "data":
        entries = content["data"]
        names = [entry["name"] for entry in entries]
        # Under a name that --set changes as well, the entry is the first, by the order of the recipes above.
        number = (
            0 if len(rest) == 1 or rest[0] == "text" else int(rest[0]) if rest[0].isdigit() else names.index(rest[0])
        )
        found = entries[number][rest[-1]]
    elif section == "objective":
        found = next(entry for entry in content["objective"] if entry["name"] == rest[0])[rest[1]]
    else:
        found = content[section][rest[0]]
    try:
        wanted = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        wanted = written
    assert found == ([wanted] if isinstance(found, list) and isinstance(wanted, str) else wanted), text


@pytest.mark.parametrize("order", list(permutations(["data.files=X", "data.kind=text", "data.languages=['tr']"])))
def test_files_before_and_after_the_kind(order: tuple[str, ...]) -> None:
    entry = load_recipe("names", order).data[0]
    assert (entry.kind, entry.files, entry.languages) == ("text", ("X",), ("tr",))


def test_a_key_given_twice_has_its_last_value() -> None:
    assert load_recipe("names", ["train.batch=3", "train.batch=5"]).train.batch == 5


@pytest.mark.parametrize(
    ("name", "given_", "words"),
    [
        ("names", ["model.revision=abc"], "model.revision names a commit on the hub, but model.from is new"),
        ("names", ["train.steps=3", "train.epochs=2"], "train.epochs is given, but train.steps decides"),
        ("names", ["objective.ot.weight=2"], "objective.ot.weight is given, but no variant of train.variants trains"),
        ("names", ["select.metric=top1"], "select.metric is given, but select.every is 0"),
        ("names", ["data.buffer=20"], "data.0.buffer is given, but data of kind names does not read it"),
        ("ot-word", ["data.files=['a', 'b']", "data.held_out=0.5"], "data of kind pairs does not read it"),
        ("names", ["eval.data=X", "eval.split=dev"], "eval.split is a slice of the run's own data, but eval.data"),
    ],
)
def test_what_a_run_would_not_read_is_refused(name: str, given_: list[str], words: str) -> None:
    for order in permutations(given_):
        with pytest.raises(UsageError) as raised:
            load_recipe(name, order)
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        (["model.from=xlm-roberta-base", "model.size=base"], "note: model.size shapes a new model"),
        (["select.every=2", "select.task=mlm", "select.metric=top1"], "note: select.metric has no effect"),
    ],
)
def test_what_has_no_effect_is_said(capsys: pytest.CaptureFixture[str], given_: list[str], words: str) -> None:
    for order in permutations(given_):
        load_recipe("names", order)
        assert words in capsys.readouterr().err


def test_all_faults_are_told_at_once() -> None:
    """Eight faults of six sections, a line each, and none of their consequences."""
    wrong = [
        "model.size=hueg", "model.dropout=2.0", "train.lr=-1.0", "train.stesp=3", "train.batch=many",
        "objective.seq.temperature=0.0", "objective.seq.similarity=cos", "select.keep=-1",
    ]  # fmt: skip
    with pytest.raises(UsageError) as raised:
        load_recipe("names", wrong)
    first, *lines = str(raised.value).split("\n")
    assert first == "8 faults:"
    for setting in wrong:
        key = setting.partition("=")[0]
        assert sum(line.startswith((f"  {key} ", f"  unknown key '{key}'")) for line in lines) == 1, key
    assert len(lines) == 8


def test_what_is_missing_is_told_beside_wrong_keys_of_its_section() -> None:
    missing = ["data.files=/no/text", "model.from=/no/model"]
    for wrong in (["data.kind=texts"], ["model.dropout=2.0"], ["data.held_out=3.0", "model.layers=3"], []):
        with pytest.raises(UsageError if wrong else CliError) as raised:
            load_recipe("ppa", [*missing, *wrong], SettingFaults())
        first, *lines = str(raised.value).split("\n")
        assert first == f"{2 + len(wrong)} faults:"
        for told in (*(setting.partition("=")[0] for setting in wrong), "/no/text", "/no/model"):
            assert sum(told in line for line in lines) == 1, told


def test_a_fault_of_two_keys_is_one_fault() -> None:
    with pytest.raises(UsageError) as raised:
        load_recipe("names", ["data.held_out=0.7", "data.dev=0.5"])
    assert str(raised.value).count("\n") == 0
    with pytest.raises(UsageError) as raised:
        load_recipe("names", ["data.kind=text"])
    assert str(raised.value).count("\n") == 0
