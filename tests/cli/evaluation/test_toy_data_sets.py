"""A data set that is not ours: a reader and its metadata, registered with one line, is scored like any other."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.task_data import sentence

from xl_encoders import ModelConfig, new_encoder
from xl_tasks import TASKS, ParallelTexts, Task
from xl_tasks.datasets.readers.labelled import Labelled
from xl_tasks.examples import Examples

TOPICS = ("politics", "sports")
CODES = ("eng_Latn", "tur_Latn")
SCHEMES: list[str] = []


def made() -> dict[str, tuple[str, str]]:
    """key -> (topic, sentence), all different."""
    rng = random.Random(5)
    texts = dict.fromkeys((sentence(topic, rng), topic) for _ in range(30) for topic in TOPICS)
    return {str(number): (topic, text) for number, (text, topic) in enumerate(texts)}


# What a person writes: a reader, metadata.
def load_topics(
    path: Path, languages: Iterable[str] | None = None, *, on_error: str = "stop", scheme: str = ""
) -> Examples:
    SCHEMES.append(scheme)
    found = Labelled("toy", TOPICS, on_error=on_error)
    for file in sorted(path.glob("*.tsv")):
        for split in ("train", "dev", "test"):
            found.open(file.stem, split)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            key, label, text = line.split("\t")
            split = ("train", "dev", "test")[int(key) % 3]
            found.add(file.stem, split, f"{file}:{number}", key=key, first=text, label=label)
    return found.examples()


TOY = Task(
    name="toy",
    kind="classification",
    title="Toy topics",
    description="Two topics, made.",
    metrics=("macro_f1", "accuracy"),
    folders=("toys",),
    layout="LLL_Ssss.tsv with key, topic, text",
    loader=f"{__name__}:load_topics",
    reads={"tag_scheme": "scheme"},
    also=("playthings",),
)


def load_pairs(path: Path, languages: Iterable[str] | None = None) -> ParallelTexts:
    lines = {file.stem: file.read_text(encoding="utf-8").splitlines() for file in path.glob("*.tsv")}
    return ParallelTexts(
        name="toy-pairs", texts={code: dict(line.split("\t")[::2] for line in its) for code, its in lines.items()}
    )


TOY_PAIRS = Task(
    name="toy-pairs",
    kind="retrieval",
    title="Toy pairs",
    description="The same sentences in every language.",
    metrics=("top1",),
    folders=("toys",),
    layout="LLL_Ssss.tsv with key, topic, text",
    loader=f"{__name__}:load_pairs",
    pivot="eng_Latn",
)


def load_own(languages: Iterable[str] = CODES) -> ParallelTexts:
    return ParallelTexts(
        name="toy-library", texts={code: {k: text for k, (_, text) in made().items()} for code in languages}
    )


TOY_LIBRARY = Task(
    name="toy-library",
    kind="retrieval",
    title="Toy library",
    description="Nothing to download.",
    metrics=("top1",),
    layout="",
    loader=f"{__name__}:load_own",
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in (TOY, TOY_PAIRS, TOY_LIBRARY):
        monkeypatch.setitem(TASKS, entry.name, entry)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "toys").mkdir()
    for code in CODES:
        lines = [f"{key}\t{topic}\t{text}\n" for key, (topic, text) in made().items()]
        (root / "toys" / f"{code}.tsv").write_text("".join(lines), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoder = new_encoder([text for _, text in made().values()], ModelConfig(size="pico", pieces=200), seed=3)
    folder = tmp_path_factory.mktemp("models") / "small"
    encoder.save(folder)
    return folder


def scored(xl: Run, *arguments: object) -> list[dict]:
    result = xl("eval", *arguments, "--resamples", 0, "--json")
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_it_is_listed(xl: Run) -> None:
    shown = xl("ls", "tasks").stdout
    for entry in (TOY, TOY_PAIRS, TOY_LIBRARY):
        assert f"{entry.title}: {entry.description}" in " ".join(shown.split())


def test_topics_are_fitted_and_scored(xl: Run, data: Path, model: Path) -> None:
    ask = ["--model", model, "--data", data, "--probe", "--source", "eng", "--layer", 0]
    rows = scored(xl, "Playthings", *ask)
    assert SCHEMES[-1] == ""
    n_test = sum(int(key) % 3 == 2 for key in made())
    assert [(row["task"], row["target"], row["metric"], row["n"]) for row in rows] == [
        ("toy", code, metric, n_test) for code in CODES for metric in TOY.metrics
    ]
    # The topic is a word, and both languages are written alike.
    assert rows[0]["value"] == rows[2]["value"] > 0.8
    assert scored(xl, "toy", *ask, "--tag-scheme", "iob1") == rows
    assert SCHEMES[-1] == "iob1"


def test_pairs_are_searched(xl: Run, data: Path, model: Path) -> None:
    for task, more in (("toy-pairs", ["--data", data, "--target", "tur"]), ("toy-library", [])):
        rows = scored(xl, task, "--model", model, *more)
        assert {(row["source"], row["target"]) for row in rows} == {CODES, CODES[::-1]}
        # Each sentence has itself for a translation.
        assert [(row["data"], row["value"], row["n"]) for row in rows] == [(task, 1.0, len(made()))] * len(rows)
        assert "top1" in {row["metric"] for row in rows}
        table = xl("eval", task, "--model", model, *more, "--resamples", 0)
        assert "100.0" in table.stdout


def test_an_option_without_meaning_is_refused_for_it(xl: Run, data: Path, model: Path) -> None:
    for arguments, words in (
        (["toy", "--data", data, "--score", "csls"], "--score: no meaning for toy, only for all of retrieval"),
        (["toy", "--data", data, "--layer", 0], "--layer: no meaning for toy without --probe"),
        (["toy", "--data", data, "--set", "n_best=3"], "n_best: no meaning for toy"),
        (["toy-pairs", "--data", data, "--tag-scheme", "iob1"], "--tag-scheme: no meaning for toy-pairs, only for"),
        (["toy-library", "--data", data], "--data: no meaning for toy-library, only for"),
        (["toy", "--protocol", "mixed-language", "--data", data], "toy is on single texts"),
    ):  # fmt: skip
        result = xl("eval", *arguments, "--model", model)
        assert result.returncode == 2, result.stderr
        assert words in result.stderr
    again = xl("eval", "playthigs", "--model", model)
    assert again.returncode == 2
    assert "unknown task 'playthigs'" in again.stderr
