"""How commands print: what a function gave, as rows or as text; usage in the signs of manuals."""

import signal
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from xl_cli.errors import StoppedEarlyError
from xl_cli.launch import processes
from xl_cli.launch.plain import plain
from xl_cli.launch.progress import say
from xl_cli.results import UnfinishedError


def show(compute: Callable[[], object], *, as_json: bool = False, may_stop: bool = False) -> None:
    """Print what `compute` gives as text, or rows as JSON, a line each.

    Where a part of the work failed, the rest is printed before the error goes on. may_stop: SIGTERM is no failure, as a
    scheduler that takes the machine back asked for it.
    """
    try:
        done = compute()
    except UnfinishedError as error:
        _print(error.done, as_json=as_json)
        raise
    except StoppedEarlyError as stopped:
        if not may_stop or stopped.signal_number != signal.SIGTERM:
            raise
        say(str(stopped))
        return
    _print(done, as_json=as_json)


def _print(done: Any, *, as_json: bool) -> None:
    if not processes.is_main():
        return
    for text in (row.to_json() for row in done) if as_json else filter(None, [str(done)]):
        typer.echo(text if as_json else plain(text))


class Command(TyperCommand):
    """Usage in the signs of manuals, RUN for what must be given, [RECIPE] for what may, where Typer writes {RUN}."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Each argument as manuals write it."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, or a refusal in our own words."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            # Pydantic, which Typer reads values with, names the kind of exception in front of the sentence.
            error.message = error.message.removeprefix("Value error, ")
            raise
