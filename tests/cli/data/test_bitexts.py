"""Sentence pairs with the word links of both directions of an aligner."""

from pathlib import Path

import pytest

from xl_cli.data.bitexts import read_bitexts
from xl_cli.errors import CliError, UsageError
from xl_cli.recipe.config import DataConfig

FILES = {
    "a.tr": "ev çok büyük\n\ngel\n",
    "a.en": "the house is big\nlost\ncome\n",
    "forward": "0-1 1-2 2-3\n\n0-0\n",
    "reverse": "0-0 0-1 2-3\n\n\n",
}
# by hand: what the two directions of the first sentence pair give together
TOGETHER = {
    "": [(0, 1), (2, 3)],
    "intersection": [(0, 1), (2, 3)],
    "union": [(0, 0), (0, 1), (1, 2), (2, 3)],
    "grow-diag": [(0, 0), (0, 1), (1, 2), (2, 3)],
    "grow-diag-final-and": [(0, 0), (0, 1), (1, 2), (2, 3)],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def entry(folder: Path, symmetrization: str = "", reverse: str = "reverse") -> DataConfig:
    return DataConfig(
        kind="pairs",
        files=(f"{folder}/a.tr", f"{folder}/a.en"),
        alignments=(f"{folder}/forward",),
        reverse_alignments=(f"{folder}/{reverse}",) if reverse else (),
        symmetrization=symmetrization,
    )


@pytest.mark.parametrize("symmetrization", TOGETHER)
def test_both_directions_give_the_links(folder: Path, symmetrization: str) -> None:
    files: dict[str, str] = {}
    (bitext,) = read_bitexts(entry(folder, symmetrization), files)
    assert bitext.alignments is not None
    assert len(bitext) == 2  # the second line has words on one side alone
    assert list(bitext.alignments[0]) == TOGETHER[symmetrization]
    final = symmetrization in ("union", "grow-diag-final-and")
    assert list(bitext.alignments[1]) == ([(0, 0)] if final else [])
    assert f"{folder}/reverse" in files


def test_a_direction_that_does_not_fit_is_refused(folder: Path) -> None:
    (folder / "short").write_text("0-0\n", encoding="utf-8")
    with pytest.raises(CliError, match=r"no such file"):
        read_bitexts(entry(folder, reverse="gone"), {})
    (folder / "some").mkdir()
    with pytest.raises(CliError, match=r"some is a folder; name files of it\.$"):
        read_bitexts(entry(folder, reverse="some"), {})
    with pytest.raises(CliError, match=r"some is a folder; name files of it\. Or read it as .*data\.kind=parallel"):
        read_bitexts(DataConfig(kind="pairs", files=(f"{folder}/some", f"{folder}/a.en")), {})
    with pytest.raises(ValueError, match=r"short:2: there is no such line"):
        read_bitexts(entry(folder, reverse="short"), {})
    with pytest.raises(UsageError, match=r"symmetrization is union, but there is one direction alone"):
        entry(folder, "union", reverse="")
    with pytest.raises(UsageError, match=r"reverse_alignments has 1 files and data.alignments 0"):
        DataConfig(kind="pairs", reverse_alignments=("x",))
