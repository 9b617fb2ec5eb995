"""The short programs of docs/scripts solve what they say, each with one package beside the libraries it names."""

import contextlib
import io
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from tests.cli.made_data import sentences, write_lines

from xl_encoders import ModelConfig, new_encoder
from xl_staticemb import WordVectors, write_vectors

SCRIPTS = {path.stem: path for path in (Path(__file__).parents[2] / "docs" / "scripts").glob("*.py")}

pytestmark = pytest.mark.slow


def said(name: str, *arguments: object) -> str:
    """What a script prints; run here, where the libraries are loaded."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(sys, "argv", [str(SCRIPTS[name]), *map(str, arguments)])
        runpy.run_path(str(SCRIPTS[name]), run_name="__main__")
    return out.getvalue()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    new_encoder(sentences(60), ModelConfig(size="pico", pieces=80, max_len=40), seed=1).save(folder)
    return folder


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_uses_one_package(name: str) -> None:
    text = SCRIPTS[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 36
    [package] = set(re.findall(r"^from (xl_\w+) import", text, re.M))
    assert f"needs {package.replace('_', '-')}" in text


def test_every_package_has_one() -> None:
    used = {
        found for path in SCRIPTS.values() for found in re.findall(r"^from (xl_\w+)", path.read_text("utf-8"), re.M)
    }
    assert used == {"xl_translit", "xl_staticemb", "xl_objectives", "xl_encoders", "xl_tasks", "xl_analysis"}


def test_a_column_is_romanised(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["Ελλάδα", None, "Россия"], "n": [1, 2, 3]})
    table.to_csv(tmp_path / "in.csv", index=False)
    said("romanise_column", tmp_path / "in.csv", "name", tmp_path / "out.csv")
    done = pd.read_csv(tmp_path / "out.csv")
    assert done["name_latn"].fillna("").tolist() == ["Ellada", "", "Rossiya"]
    assert done["n"].tolist() == [1, 2, 3]


def test_transport_finds_a_rotation() -> None:
    found = re.search(r"off by ([0-9.]+)", said("ot_in_a_loop"))
    assert found
    assert float(found[1]) < 0.1  # two rotations drawn at random are off by 4


def test_layers_of_one_model_are_like_themselves(model: Path, tmp_path: Path) -> None:
    text = write_lines(tmp_path / "text.txt", sentences(40))
    rows = [line.split()[1:] for line in said("cka_of_two_models", model, model, text).splitlines()]
    likeness = np.array(rows, dtype=float)
    assert likeness.shape[0] == likeness.shape[1] >= 2
    assert np.diag(likeness) == pytest.approx(1, abs=1e-3)
    assert likeness == pytest.approx(likeness.T, abs=1e-3)


def test_a_map_translates_what_was_held_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    matrix, turn = rng.normal(size=(300, 20)), np.linalg.qr(rng.normal(size=(20, 20)))[0]
    write_vectors(tmp_path / "a.vec", WordVectors([f"a{i}" for i in range(300)], matrix))
    write_vectors(tmp_path / "b.vec", WordVectors([f"b{i}" for i in range(300)], matrix @ turn))
    write_lines(tmp_path / "pairs.tsv", [f"a{i}\tb{i}" for i in range(200)])
    told = said("map_fasttext", *(tmp_path / name for name in ("a.vec", "b.vec", "pairs.tsv", "c.vec", "d.vec")))
    assert told == "40 of 40 held-back words find their translation first\n"


def test_a_model_is_scored_on_tatoeba(model: Path, tmp_path: Path) -> None:
    texts = sentences(20)
    write_lines(tmp_path / "tatoeba.tur-eng.tur", texts)
    write_lines(tmp_path / "tatoeba.tur-eng.eng", texts)
    assert said("score_on_tatoeba", model, tmp_path) == "tur_Latn: 1.000 into English, 1.000 back, 20 pairs\n"


def test_layers_come_as_columns(model: Path, tmp_path: Path) -> None:
    text = write_lines(tmp_path / "text.txt", sentences(5))
    said("layers_as_table", model, text, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["text"].to_pylist() == sentences(5)
    assert len({len(row) for row in table["layer_0"].to_pylist()}) == 1
