"""What the READMEs show: commands that exist, a table that the first command prints, examples that run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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


def test_commands_of_the_readme_exist() -> None:
    from xl_cli.main import app

    names = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"^\s*(?:uv run )?xl ([a-z]+)", text, re.MULTILINE))
    assert used
    assert used <= names


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


@pytest.mark.parametrize("member", MEMBERS)
def test_examples_run_here(member: str) -> None:
    example = python_example(member)
    if example:
        subprocess.run([sys.executable, "-W", "error", "-c", example], check=True, timeout=300, capture_output=True)
    commands = console_example(member)
    assert example or commands
    for command in commands:
        subprocess.run([sys.executable, "-m", "xl_cli", *command[1:]], check=True, timeout=300, capture_output=True)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All wheels, built once, and the locked versions of everything else."""
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        ["uv", "build", "--all-packages", "--wheel", "--out-dir", folder, "--quiet"], cwd=ROOT, check=True, timeout=600
    )
    constraints = folder / "constraints.txt"
    subprocess.run(
        ["uv", "export", "--frozen", "--no-hashes", "--no-emit-workspace", "--quiet", "--output-file", constraints],
        cwd=ROOT, check=True, timeout=120, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return folder, constraints


@pytest.mark.slow
@pytest.mark.parametrize("member", MEMBERS)
def test_a_wheel_works_alone(member: str, wheels: tuple[Path, Path], tmp_path: Path) -> None:
    """In an empty environment, outside the checkout: import, then the README's example."""
    folder, constraints = wheels
    wheel = next(folder.glob(f"xl_{member}-*.whl"))
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment = tmp_path / "env"
    python = environment / "bin" / "python"

    def run(*command: object) -> None:
        subprocess.run(command, check=True, timeout=1200, cwd=tmp_path, env=clean)

    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    install = ["uv", "pip", "install", "--quiet", "--python", python, "--find-links", folder]
    run(*install, "--constraint", constraints, wheel)
    run(python, "-c", f"import xl_{member}")
    example = python_example(member)
    if example:
        run(python, "-W", "error", "-c", example)
    for name, *rest in console_example(member):
        run(environment / "bin" / name, *rest)
