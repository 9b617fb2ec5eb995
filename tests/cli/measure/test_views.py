"""Several measures, languages, layers and models from one reading of the texts."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_analysis import linear_cka
from xl_cli.cluster.spread import Spread
from xl_cli.measure.readings import OF_SPACE, SpaceConfig
from xl_cli.measure.registry import MEASURES, Measure
from xl_cli.measure.views import Space, space_rows
from xl_encoders import Encoder, ModelConfig, load_encoder, new_encoder
from xl_tasks import Row, load_texts


@pytest.fixture(scope="module")
def models(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the encoders `one/model`, `two/model` and, a layer deeper, `deep`."""
    folder = tmp_path_factory.mktemp("models")
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    for seed, name in enumerate(("one/model", "two/model")):
        new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=seed).save(folder / name)
    return folder


@pytest.fixture
def n_embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of texts of each call of `Encoder.embed`."""
    counted: list[int] = []
    embed: Any = Encoder.embed

    def counting(self: Encoder, texts: list[str], **more: object) -> object:
        counted.append(len(texts))
        return embed(self, texts, **more)

    monkeypatch.setattr(Encoder, "embed", counting)
    return counted


def test_every_text_is_read_once_for_all_layers_and_measures(corpus: Path, models: Path, n_embedded: list[int]) -> None:
    config = SpaceConfig(model=(str(models / "one/model"),), data=str(corpus), layer=("all",))
    seen: list[tuple[str, int]] = []

    def measure(name: str, space: Space, layer: int, _: SpaceConfig) -> list[Row]:
        views = space.views(layer)
        assert {language: view.shape for language, view in views.items()} == dict.fromkeys(space.languages, (120, 128))
        seen.append((name, layer))
        return [space.row(name, "first", view[0, 0], language, language, layer) for language, view in views.items()]

    rows = space_rows(
        config, Spread(config), *((lambda *call, name=name: measure(name, *call), config) for name in ("a", "b"))
    )
    assert n_embedded == [120, 120, 120]
    n_layers = len(seen) // 2
    assert seen == [(name, layer) for layer in range(n_layers) for name in ("a", "b")]
    encoder = load_encoder(models / "one/model")
    texts = load_texts(str(corpus)).texts["ell_Grek"]
    for row in rows:
        if row.source == "ell_Grek":
            first = encoder.embed([texts[min(texts)]], layer=row.layer or 0, pooling="mean-all")[0, 0]
            assert row.value == pytest.approx(float(first), abs=1e-4)  # float32, other padding
            assert (row.model, row.n, row.data) == ("model", 120, "lines")


def test_an_encoder_for_each_language(xl: Run, corpus: Path, models: Path) -> None:
    one, two = models / "one/model", models / "two/model"
    call = ("analyze", "cka", "--data", corpus, "--source", "eng", "--target", "ell", "--layer", "1", "--json")
    done = xl(*call, "--model", f"eng={one},Greek={two}")
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, done.stdout.splitlines())
    texts = load_texts(str(corpus)).texts
    views = [
        load_encoder(model).embed([texts[code][key] for key in sorted(texts[code])], layer=1, pooling="mean-all")
        for model, code in ((one, "eng_Latn"), (two, "ell_Grek"))
    ]
    assert row["value"] == pytest.approx(linear_cka(*views), abs=1e-6)
    assert row["model"] == "two/model+one/model"  # languages in alphabetical order


def test_languages_that_models_are_named_for_are_those_that_are_measured(xl: Run, corpus: Path, models: Path) -> None:
    assert len(load_texts(str(corpus)).texts) > 2
    model = f"eng={models / 'one/model'},Greek={models / 'two/model'}"
    done = xl("analyze", "cka", "--data", corpus, "--layer", "1", "--json", "--model", model)
    assert done.returncode == 0, done.stderr
    assert [(row["source"], row["target"]) for row in map(json.loads, done.stdout.splitlines())] == [
        ("ell_Grek", "eng_Latn")
    ]


@pytest.mark.slow
def test_several_models_are_measured_one_by_one(xl: Run, corpus: Path, models: Path) -> None:
    one, two = models / "one/model", models / "two/model"
    call = ("analyze", "cka", "--data", corpus, "--layer", "1", "--json")
    alone = [json.loads(xl(*call, "--model", model).stdout.splitlines()[0])["value"] for model in (one, two)]
    both = [json.loads(line) for line in xl(*call, "--model", one, "--model", two).stdout.splitlines()]
    assert len(both) == 6
    assert {row["model"]: row["value"] for row in reversed(both)} == dict(
        zip(["one/model", "two/model"], alone, strict=True)
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("eng={one}", "has no model for ell_Grek"),
        ("eng={one},ell={one},tur={one}", "--model: unknown language 'tur_Latn'"),
        ("eng={one},xx={one}", "--model: unknown language 'xx'"),
    ],
)
def test_models_that_do_not_fit_the_languages(xl: Run, corpus: Path, models: Path, given: str, told: str) -> None:
    model = given.format(one=models / "one/model")
    done = xl("analyze", "cka", "--data", corpus, "--source", "eng", "--target", "ell", "--model", model)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_may_have_an_equals_sign_in_its_name(xl: Run, corpus: Path, models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "one/model", tmp_path / "lr=1e-5,seed=2")
    done = xl("analyze", "cka", "--data", corpus, "--model", tmp_path / "lr=1e-5,seed=2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["model"] == "lr=1e-5,seed=2"


def spread_rows(config: SpaceConfig, spread: Spread) -> list[Row]:
    """Mean of the first column.

    Example: xl analyze spread
    """
    return space_rows(config, spread, (spread_at, config))


def spread_at(space: Space, layer: int, config: SpaceConfig) -> list[Row]:
    return [
        space.row("spread", "spread", float(np.std(view)), name, name, layer)
        for name, view in space.views(layer).items()
    ]


SPREAD = Measure(
    settings=SpaceConfig, rows=spread_rows, at_layer=spread_at, table="xl_analysis:pair_table", read_where=OF_SPACE
)


def test_the_measures_together_give_the_rows_of_each_alone(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, models: Path, n_embedded: list[int]
) -> None:
    import xl_cli.measure.space as together

    monkeypatch.setitem(MEASURES, "spread", f"{__name__}:SPREAD")
    monkeypatch.setitem(together._OF_VECTORS, "spread", SPREAD)
    monkeypatch.setitem(together._READ, "spread", together._SHARED)
    asked: Any = {"model": models / "one/model", "data": corpus, "layer": ["0", "1"]}
    rows = xl_cli.analyze("space", measures="cka, spread", debiased=True, **asked)
    assert sum(n_embedded) == 3 * 120
    alone = [*xl_cli.analyze("cka", debiased=True, **asked), *xl_cli.analyze("spread", **asked)]

    def key(row: Row) -> tuple[object, ...]:
        return row.task, row.layer, row.source, row.target

    assert sorted(rows, key=key) == sorted(alone, key=key)
    assert "spread" in str(rows)
    assert "cka debiased" in str(rows)
    with pytest.raises(xl_cli.UsageError, match="--debiased: no meaning without cka among --measures"):
        xl_cli.analyze("space", measures="spread", debiased=True, **asked)
    with pytest.raises(xl_cli.UsageError, match="--transform: no meaning with center at its end"):
        xl_cli.analyze("space", measures="cka", transform="center", **asked)
    assert xl_cli.analyze("space", measures="cka,spread", transform="center", **asked)


def test_a_measure_that_there_is_not(xl: Run, corpus: Path, models: Path) -> None:
    done = xl("analyze", "space", "--measures", "cca", "--model", models / "one/model", "--data", corpus)
    assert done.returncode == 2
    assert "unknown measure of vectors 'cca'; did you mean 'cka'?" in done.stderr
