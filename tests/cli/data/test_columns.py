"""[[data]] out of files with named columns: the same as out of plain files with the same text."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from tests.cli.made_data import greek, sentences, write_lines

from xl_cli.alignment.reading import open_stream
from xl_cli.data.run_data import load_data
from xl_cli.errors import CliError, UsageError
from xl_cli.recipe.recipe import load_recipe
from xl_encoders import EncoderError

LINES = sentences(30, seed=4)
COLUMNS: dict[str, list[str | None]] = {
    "el": [greek(line) for line in LINES],
    "note": ["x"] * 30,
    "English": [*LINES[:-1], None],
}


def as_parquet(folder: Path, columns: dict) -> Path:
    parquet.write_table(pa.table(columns), folder / "x.parquet", row_group_size=7)
    return folder / "x.parquet"


def as_arrow(folder: Path, columns: dict) -> Path:
    table = pa.table(columns)
    with ipc.new_file(str(folder / "x.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return folder / "x.arrow"


def as_json(folder: Path, columns: dict) -> Path:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    (folder / "x.jsonl").write_text("\n".join(lines), encoding="utf-8")  # without an end of the last line
    return folder / "x.jsonl"


Written = Callable[[Path, dict], Path]
KINDS = pytest.mark.parametrize("written", [as_parquet, as_arrow, as_json])


@KINDS
def test_pairs_are_two_columns(tmp_path: Path, written: Written) -> None:
    path = written(tmp_path, COLUMNS)
    write_lines(tmp_path / "a.el", [*map(greek, LINES)])
    write_lines(tmp_path / "a.en", [*LINES[:-1], ""])
    columns = 'data.columns=["el", "English"]'
    (ours,) = load_data(load_recipe("ot-word", [f"data.files={path}", columns])).bitexts[0]
    files = json.dumps([str(tmp_path / "a.el"), str(tmp_path / "a.en")])
    (plain,) = load_data(load_recipe("ot-word", [f"data.files={files}"])).bitexts[0]
    assert (ours.left, ours.right) == (plain.left, plain.right)
    assert len(ours) == 29
    with pytest.raises(UsageError, match=r"which columns are sentences and translations\? Name both"):
        load_data(load_recipe("ot-word", [f"data.files={path}"]))
    with pytest.raises(CliError, match=r"has no column 'de'; its columns are: el, note, English"):
        load_data(load_recipe("ot-word", [f"data.files={path}", 'data.columns=["de", "English"]']))


@KINDS
def test_parallel_columns_are_called_after_their_languages(tmp_path: Path, written: Written) -> None:
    path = written(tmp_path, COLUMNS)
    (tmp_path / "plain").mkdir()
    write_lines(tmp_path / "plain" / "ell_Grek.txt", [*map(greek, LINES)])
    write_lines(tmp_path / "plain" / "eng_Latn.txt", [*LINES[:-1], ""])
    ours, plain = (
        load_data(load_recipe("scratch", [f"data.files={its}", "data.kind=parallel"]))
        for its in (path, tmp_path / "plain")
    )
    assert ours.corpora[0].texts == plain.corpora[0].texts
    assert ours.training == plain.training
    assert ours.scored[0][1] == plain.scored[0][1]
    with pytest.raises(CliError, match=r"'note' is no language"):
        load_data(load_recipe("scratch", [f"data.files={path}", "data.kind=parallel", 'data.columns=["el", "note"]']))


def test_running_text_is_read_from_json_lines_as_from_parquet(tmp_path: Path) -> None:
    recipes = [
        load_recipe("ppa", [f"data.files={path}", "data.columns=el", "data.languages=el", "select.every=0"])
        for path in (as_json(tmp_path, COLUMNS), as_parquet(tmp_path, COLUMNS))
    ]
    ours, theirs = (open_stream(load_data(recipe).streams[0], recipe.data[0], batch=8, seed=3) for recipe in recipes)
    assert ours.n_texts == theirs.n_texts == len(set(COLUMNS["el"]))
    texts = [{text for number in range(its.n_per_epoch) for text in its[number].originals} for its in (ours, theirs)]
    assert texts[0] == texts[1] == set(COLUMNS["el"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", r"x.jsonl:2: \[1\] is no JSON object"),
        ("{", r"x.jsonl:2: no JSON \("),
        ('{"text": 7}', r"x.jsonl:2: text is 7, not text"),
    ],
)
def test_a_line_that_is_no_text_is_told(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a"}}\n{line}\n', encoding="utf-8")
    recipe = load_recipe("ppa", [f"data.files={tmp_path}/x.jsonl", "data.languages=el", "select.every=0"])
    with pytest.raises(EncoderError, match=said):
        open_stream(load_data(recipe).streams[0], recipe.data[0], batch=1, seed=0)


def test_files_of_the_hub_are_those_of_the_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's client is a folder here; what it is asked for is told."""
    (tmp_path / "tr").mkdir()
    as_parquet(tmp_path / "tr", COLUMNS)
    (tmp_path / "de.parquet").write_bytes(b"")
    asked: list[tuple[object, ...]] = []

    def fetch(name: str, *, repo_type: str, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, repo_type, revision, allow_patterns))
        if revision != "abc":
            message = "Revision not found.\nmore"
            raise OSError(message)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.chdir(tmp_path)
    call = ["data.files=me/news", "data.hub_files=tr/*.parquet", 'data.columns=["el", "English"]']
    (bitext,) = load_data(load_recipe("ot-word", [*call, "data.revision=abc"])).bitexts[0]
    assert len(bitext) == 29
    assert asked == [("me/news", "dataset", "abc", ["tr/*.parquet"])]
    with pytest.raises(CliError, match=r"me/news at revision xyz could not be fetched .* \(Revision not found\)\.$"):
        load_data(load_recipe("ot-word", [*call, "data.revision=xyz"]))
    with pytest.raises(UsageError, match=r"say which state: --set data.revision=COMMIT"):
        load_data(load_recipe("ot-word", call))
