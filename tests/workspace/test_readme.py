"""What the READMEs show: a table that the first command prints, examples that run. Commands: `tests/site`."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests import warm

ROOT = Path(__file__).parents[2]
MEMBERS = {path.parent.name: path.parent for path in sorted(ROOT.glob("[pa]*/*/pyproject.toml"))}


def python_example(member: str) -> str | None:
    """All examples of a README, one behind the other."""
    found = re.findall(r"```python\n(.*?)```", (MEMBERS[member] / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return "\n".join(found) or None


def console_example(member: str) -> list[list[str]]:
    found = re.search(r"```console\n(.*?)```", (MEMBERS[member] / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line.split() for line in found[1].splitlines()] if found else []


def test_the_tree_names_every_member() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for folder in MEMBERS.values():
        assert re.search(rf"{folder.parent.name}/{folder.name}\s+\S.*", text), folder


def test_the_first_two_commands_are_those_of_a_newcomer() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith("pip install uv &&")]
    assert [re.sub(r"\s+#.*", "", command) for command in commands] == [
        "pip install uv && uv run xl align",
        "pip install uv && uv run pytest",
    ]


def test_the_table_has_the_shape_that_the_command_prints() -> None:
    """Header and lines of the table, not its figures: those belong to the machine that the README names."""
    from xl_analysis import retrieval_table
    from xl_cli.alignment.row_meanings import row_meanings
    from xl_cli.recipe.recipe import load_recipe

    recipe = tomllib.loads((ROOT / "apps/cli/src/xl_cli/recipe/shipped/names.toml").read_text(encoding="utf-8"))
    languages = [
        "amh_Ethi",
        "arb_Arab",
        "ell_Grek",
        "eng_Latn",
        "heb_Hebr",
        "hin_Deva",
        "mlt_Latn",
        "pes_Arab",
        "tur_Latn",
    ]
    rows = [
        {"task": "retrieval", "metric": metric, "value": 0.5, "source": a, "target": b, "variant": variant}
        for variant in ("untrained", *recipe["train"]["variants"], "string-match")
        for metric in ("top1", "top10")
        for a in languages
        for b in languages
        if a != b
    ]
    printed = retrieval_table(rows).render("text").splitlines()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    header = next(line for line in printed if line.startswith("variant"))
    assert re.sub(r"\s+", " ", header) in re.sub(r"[ ]+", " ", text)
    for variant in ("untrained", *recipe["train"]["variants"], "string-match"):
        assert re.search(rf"^\s*{re.escape(variant)}(\s+\d+\.\d){{13}}$", text, re.MULTILINE), variant
    for line in row_meanings(load_recipe("names", []), ("untrained", *recipe["train"]["variants"], "string-match")):
        assert f"\n    {line}\n" in text
    assert recipe["note"].split(":")[0] in text


@pytest.mark.parametrize(
    "member", [pytest.param(name, marks=pytest.mark.slow) if name == "cli" else name for name in MEMBERS]
)
def test_examples_run_here(member: str) -> None:
    example = python_example(member)
    if example:
        # As in pyproject.toml: of other libraries, at their first import in a new environment.
        strict = (
            "import warnings; warnings.simplefilter('error'); warnings.filterwarnings('ignore', '.*invalid escape')"
        )
        done = warm.run("-c", f"{strict}\n{example}")
        assert done.returncode == 0, done.stderr
    commands = console_example(member)
    assert example or commands
    for command in commands:
        done = warm.run("-m", "xl_cli", *command[1:])
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_wheel_works_alone(tmp_path: Path) -> None:
    """In an environment of just what it asks for, outside the checkout: import all, then the README's example.

    One environment takes on the packages of one wheel after the other, exactly those: at one place, so that what
    Python compiled for one wheel serves the next.
    """
    wheels, constraints, environment = tmp_path / "wheels", tmp_path / "constraints.txt", tmp_path / "env"
    python = environment / "bin" / "python"
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    clean["PYTHONPYCACHEPREFIX"] = str(tmp_path / "compiled")

    def run(*command: object, **options: object) -> None:
        given: dict[str, Any] = {"cwd": tmp_path, "env": clean, **options}
        subprocess.run(list(map(str, command)), check=True, timeout=600, **given)

    run("uv", "build", "--all-packages", "--wheel", "--out-dir", wheels, "--quiet", cwd=ROOT)
    locked = ("--frozen", "--no-hashes", "--no-emit-workspace", "--quiet")
    run("uv", "export", *locked, "--output-file", constraints, cwd=ROOT, stdout=subprocess.DEVNULL)
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    for member in MEMBERS:
        wheel = next(wheels.glob(f"xl_{member}-*.whl"))
        needed = tmp_path / f"{member}.txt"
        (tmp_path / "wheel.in").write_text(f"xl-{member} @ {wheel.as_uri()}\n", encoding="utf-8")
        places = ("--quiet", "--find-links", wheels, "--python", python)
        run("uv", "pip", "compile", "wheel.in", *places, "--constraint", constraints, "--output-file", needed,
            stdout=subprocess.DEVNULL)  # fmt: skip
        run("uv", "pip", "sync", needed, *places)
        run(python, "-c", f"from xl_{member} import *")
        example = python_example(member)
        if example:
            run(python, "-W", "error", "-c", example)
        for name, *rest in console_example(member):
            run(environment / "bin" / name, *rest)
