"""`xl --install-completion`: what each shell offers, asked of the shell itself where it is there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.warm import environment

from xl_cli.claims.claim import shipped_claims
from xl_cli.commands import completion
from xl_cli.commands.ls import KINDS, kinds
from xl_cli.recipe.files import shipped_recipes
from xl_tasks.catalogue.registry import TASKS

ASKED = {
    "xl al": {"align"},
    "xl static ma": {"map"},
    "xl analyze cor": {"correlate"},
    "xl eval xn": {name for name in TASKS if name.startswith("xn")},
    "xl align ot-w": {name for name in shipped_recipes() if name.startswith("ot-w")},
    "xl reproduce x2": {"x2s-beats-pooling"},
    "xl ls rec": {"recipes"},
    "xl embed --prom": {"--prompt"},
}

BASH = """
source <(xl --show-completion bash)
COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_xl_completion xl
printf '%s\\n' "${COMPREPLY[@]}"
"""
# What the program tells these shells, as their own line editor cannot be asked without a terminal.
ZSH = """
compdef() { :; }
_arguments() { print -r -- "$*"; }
source <(xl --show-completion zsh)
words=(${=1}); CURRENT=${#words}
_xl_completion
"""
FISH = """
xl --show-completion fish | source
complete --do-complete "$argv[1]"
"""


@pytest.fixture(scope="module")
def shells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the command is found, and a home of its own."""
    home = tmp_path_factory.mktemp("home")
    own = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(home)}
    return environment(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **own)


@pytest.mark.slow
@pytest.mark.parametrize("line", ASKED)
@pytest.mark.parametrize(("shell", "program"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_a_shell_offers_what_begins_so(shell: str, program: str, line: str, shells: dict[str, str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    words = [shell, "-c", program, line] if shell == "fish" else [shell, "-c", program, shell, line]
    done = subprocess.run(words, env=shells, capture_output=True, text=True, check=True)
    if shell == "zsh":
        assert all(f'"{name}"' in done.stdout for name in ASKED[line]), done.stdout
    else:
        assert {each.split("\t")[0] for each in done.stdout.split("\n") if each} == ASKED[line]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_is_installed_where_the_shell_reads_it(shell: str, shells: dict[str, str]) -> None:
    home = Path(shells["HOME"])
    done = subprocess.run(["xl", "--install-completion", shell], env=shells, capture_output=True, text=True, check=True)
    assert f"{shell} completion installed" in done.stdout
    assert any("XL_COMPLETE" in path.read_text(encoding="utf-8") for path in home.rglob("*xl*") if path.is_file())


def test_names_that_can_be_completed_are_those_there_are() -> None:
    assert completion.recipes("") == [*shipped_recipes()]
    assert completion.tasks("") == [*TASKS]
    assert completion.claims("") == ["all", *shipped_claims()]
    assert kinds("") == [*KINDS]
    assert completion.tasks("sib") == [name for name in TASKS if name.startswith("sib")] != []
