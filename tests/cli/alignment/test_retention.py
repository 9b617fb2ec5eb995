"""`[eval]` of a run that teaches a language: pairs with a pivot, intervals, gains over the start, further tasks."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.cli.conftest import Run

from xl_cli.folder.run_folder import RunFolder
from xl_tasks import Row
from xl_tasks.protocols.cells import CellStore

TOPICS = ("geography", "health", "sports")


@pytest.fixture(scope="module")
def run(xl: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("retention")
    data = place / "data" / "sib200"
    for code in ("eng_Latn", "ell_Grek"):
        (data / code).mkdir(parents=True)
        lines = (corpus / f"{code}.txt").read_text(encoding="utf-8").splitlines()
        for split, part in (("train", lines[:60]), ("dev", lines[60:75]), ("test", lines[75:])):
            rows = [f"{split[0]}{number}\t{TOPICS[number % 3]}\t{text}" for number, text in enumerate(part)]
            content = "\n".join(["index_id\tcategory\ttext", *rows]) + "\n"
            (data / code / f"{split}.tsv").write_text(content, encoding="utf-8")
    settings = [
        f'data.files="{corpus}"', "model.size=pico", "train.steps=3", 'train.variants=["mlm","mlm+seq"]',
        "train.batch=16", "eval.pivot=tr", "eval.resamples=200", "eval.new=ell", "eval.tasks=sib200",
        f'eval.options=["data={place / "data"}", "probe", "source=eng", "resamples=100"]',
    ]  # fmt: skip
    result = xl("align", "scratch", *(part for each in settings for part in ("--set", each)), "--out", place / "run")
    assert result.returncode == 0, result.stderr
    assert "mean" in result.stdout
    return place / "run"


def rows(run: Path, **fields: object) -> list[Row]:
    return [row for row in RunFolder(run).rows() if all(getattr(row, name) == value for name, value in fields.items())]


def test_every_language_is_paired_with_the_pivot_both_ways(run: Path) -> None:
    pairs = {(row.source, row.target) for row in rows(run, task="retrieval", variant="mlm+seq")}
    others = ("eng_Latn", "ell_Grek")
    assert pairs == {pair for code in others for pair in ((code, "tur_Latn"), ("tur_Latn", code))}


def test_intervals_and_differences_are_of_the_items_that_were_found(run: Path) -> None:
    kept = {(s.cell.variant, s.cell.source, s.cell.target): s for s in CellStore(run) if s.cell.task == "retrieval"}
    for row in rows(run, task="retrieval", metric="top1"):
        if row.variant == "string-match":
            continue
        hits = kept[row.variant, row.source, row.target].measures[0].stats[:, 0]
        if row.baseline:
            before = kept["untrained", row.source, row.target].measures[0].stats[:, 0]
            assert row.baseline == "variant=untrained"
            assert row.value == pytest.approx(hits.mean() - before.mean())
            assert row.low is not None
            assert row.high is not None
            assert row.low <= row.value <= row.high
            assert row.p is not None
            gained, lost = int((hits > before).sum()), int((hits < before).sum())
            exact = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
            if exact > 0.5:  # McNemar's exact test and the bootstrap agree where nothing is shown
                assert row.p > 0.05
        else:
            assert row.value == pytest.approx(hits.mean())
            assert row.low is not None


def test_which_languages_are_new_is_told_and_shown(run: Path, xl: Run) -> None:
    assert {row.target for row in rows(run, task="adopt", metric="new_texts")} == {"ell_Grek"}
    shown = xl("report", run)
    assert shown.returncode == 0, shown.stderr
    assert "Top-1 of every language that was known before, before (untrained) and after (mlm+seq)" in " ".join(
        shown.stdout.split()
    )
    page = xl("report", run, "--format", "html").stdout
    assert '"old-languages"' in page
    assert xl("report", run, "--layout", "systems").stdout != shown.stdout
    refused = xl("report", run, "--layout", "adopt", "--metric", "top1")
    assert refused.returncode == 2
    assert "--metric: no meaning for a paper's layout and adopt" in refused.stderr


def test_the_start_and_the_end_are_scored_on_further_tasks(run: Path) -> None:
    found = rows(run, task="sib200", metric="accuracy", baseline="", split="test")
    assert {(row.variant, row.target) for row in found} == {
        (variant, code) for variant in ("untrained", "mlm+seq") for code in ("eng_Latn", "ell_Grek")
    }
    assert {row.model for row in found} == {run.name}
    gains = rows(run, task="sib200", metric="accuracy", baseline="variant=untrained", target="ell_Grek")
    by_variant = {row.variant: row.value for row in found if row.target == "ell_Grek"}
    (gain,) = [row for row in gains if row.split == "test"]
    assert gain.value == pytest.approx(by_variant["mlm+seq"] - by_variant["untrained"])
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "finished"


def test_the_mean_of_old_languages_is_of_the_same_items(xl: Run, corpus: Path, tmp_path: Path) -> None:
    settings = [
        f'data.files="{corpus}"', "model.size=pico", "train.steps=2", "train.variants=mlm", "train.batch=16",
        "eval.resamples=50", "eval.new=ell", "eval.string_match=false",
    ]  # fmt: skip
    result = xl("align", "scratch", *(p for each in settings for p in ("--set", each)), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    # Greek is new, two are left: no language has a mean over two others.
    assert not rows(tmp_path / "run", task="adopt", source="mean")
    four = tmp_path / "four"
    four.mkdir()
    for path in corpus.iterdir():
        (four / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    text = (corpus / "tr.txt").read_text(encoding="utf-8").replace("lar", "ler")
    (four / "deu_Latn.txt").write_text(text, encoding="utf-8")
    settings[0] = f'data.files="{four}"'
    settings.append("eval.pivot=eng")
    result = xl("align", "scratch", *(p for each in settings for p in ("--set", each)), "--out", tmp_path / "more")
    assert result.returncode == 0, result.stderr
    for variant in ("untrained", "mlm"):
        (mean,) = rows(tmp_path / "more", task="adopt", source="mean", metric="top1", variant=variant, baseline="")
        assert mean.target == "eng_Latn"
        each = [
            row.value
            for code in ("tur_Latn", "deu_Latn")
            for row in rows(tmp_path / "more", task="retrieval", source=code, target="eng_Latn", metric="top1",
                            variant=variant, baseline="")
        ]  # fmt: skip
        assert len(each) == 2
        assert mean.value == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    ("settings", "told", "code"),
    [
        (["eval.pivot=kor"], "eval.pivot is kor: ", 1),
        (["eval.pivot=eng", "eval.sources=tr"], "leave eval.sources and eval.targets out", 2),
        (["eval.options=probe"], "eval.options is given, but eval.tasks names no task", 2),
        (["eval.tasks=sib2000"], "did you mean", 2),
        (["eval.tasks=sib200", 'eval.options=["prob"]'], "did you mean 'probe'", 2),
        (["eval.tasks=sib200", 'eval.options=["seeds=many"]'], "seeds takes a number", 2),
        (["eval.tasks=sib200", 'eval.options=["model=x"]'], "model is not read here", 2),
        (["eval.tasks=sib200", 'eval.options=["source"]'], "has no value; write source=VALUE", 2),
        (["eval.tasks=sib200", 'eval.options=["data=nowhere"]'], "nowhere: no such file or folder", 1),
        (["eval.tasks=sib200", 'eval.options=["treebank=x"]'], "--treebank: no meaning for sib200", 2),
    ],
)
def test_what_cannot_be_scored_is_told_early(
    xl: Run, corpus: Path, tmp_path: Path, settings: list[str], told: str, code: int
) -> None:
    every = [f'data.files="{corpus}"', "model.size=pico", "train.steps=1", *settings]
    result = xl("align", "scratch", *(p for each in every for p in ("--set", each)), "--out", tmp_path / "run")
    assert result.returncode == code, result.stderr
    assert told in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("value", "missing", "told"), [(0.97, 0.0, True), (0.9, 0.0, False), (0.97, 0.2, False)])
def test_a_language_that_is_known_already_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: float, missing: float, told: bool
) -> None:
    from xl_cli.alignment.scoring import tell_known
    from xl_cli.data.run_data import RunData
    from xl_cli.recipe.recipe import load_recipe

    (tmp_path / "run").mkdir()
    folder = RunFolder(tmp_path / "run")
    pairs = (("mlt_Latn", "eng_Latn", 1.0), ("eng_Latn", "mlt_Latn", value))
    folder.add_rows(
        [
            *(Row(task="retrieval", metric="top1", value=its, source=one, target=other, variant="pretrained")
              for one, other, its in pairs),
            Row(task="vocabulary", metric="unknown_pieces", value=missing, source="mlt_Latn", target="mlt_Latn",
                variant="before"),
        ]
    )  # fmt: skip
    recipe = load_recipe("ppa", ["eval.new=mt", "data.files=x", "model.from=somebody/encoder"])
    tell_known(recipe, RunData(), folder)
    said = capsys.readouterr().err
    assert ("somebody/encoder knows mlt_Latn already: at least 97.0 %" in said) == told
    assert ("eng_Latn to mlt_Latn" in said) == told


def test_broken_data_of_a_further_task_is_told_before_training(xl: Run, corpus: Path, tmp_path: Path) -> None:
    for code in ("eng_Latn", "ell_Grek"):
        folder = tmp_path / "data" / "sib200" / code
        folder.mkdir(parents=True)
        for split in ("train", "dev", "test"):
            (folder / f"{split}.tsv").write_text("index_id\tcategory\ttext\n1\tnothing\tbade\n", encoding="utf-8")
    every = [f'data.files="{corpus}"', "model.size=pico", "train.steps=1", "eval.tasks=sib200",
             f'eval.options=["data={tmp_path / "data"}", "probe", "source=eng"]']  # fmt: skip
    result = xl("align", "scratch", *(p for each in every for p in ("--set", each)), "--out", tmp_path / "run")
    assert result.returncode == 1
    assert "train.tsv:2: unknown label 'nothing'" in result.stderr
    assert not (tmp_path / "run").exists()
