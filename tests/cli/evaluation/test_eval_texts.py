"""What `xl eval` asks an encoder to read is what its figures are made of: each text once, and no other."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.cli.every_task import make_every_task
from tests.cli.task_data import make_sib200
from tests.thinned import thinned

from xl_encoders import Encoder, ModelConfig, new_encoder


def put(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def words(seed: str, n: int = 12) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abdegiklmnop", k=5)) for _ in range(n)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for short in ("amh", "tur", "ell"):
        put(root / f"tatoeba/tatoeba.{short}-eng.{short}", *words(short))
        put(root / f"tatoeba/tatoeba.{short}-eng.eng", *words(f"{short}-eng"))
    for k, target in enumerate(("tr", "fi", "fr")):  # the same English words, in other orders
        english = [*words("en")[k:], *words("en")[:k]]
        put(root / f"muse/en-{target}.5000-6500.txt", *map(" ".join, zip(english, words(target), strict=True)))
    make_sib200(root)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "small"
    new_encoder(words("any", 60), ModelConfig(size="pico", pieces=60), seed=3).save(folder)
    return folder


def read_by(xl: Run, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[list[str], list[dict]]:
    """The texts that the encoder was asked for, in all calls, and the rows."""
    asked: list[str] = []
    embed: Any = Encoder.embed

    def counted(self: Encoder, texts: list[str], **options: object) -> object:
        asked.extend(texts)
        return embed(self, texts, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "embed", counted)
        resamples = () if arguments[0] == "similarity" else ("--resamples", 0)
        done = xl("eval", *arguments, *resamples, "--json")
    assert done.returncode == 0, done.stderr
    return sorted(asked), sorted(
        map(json.loads, done.stdout.splitlines()), key=lambda row: (row["source"], row["target"], row["metric"])
    )


def test_of_tatoeba_the_pools_of_the_asked_pairs(
    xl: Run, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask = ["tatoeba", "--model", model, "--data", data, "--layer", 0]
    every, all_rows = read_by(xl, monkeypatch, *ask)
    sides = [side for short in ("amh", "tur", "ell") for side in (words(short), words(f"{short}-eng"))]
    assert every == sorted(text for side in sides for text in side)
    out = ["--out", tmp_path / "out"]
    for option in ("--target", "--source"):
        asked, rows = read_by(xl, monkeypatch, *ask, option, "amh", *out)
        # The second call is the same cells: both ways of one pair.
        assert asked == (sorted(words("amh") + words("amh-eng")) if option == "--target" else [])
        assert rows == [row for row in all_rows if "amh_Ethi" in (row["source"], row["target"])]
    asked, rows = read_by(xl, monkeypatch, *ask, "--target", "amh", "--target", "tur", *out)
    assert asked == sorted(words("tur") + words("tur-eng"))  # the cells of Amharic were finished before
    assert rows == [row for row in all_rows if "ell_Grek" not in (row["source"], row["target"])]
    _, rows = read_by(xl, monkeypatch, *ask, "--source", "en")
    assert rows == all_rows
    asked, _ = read_by(xl, monkeypatch, *ask, "--target", "amh", "--limit", 5)
    assert len(asked) == 10


@pytest.mark.slow
def test_each_text_once_at_all_layers(xl: Run, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = ["--model", model, "--data", data, "--layer", "all"]

    def column(*names: str) -> list[str]:
        lines = [line for name in names for line in (data / "sib200" / name).read_text("utf-8").split("\n")[1:-1]]
        return [line.split("\t")[2] for line in lines]

    asked, _ = read_by(xl, monkeypatch, "sib200-retrieval", *ask, "--source", "eng", "--target", "tur")
    sides = [set(column(f"{code}/test.tsv")) for code in ("eng_Latn", "tur_Latn")]
    assert asked == sorted(text for side in sides for text in side)

    asked, _ = read_by(xl, monkeypatch, "sib200", *ask, "--probe", "--source", "eng", "--target", "tur", "--limit", 7)
    english = [set(column(f"eng_Latn/{split}.tsv")) for split in ("train", "dev")]
    assert len(asked) == sum(map(len, english)) + len(set(asked) & sides[1])
    assert 0 < len(set(asked) & sides[1]) <= 7

    asked, _ = read_by(xl, monkeypatch, "bli", *ask)
    assert asked == sorted(text for side in ("en", "tr", "fi", "fr") for text in words(side))


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of every task, with a third language beside the two that are asked for."""
    root = make_every_task(tmp_path_factory.mktemp("every"))
    put(root / "flores/devtest/fin_Latn.devtest", *(f"fi line {i}" for i in range(6)))
    verses = "".join(f"{40001001 + i}\tfi line {i}\n" for i in range(6))
    (root / "bible/fin_Latn.tsv.gz").write_bytes(gzip.compress(verses.encode()))
    return root


def _lines(*sides: str) -> list[str]:
    return [f"{side} line {i}" for side in sides for i in range(6)]


@pytest.mark.parametrize(
    ("ask", "texts"),
    thinned(
        [
            (["flores", "--source", "eng", "--target", "tur"], _lines("en", "tr")),
            (["flores", "--target", "tur"], _lines("en", "tr", "fi")),  # a side that is not named is every language
            (["bible", "--source", "eng", "--target", "tur"], _lines("en", "tr")),
            (["bible", "--target", "tur"], _lines("en", "tr", "fi")),
            (["bible", "--target", "tur", "--preset", "ppa"], _lines("en", "tr")),
            (["bucc2018"], [f"line {i}" for i in range(6)]),  # the same lines on both sides and in both splits
            (["similarity"], [*("word " * i + "a" for i in range(6)), *(f"line{i}" for i in range(6))]),
        ],
        3,
    ),
    ids=lambda value: " ".join(value) if value[0].isalnum() else "",
)
def test_of_other_tasks_the_texts_of_the_asked_pairs(
    xl: Run, every: Path, model: Path, monkeypatch: pytest.MonkeyPatch, ask: list[str], texts: list[str]
) -> None:
    options = ["--model", model, "--data", every, "--layer", "all"]
    asked, _ = read_by(xl, monkeypatch, *ask, *options)
    assert asked == sorted(texts)
    if "--target" in ask:
        asked, _ = read_by(xl, monkeypatch, *ask, *options, "--limit", 2)
        assert len(asked) == len(texts) / 3
        assert set(asked) < set(texts)


@pytest.mark.parametrize(
    ("task", "options"),
    thinned(
        [
            *((task, ["--source", "eng"]) for task in ("flores", "bible", "sib200-retrieval", "tatoeba")),
            ("bible", ["--preset", "ppa"]),
        ],
        3,
    ),
)
def test_files_of_languages_that_no_cell_needs_are_not_read(
    xl: Run, model: Path, tmp_path: Path, task: str, options: list[str]
) -> None:
    make_every_task(tmp_path)
    broken = {
        "flores": "flores/devtest/fin_Latn.devtest",
        "bible": "bible/fin_Latn.tsv.gz",
        "sib200-retrieval": "sib200/fin_Latn/test.tsv",
        "tatoeba": "tatoeba/tatoeba.fin-eng.fin",
    }[task]
    put(tmp_path / broken, "", "x")
    if task == "tatoeba":
        put(tmp_path / "tatoeba/tatoeba.fin-eng.eng", "a", "b", "c")
    if task == "bible":
        (tmp_path / broken).write_bytes(gzip.compress(b"no verse\n"))
    done = xl("eval", task, "--model", model, "--data", tmp_path, "--layer", 0, *options, "--target", "tur", "--json")
    assert done.returncode == 0, done.stderr
    done = xl("eval", task, "--model", model, "--data", tmp_path, "--layer", 0, "--json")
    assert done.returncode != 0
    assert broken in done.stderr


def test_of_a_probe_on_pairs_the_lines_that_it_needs(
    xl: Run, every: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def texts(name: str) -> set[str]:
        lines = (every / "xnli" / name).read_text("utf-8").splitlines()
        return {text for line in lines for text in line.split("\t")[:2]}

    ask = ["xnli", "--probe", "--source", "eng", "--target", "tur", "--limit", 4]
    asked, _ = read_by(xl, monkeypatch, *ask, "--model", model, "--data", every, "--layer", "all")
    assert len(asked) == len(set(asked))
    english, turkish = texts("dev-en.tsv"), texts("test-tr.tsv")
    assert english <= set(asked) <= english | turkish
    assert 0 < len(set(asked) - english) <= 8
