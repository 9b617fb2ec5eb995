"""`[vocabulary]`: what the run adds and takes out before training, what it says of that, and what it refuses."""

import json
from pathlib import Path

import pytest
import torch
from tests.cli.conftest import Run
from tests.cli.made_data import about_of
from tests.encoders.vocabulary.unigram import LATIN, saved, tibetan, unigram_encoder
from transformers import AutoModel

from xl_cli.folder.run_folder import RunFolder
from xl_encoders import load_encoder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "bod_Tibt.txt").write_text("\n".join(tibetan(60)) + "\n", encoding="utf-8")
    (tmp_path / "texts" / "eng_Latn.txt").write_text("\n".join(LATIN[:2]) + "\n", encoding="utf-8")
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "tur_Latn.txt").write_text("\n".join(LATIN[2:4]) + "\n", encoding="utf-8")
    saved(tmp_path / "latin")
    return tmp_path


def arguments(place: Path, *settings: str) -> list[str]:
    every = [
        f'model.from="{place / "latin"}"', 'data.kind="text"', f'data.files="{place / "texts"}"', "data.held_out=0.0",
        "data.dev=0.0", "train.variants=seq", "train.steps=1", "train.batch=8", "train.lr=1e-30", "model.max_len=40",
        "eval.string_match=false", *settings,
    ]  # fmt: skip
    return ["align", "scratch", *(part for one in every for part in ("--set", one))]


def test_a_script_is_added_and_what_it_did_is_told(xl: Run, place: Path) -> None:
    settings = ("vocabulary.budget=60", "vocabulary.start=romanised", f'vocabulary.known="{place / "known"}"')
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    assert "writes eng_Latn already; no pieces are learnt for that" in result.stderr
    about = about_of(place / "run")["vocabulary"]
    assert about["learnt_from"] == ["bod_Tibt"]
    assert about["n_after"] - about["n_before"] == about["n_added"] <= 60
    # Every figure counted again with the two tokenizers.
    texts = {"bod_Tibt": tibetan(60), "eng_Latn": LATIN[:2], "tur_Latn": LATIN[2:4]}
    found = {(row.target, row.metric, row.variant): row.value for row in RunFolder(place / "run").rows()}
    old, new = unigram_encoder().tokenizer, load_encoder(place / "run" / "model").tokenizer
    for language, lines in texts.items():
        for variant, tokenizer in (("before", old), ("after", new)):
            ids = [index for line in lines for index in tokenizer(line, add_special_tokens=False)["input_ids"]]
            assert found[language, "unknown_pieces", variant] == ids.count(tokenizer.unk_token_id) / len(ids)
            assert found[language, "tokens_per_text", variant] == len(ids) / len(lines)
        assert found[language, "cut_as_before", "after"] == (language != "bod_Tibt")
        shown = [
            f"{100 * found[language, 'unknown_pieces', 'before']:.2f}",
            f"{100 * found[language, 'unknown_pieces', 'after']:.2f}",
            f"{found[language, 'tokens_per_text', 'before']:.1f}",
            f"{found[language, 'tokens_per_text', 'after']:.1f}",
            f"{100 * found[language, 'cut_as_before', 'after']:.1f}",
            str(len(lines)),
        ]
        assert [language, *shown] in [line.split() for line in result.stderr.splitlines()]
        assert [language, *shown] in [line.split() for line in xl("report", place / "run").stdout.splitlines()]
    assert found["bod_Tibt", "unknown_pieces", "before"] > 0.3
    assert found["bod_Tibt", "unknown_pieces", "after"] == 0
    report = xl("report", place / "run", "--format", "csv")
    assert report.returncode == 0, report.stderr
    assert "cut_as_before" in report.stdout
    # Training began from the start that was made: old rows are those of the folder, new ones means of old ones.
    rows = AutoModel.from_pretrained(place / "run" / "model").get_input_embeddings().weight
    own = AutoModel.from_pretrained(place / "latin").get_input_embeddings().weight
    torch.testing.assert_close(rows[: len(own)], own)


def test_every_language_that_is_scored_is_counted(xl: Run, place: Path) -> None:
    (place / "scored").mkdir()
    for code, lines in (("deu_Latn", LATIN[4:6]), ("fra_Latn", LATIN[2:4])):
        (place / "scored" / f"{code}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = ("vocabulary.budget=60", f'eval.data="{place / "scored"}"')
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    found = {row.target: row for row in RunFolder(place / "run").rows() if row.metric == "cut_as_before"}
    assert set(found) == {"bod_Tibt", "eng_Latn", "deu_Latn", "fra_Latn"}
    assert found["deu_Latn"].value == 1
    assert found["deu_Latn"].n == 2


def test_pieces_that_nothing_needs_go(xl: Run, place: Path) -> None:
    settings = ("vocabulary.prune=true", "vocabulary.budget=40", f'vocabulary.known="{place / "known"}"')
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    about = about_of(place / "run")["vocabulary"]
    assert about["n_pruned"] > 0
    assert about["n_after"] == about["n_before"] - about["n_pruned"] + about["n_added"]
    found = {row.target: row.value for row in RunFolder(place / "run").rows() if row.metric == "cut_as_before"}
    assert found == {"bod_Tibt": 0, "eng_Latn": 1, "tur_Latn": 1}


@pytest.mark.parametrize(
    ("settings", "told", "code"),
    [
        (["vocabulary.budget=3"], "vocabulary.budget is 3, but the texts have", 1),
        (["vocabulary.budget=60", "model.from=new"], "model.from is new, and a new model's vocabulary is made of", 2),
        (["vocabulary.start=ofa", "vocabulary.budget=9"], "is ofa, which reads vocabulary.vectors; give it", 2),
        (["vocabulary.dictionary=x", "vocabulary.budget=9"], "vocabulary.start is mean; give dictionary", 2),
        (["vocabulary.start=romanised"], "but vocabulary.budget is 0", 2),
        (["vocabulary.known=x"], "neither vocabulary.budget nor vocabulary.prune changes anything", 2),
        (["vocabulary.known=nowhere", "vocabulary.prune=true"], "nowhere: no such file or folder", 1),
        (["vocabulary.budget=60", "train.lora_rank=2"], "vocabulary.budget adds pieces", 2),
    ],
)
def test_what_cannot_be_is_refused(xl: Run, place: Path, settings: list[str], told: str, code: int) -> None:
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == code, result.stderr
    assert told in result.stderr


def test_a_dictionary_is_read_line_by_line(xl: Run, place: Path) -> None:
    file = place / "words.tsv"
    settings = ("vocabulary.budget=60", "vocabulary.start=dictionary", f'vocabulary.dictionary="{file}"')
    file.write_text("ཆུ\tthe sea\nརི mountain\n", encoding="utf-8")
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == 1
    assert f"{file}:2: no word, tab and translation" in result.stderr
    file.write_text("ཆུ\tthe sea\nརི\tmountain\n", encoding="utf-8")
    result = xl(*arguments(place, *settings), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    about = json.loads((place / "run" / "run.json").read_text(encoding="utf-8"))["vocabulary"]
    assert about["start"] == "dictionary"
    assert 0 < about["n_started"] < about["n_added"]
