"""`xl analyze`: measures of a representation space, one sub-command each."""

import inspect
from collections import UserDict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import xl_cli
from xl_cli.commands.show import Command, show
from xl_cli.measure.analyze import check_spreads
from xl_cli.measure.registry import MEASURES, measure
from xl_cli.options import with_options


class _Commands(UserDict[str, Any]):
    """A command a measure, built when it is asked for: a call of `xl` needs one of them or none."""

    def __getitem__(self, key: str) -> Any:
        if self.data[key] is None:
            self.data[key] = _command(key)
        return self.data[key]


class _Measures(TyperGroup):
    """One command for each measure that is registered when `xl` is called."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.commands = _Commands(dict.fromkeys(MEASURES))


analyze = typer.Typer(
    cls=_Measures, no_args_is_help=True, rich_markup_mode=None, help="Measure a representation space."
)


@analyze.callback()
def _only_a_group() -> None:
    pass


def _command(name: str) -> Any:
    entry = measure(name)

    def run(
        settings: dict[str, Any],
        out: Annotated[
            Path | None, typer.Option(help="Folder for the rows, which xl report reads; must be new.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
    ) -> None:
        show(lambda: xl_cli.analyze(name, out=out, **settings), as_json=as_json)

    run.__doc__ = inspect.getdoc(entry.rows)

    class Asked(Command):
        """Says why there is no --engine, where there is none."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if any(each.partition("=")[0] == "--engine" for each in args):
                check_spreads(name, entry)
            return super().parse_args(ctx, args)

    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=Asked)(with_options(entry.settings)(run))
    return typer.main.get_command(alone)
