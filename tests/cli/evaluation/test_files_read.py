"""`xl eval` opens the files that its cells need and no others, of every task that reads files."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.every_task import make_every_task

from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import task_plan
from xl_tasks import TASKS


def _of_trees(start: str, suffix: str) -> str:
    """The training and dev files of two English treebanks, the test files of two Turkish ones."""
    parts = [("English", "en", "train"), ("English", "en", "dev"), ("Turkish", "tr", "test")]
    return " ".join(
        f"{start}_{name}-{tree}/{short}_{tree.lower()}-ud-{split}.{suffix}"
        for tree in ("TB", "PUD")
        for name, short, split in parts
    )


_NEEDED = {
    # No training file: nine tenths of the dev set are trained on.
    "xnli": "xnli/dev-en.tsv xnli/test-tr.tsv",
    "pawsx": "pawsx/train-en.tsv pawsx/dev-en.tsv pawsx/test-tr.tsv",
    "sib200": "sib200/eng_Latn/train.tsv sib200/eng_Latn/dev.tsv sib200/tur_Latn/test.tsv",
    # Turkish verses have the labels of the English test file.
    "taxi1500": "taxi1500/eng_train.tsv taxi1500/eng_dev.tsv taxi1500/eng_test.tsv bible/tur_Latn.tsv.gz",
    "panx": "panx/train-en.tsv panx/dev-en.tsv panx/test-tr.tsv",
    "masakhaner": "masakhaner/eng/train.txt masakhaner/eng/dev.txt masakhaner/tur/test.txt",
    "conll": "conll/eng_Latn/train.txt conll/eng_Latn/dev.txt conll/tur_Latn/test.txt",
    "uner": _of_trees("uner/UNER", "iob2"),
    "udpos": _of_trees("ud/UD", "conllu"),
    "xquad": "squad/train-v1.1.json xquad/xquad.tr.json",
    "mlqa": "squad/train-v1.1.json mlqa/test/test-context-tr-question-tr.json",
    "tydiqa": "tydiqa/tydiqa.goldp.en.train.json tydiqa/tydiqa.goldp.tr.dev.json",
    "squad": "squad/train-v1.1.json squad/dev-v1.1.json",
    "flores": "flores/devtest/eng_Latn.devtest flores/devtest/tur_Latn.devtest",
    "bible": "bible/eng_Latn.tsv.gz bible/tur_Latn.tsv.gz",
    "sib200-retrieval": "sib200/eng_Latn/test.tsv sib200/tur_Latn/test.tsv",
    "tatoeba": "tatoeba/tatoeba.tur-eng.eng tatoeba/tatoeba.tur-eng.tur",
}
_listening: list[set[Path]] = []


def _heard(event: str, arguments: tuple) -> None:
    if event == "open" and _listening and isinstance(arguments[0], str):
        _listening[-1].add(Path(arguments[0]))


@contextmanager
def opened_under(root: Path) -> Generator[set[str]]:
    """The files below `root` that are opened meanwhile, by whatever function."""
    heard: set[Path] = set()
    names: set[str] = set()
    _listening.append(heard)
    try:
        yield names
    finally:
        _listening.remove(heard)
        names |= {path.relative_to(root).as_posix() for path in heard if path.is_relative_to(root) and path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def _audit() -> None:
    sys.addaudithook(_heard)  # for good; it hears nothing outside of `opened_under`


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of every task, with a dev set of FLORES and a third language that are not asked for."""
    root = make_every_task(tmp_path_factory.mktemp("every")).resolve()
    for code in ("eng_Latn", "tur_Latn"):
        (root / "flores/dev").mkdir(exist_ok=True)
        (root / f"flores/dev/{code}.dev").write_text("a\nb\n")
    for folder in ("pawsx", "masakhaner", "conll", "mlqa", "tydiqa", "flores"):
        for file in sorted(file for file in (root / folder).rglob("*") if file.is_file()):
            third = str(file.relative_to(root))
            for mine, other in (("tur", "fin"), ("-tr", "-fi"), (".tr.", ".fi.")):
                third = third.replace(mine, other)
            (root / third).parent.mkdir(parents=True, exist_ok=True)
            (root / third).write_bytes(file.read_bytes())
    return root


def _config(name: str, data: Path, **options: Any) -> EvaluateConfig:
    probe = TASKS[name].kind in ("classification", "tagging")
    return EvaluateConfig(model=("none",), data=str(data), probe=probe, **options)


@pytest.mark.parametrize("name", _NEEDED)
def test_a_plan_opens_the_files_that_its_cells_need(data: Path, name: str) -> None:
    target = "eng" if name == "squad" else "tur"
    with opened_under(data) as opened:
        task_plan(TASKS[name], _config(name, data, source=("eng",), target=(target,)))
    assert opened == set(_NEEDED[name].split())


@pytest.mark.parametrize("name", ["pawsx", "sib200", "panx", "udpos", "mlqa"])
def test_where_no_target_is_named_the_scored_split_of_all(data: Path, name: str) -> None:
    with opened_under(data) as opened:
        task_plan(TASKS[name], _config(name, data))
    needed = set(_NEEDED[name].split())
    assert needed < opened
    split = TASKS[name].test_split
    assert all(split in Path(file).name for file in opened - needed)


def test_every_task_of_files_is_there() -> None:
    """But those whose one file or folder is all that there is to read, and any folder of texts."""
    others = {"retrieval", "names", "bucc2018"}
    assert {task.name for task in TASKS.values() if task.kind != "lexical"} - others == set(_NEEDED)
