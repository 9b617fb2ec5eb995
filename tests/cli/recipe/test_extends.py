"""`extends`: a recipe that says what differs is the recipe that says all of it."""

import itertools
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_cli.errors import UsageError
from xl_cli.recipe.files import shipped_recipes
from xl_cli.recipe.recipe import load_recipe

# Settings of ot-word, some of which make others of it meaningless: key of --set, section of the file, key, value.
CHANGES = [
    ("model.from", "[model]", "from", "new"),
    ("model.size", "[model]", "size", "small"),
    ("train.lr", "[train]", "lr", 3e-4),
    ("train.steps", "[train]", "steps", 70),
    ("train.batch", "[train]", "batch", 3),
    ("data.pairs.limit", '[[data]]\nname = "pairs"', "limit", 7),
    ("data.pairs.kind", '[[data]]\nname = "pairs"', "kind", "parallel"),
    ("objective.ot.blur", '[[objective]]\nname = "ot"', "blur", 0.5),
    ("objective.ot.words", '[[objective]]\nname = "ot"', "words", "first"),
    ("select.every", "[select]", "every", 20),
    ("eval.limit", "[eval]", "limit", 40),
]
ANOTHER = [
    ("train.variants", "[train]", "variants", ["ot", "ot+l2"]),
    ("objective.l2.drift", '[[objective]]\nname = "l2"', "drift", 0.25),
]


def resolved(name_or_path: str | Path, overrides: list[str] | None = None) -> dict[str, Any]:
    return load_recipe(str(name_or_path), overrides or [], plan_only=True).as_dict()


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tables(changes: list[tuple]) -> list[str]:
    """The changes as TOML, a table for each section, in the order in which they come."""
    sections = dict.fromkeys(section for _, section, _, _ in changes)
    return [
        "\n".join([section, *(f"{key} = {json.dumps(value)}" for _, its, key, value in changes if its == section)])
        for section in sections
    ]


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_that_only_extends_is_the_one_that_it_extends(name: str, tmp_path: Path) -> None:
    assert resolved(write(tmp_path / "mine.toml", f'extends = "{name}"')) == resolved(name)


@pytest.mark.slow
@given(st.permutations(CHANGES), st.integers(0, len(CHANGES)), st.booleans(), st.randoms())
def test_a_child_says_what_set_says_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple], n_changes: int, another: bool, random: Random
) -> None:
    changes = changes[:n_changes] + (ANOTHER if another else [])
    settings = [f"{key}={json.dumps(value)}" for key, _, _, value in changes]
    if any(key.startswith("data.") for key, *_ in changes):
        settings.append("data.0.name=pairs")
    folder = tmp_path_factory.mktemp("recipes")
    wanted = resolved("ot-word", settings)
    child = write(folder / "child.toml", 'extends = "ot-word"', *tables(changes))
    assert resolved(child) == wanted
    random.shuffle(changes)
    assert resolved(write(folder / "shuffled.toml", 'extends = "ot-word"', *tables(changes))) == wanted
    # A part of the changes in a file, the rest in one that extends it, and in --set.
    cut = random.randint(0, len(changes))
    write(folder / "sub" / "first.toml", 'extends = "ot-word"', *tables(changes[:cut]))
    second = write(folder / "second.toml", 'extends = "sub/first.toml"', *tables(changes[cut:]))
    assert resolved(second) == wanted
    assert resolved(second, settings) == wanted


def test_data_and_objectives_are_merged_by_name_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = resolved("static-dcca")
    parts = [
        '[[data]]\nname = "vectors"\nlimit = 5',
        '[[data]]\nname = "text"\nlimit = 6',
        '[[data]]\nname = "more"\nkind = "text"',
        '[[objective]]\nname = "dcca"\nk = 3',
        '[[objective]]\nname = "mlm"\nweight = 2.0',
    ]
    monkeypatch.chdir(tmp_path.parent)
    for order in itertools.permutations(parts, 5):
        child = resolved(write(tmp_path / "mine.toml", 'extends = "static-dcca"', *order))
        text, vectors, more = child["data"]
        assert (text, vectors) == ({**parent["data"][0], "limit": 6}, {**parent["data"][1], "limit": 5})
        assert (more["name"], more["kind"]) == ("more", "text")
        mlm, dcca = child["objective"]
        assert mlm == {**parent["objective"][0], "weight": 2.0}
        assert dcca == {**parent["objective"][1], "k": 3}
        assert {key: child[key] for key in ("model", "train", "select")} == {
            key: parent[key] for key in ("model", "train", "select")
        }


def test_a_circle_is_one_sentence_with_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("self.toml"), 'extends = "self.toml"')
    write(Path("a.toml"), 'extends = "sub/b.toml"')
    write(Path("sub/b.toml"), 'extends = "../c.toml"')
    write(Path("c.toml"), 'extends = "a.toml"')
    for name, chain in (
        ("self.toml", "self.toml -> self.toml"),
        ("a.toml", "a.toml -> sub/b.toml -> sub/../c.toml -> "),
    ):
        with pytest.raises(UsageError) as refusal:
            resolved(name)
        assert str(refusal.value).startswith(chain)
        assert "circle" in str(refusal.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('"ot-wrod"', "mine.toml -> base.toml extends 'ot-wrod': unknown recipe 'ot-wrod'; did you mean 'ot-word'?"),
        ('"there.toml"', "mine.toml -> base.toml extends 'there.toml': there.toml: no such recipe file."),
        ('"sub/"', "mine.toml -> base.toml extends 'sub/': sub/: no such recipe file."),
        ("3", "mine.toml -> base.toml: extends is 3; it takes a shipped recipe's name or a .toml file, in quotes."),
        ('"broken.toml"', "mine.toml -> base.toml -> broken.toml: not valid TOML: "),
    ],
)
def test_what_cannot_be_extended_is_named_with_the_chain(
    said: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("broken.toml"), "[train")
    write(Path("base.toml"), f"extends = {said}")
    write(Path("mine.toml"), 'extends = "base.toml"')
    with pytest.raises(UsageError) as refusal:
        resolved("mine.toml")
    assert str(refusal.value).startswith(told)
    assert len(str(refusal.value).splitlines()) == 1


def test_faults_of_form_are_told_as_in_a_whole_recipe(tmp_path: Path) -> None:
    for lines, told in (
        (["[[data]]", "limit = 3"], "a [[data]] that changes text or vectors of the recipe it extends has to name it."),
        (["[[objective]]", "weight = 3.0"], "unknown objective ''"),
        (['[[objective]]\nname = "mlm"'] * 2, "objective mlm stands twice in the recipe"),
        (["train = 3"], "train has to be a table"),
        (["data = 3"], "data has to be a list of tables"),
        (["[trian]", "lr = 1.0"], "unknown recipe section 'trian'"),
        (["[extend]", 'name = "ppa"'], "unknown recipe section 'extend'; did you mean 'extends'?"),
        (["[train]", "rl = 1.0"], "unknown key 'train.rl'"),
    ):
        top = [line for line in lines if line.endswith(" = 3") and not lines[0].startswith("[")]
        with pytest.raises(UsageError) as refusal:
            resolved(write(tmp_path / "mine.toml", *top, 'extends = "static-dcca"', *([] if top else lines)))
        assert told in str(refusal.value)


def test_an_objective_that_no_variant_trains_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = write(tmp_path / "own.toml", 'extends = "names"', "[[objective]]", 'name = "l2"')
    assert "l2" not in load_recipe(str(own)).objectives
    assert "no variant of train.variants trains l2" in capsys.readouterr().err
    load_recipe(str(own), ["train.variants=mlm"])  # who says what to train knows what is left out
    load_recipe("names")
    assert capsys.readouterr().err == ""
