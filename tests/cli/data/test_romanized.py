"""A corpus that was romanised before a run is read, and belongs to its text or is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import small

from xl_cli import plan
from xl_cli.alignment.align import _checked
from xl_cli.alignment.parts import Sources
from xl_cli.data.run_data import Transliteration
from xl_cli.errors import CliError
from xl_translit import romanize_corpus


@pytest.fixture(scope="module")
def pairs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one file as Parquet, of the other two as text with pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    romanize_corpus(corpus / "ell_Grek.txt", folder / "greek.parquet", pairs=True)
    romanize_corpus([corpus / "eng_Latn.txt", corpus / "tr.txt"], folder / "rest.txt.gz", pairs=True)
    return folder


def sources(corpus: Path, folder: Path, *settings: str) -> Sources:
    recipe, data, _ = _checked("names", [*small(corpus)[2::2], *settings], None, resume=False)
    return Sources(recipe=recipe, data=data, folder=folder)


def test_what_was_romanised_is_read_and_not_made_again(
    corpus: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sources(corpus, tmp_path).romanised(0)
    assert len(set(made)) > 100

    def never(*_: Any) -> list[str]:
        raise AssertionError

    monkeypatch.setattr(Transliteration, "__call__", never)
    written = sources(corpus, tmp_path, f"data.romanized={pairs}")
    assert written.romanised(0) == made
    assert set(written.data.files) == {str(pairs / "greek.parquet"), str(pairs / "rest.txt.gz")}
    plan("names", set=[*small(corpus)[2::2], f"data.romanized={pairs}"])


def refusal(corpus: Path, *settings: str) -> str:
    with pytest.raises(CliError) as refused:
        _checked("names", [*small(corpus)[2::2], *settings], None, resume=False)
    return str(refused.value)


def test_pairs_of_other_text_are_refused(corpus: Path, pairs: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(corpus, changed)
    with (changed / "tr.txt").open("a", encoding="utf-8") as file:
        file.write("yeni\n")
    assert "made of another" in refusal(changed, f"data.romanized={pairs}", "data.kind=text")
    other = tmp_path / "fra_Latn.txt"
    other.write_text("été\n", encoding="utf-8")
    romanize_corpus(other, tmp_path / "other.tsv", pairs=True)
    assert "which is not in" in refusal(corpus, f"data.romanized={tmp_path}/other.tsv")
    assert "no such file or folder" in refusal(corpus, "data.romanized=nowhere.tsv")
    assert "made with --to latn, but data.to is ipa" in refusal(corpus, f"data.romanized={pairs}", "data.to=ipa")


def test_pairs_that_nothing_reads_are_refused(corpus: Path, pairs: Path, tmp_path: Path) -> None:
    romanize_corpus(corpus / "tr.txt", tmp_path / "tr.parquet", pairs=True)
    of_stream = ["data.kind=text", f"data.files={tmp_path}/tr.parquet", f"data.romanized={pairs}"]
    assert "it holds the texts too" in refusal(corpus, *of_stream)
    assert "reads no transliterations" in refusal(
        corpus, f"data.romanized={pairs}", "train.variants=mlm", "objective.mlm.text=original"
    )


def test_a_text_without_its_pair_is_named(corpus: Path, pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"nothing there is of the text .* give data.romanized the pairs of all"):
        sources(corpus, tmp_path, f"data.romanized={pairs}/greek.parquet").romanised(0)
