"""`xl analyze tsne`: a picture or a page a layer, and what cannot be drawn."""

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

import xl_cli
from xl_encoders import ModelConfig, new_encoder


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "pico"
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=0).save(folder)
    return folder


def test_a_page_holds_every_text(corpus: Path, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "space.html"
    rows = xl_cli.analyze("tsne", model=model, data=corpus, layer="1", limit=8, perplexity=4.0, plot=str(page))
    content = page.read_text(encoding="utf-8")
    assert content.count("</title>") == 3 * 8 + 1  # a point a text and language, and the page's own
    assert (rows[0].metric, rows[0].n, rows[0].layer) == ("trustworthiness_tsne", 8, 1)
    assert 0 <= rows[0].value <= 1


def test_pictures_of_several_layers(corpus: Path, model: Path, tmp_path: Path) -> None:
    ask: dict[str, Any] = {"model": model, "data": corpus, "limit": 8, "method": "pca"}
    rows = xl_cli.analyze("tsne", **ask, layer=["0", "1"], plot=str(tmp_path / "space.png"))
    assert [row.metric for row in rows] == ["trustworthiness_pca"] * 2
    for layer in (0, 1):
        assert (tmp_path / f"space-layer{layer}.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_told_in_a_sentence(xl: Run, corpus: Path, model: Path, tmp_path: Path) -> None:
    ask = ("analyze", "tsne", "--model", model, "--data", corpus)
    for more, reason in (
        (("--plot", tmp_path / "space.jpg"), "name a file that ends in .html, .png, .svg, .pdf."),
        (("--plot", tmp_path / "a.png", "--method", "pca", "--seed", 1), "--seed: no meaning with --method pca"),
        ((), "--plot"),
    ):
        refused = xl(*ask, *more)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr
    few = xl(*ask, "--plot", tmp_path / "few.png", "--limit", 4)
    assert few.returncode == 1
    assert few.stderr.splitlines()[-1].startswith("xl: perplexity 30 does not fit 12 vectors; give a number above 0")
