"""The calls of `xl` that a text shows: lines of code, and commands within a sentence."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import typer
import typer.main

from xl_cli.main import app

_FENCED = re.compile(r"^ {0,3}```\w*\n(.*?)^ {0,3}```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}.*\n)+", re.MULTILINE)
_CALL = re.compile(
    r"(?:^|[|&;])[ ]*(?:\w+=\S+ )*(?:uv run |(?:torchrun|accelerate) .*-m )?xl(?:_cli)? (.+)$", re.MULTILINE
)
_INLINE = re.compile(r"`(?:uv run )?xl ([^`]+)`")


class Call(NamedTuple):
    """words: behind `xl`. is_whole: whether it can be given so, with nothing left out of it."""

    words: list[str]
    is_whole: bool


def calls(text: str) -> Iterator[Call]:
    """Every call in a page of Markdown."""
    text = text.replace("\\\n", " ")
    blocks = [found[1] for found in _FENCED.finditer(text)]
    rest = _FENCED.sub("\n", text)
    blocks += [found[0] for found in _INDENTED.finditer(rest)]
    for block in blocks:
        for found in _CALL.finditer(re.sub(r"(^|\s)#.*$", "", block, flags=re.MULTILINE)):
            yield from _call(found[1], is_whole=True)
    for found in _INLINE.finditer(_INDENTED.sub("\n", rest)):
        yield from _call(found[1], is_whole=False)


def _call(line: str, *, is_whole: bool) -> Iterator[Call]:
    try:
        words = shlex.split(line)
    except ValueError:  # prose that begins so
        return
    ends = [place for place, word in enumerate(words) if word in ("|", ">", "<", "&&") or word.endswith(";")]
    if ends:
        words = [word.removesuffix(";") for word in words[: ends[0] + words[ends[0]].endswith(";")]]
    left_out = [word for word in words if word.startswith("[") or word == "..."]
    yield Call([word for word in words if word not in left_out], is_whole and not left_out)


@cache
def application() -> Any:
    """`xl` as Typer builds it."""
    return typer.main.get_command(app)


def parsed(call: Call) -> tuple[str, dict[str, Any]]:
    """The command and its parameters, read as `xl` reads them, without running anything.

    Of a call with something left out what is there counts. Raises KeyError for a command that there is not, and what
    Typer raises for an option or a value that it refuses.
    """
    command, words, names = application(), list(call.words), []
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] in ("NAME", "COMMAND"):
            return "", {}
        names.append(words.pop(0))
        command = command.commands[names[-1]]
    if {"--help", "--version"} & {*words} or (hasattr(command, "commands") and not call.is_whole):
        return " ".join(names), {}
    try:
        return " ".join(names), command.make_context(names[-1], words).params
    except typer.TyperException as error:
        if call.is_whole or type(error).__name__ == "NoSuchOption":
            raise
        return " ".join(names), {}
