"""The command knows no task by its name: what a task needs stands in its metadata."""

import ast
from pathlib import Path

import xl_cli
from xl_cli.evaluation.plans import PLANS, Plan, plan_class
from xl_tasks import DATASETS, TASKS
from xl_tasks.catalogue.task import KINDS, TASK_KINDS

SOURCES = Path(xl_cli.__file__).parent
# Words of the other commands that are names of tasks too: what each of them is there.
OTHERWISE = {
    "retrieval": "a value of select.task and a key of rows, logs and recipes",
    "names": "a recipe and a value of data.kind",
    "columns": "a value of a recipe's key",
    "lines": "a unit of progress",
    "bli": "xl static bli",
    "similarity": "xl static similarity",
}
# In the evaluation itself there is one: the alias of a task of columns is a value of --tag-scheme.
ITS_OWN = {"iob2"}


def test_no_source_names_a_task() -> None:
    entries = [*TASKS.values(), *DATASETS.values()]
    names = {name for entry in entries for name in (entry.name, entry.title, *entry.also)} | set(TASK_KINDS)
    found = []
    for path in SOURCES.rglob("*.py"):
        of_evaluation = "evaluation" in path.parts or path.name == "eval.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in names - (ITS_OWN if of_evaluation else set(OTHERWISE)):
                found.append(f"{path.relative_to(SOURCES)}:{node.lineno}: {node.value}")
    assert found == []


def test_every_task_has_a_plan() -> None:
    assert {kind.plan for kind in KINDS.values()} <= set(PLANS)
    assert {entry.scored_by for entry in TASKS.values()} == set(PLANS)
    for entry in TASKS.values():
        assert issubclass(plan_class(entry), Plan)
