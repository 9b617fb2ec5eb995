"""What every command says of how it is called."""

import logging
import re
from collections.abc import Iterator

import pytest
import typer.main
from tests.cli.conftest import Run

from xl_cli.main import _say_logs, app


def commands(group: object = None, *names: str) -> Iterator[tuple[str, ...]]:
    """The words of every command and of every group."""
    group = group or typer.main.get_command(app)
    yield names
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *names, name)


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: " ".join(command) or "xl")
def test_usage_is_written_in_the_signs_of_manuals(command: tuple[str, ...], xl: Run) -> None:
    """A name in capitals, brackets around what may be left out, dots behind what may be repeated."""
    said = xl(*command, "--help")
    assert said.returncode == 0
    usage, _, about = said.stdout.partition("\n\n")
    words = " ".join(usage.split()).removeprefix(" ".join(["Usage: xl", *command])).split()
    assert words[0] == "[OPTIONS]"
    for piece in words[1:]:
        assert re.fullmatch(r"(\[[A-Z0-9]+\]|[A-Z0-9]+|\[ARGS\])(\.\.\.)?", piece), piece
    assert "[[" not in about
    assert not re.search(r"\{\w+\}", about)


@pytest.mark.parametrize(("option", "value"), [("--to", "rune"), ("--format", "doc"), ("--on-error", "x")])
def test_a_wrong_choice_is_one_sentence(xl: Run, option: str, value: str) -> None:
    said = xl("translit", option, value)
    assert said.returncode == 2
    assert f"Error: Invalid value for '{option}': '{value}' is not one of " in said.stderr


def test_a_shell_can_complete_commands_and_options(xl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--install-completion" in xl("--help").stdout
    monkeypatch.setenv("_XL_COMPLETE", "complete_bash")
    for typed, expected in (("xl al", "align"), ("xl static si", "similarity"), ("xl align --dry", "--dry-run")):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
        assert xl().stdout.split() == [expected]


def test_what_libraries_log_again_is_told_once_a_call(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        _say_logs()
        for _ in range(3):
            logging.getLogger("xl_tasks").warning("said of %s", "every seed")
        logging.getLogger("xl_tasks").warning("said of %s", "another")
    told = capsys.readouterr().err.splitlines()
    assert told == 2 * ["note: said of every seed", "note: said of another"]
