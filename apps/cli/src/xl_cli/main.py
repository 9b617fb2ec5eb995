"""The Typer application `xl`: one command a file, errors as one line on stderr, exit code 0 done, 1 failed, 2 misused.

Nothing heavy is imported here or by the command modules: `xl --help` answers before torch could even be found.
"""

import logging
import os
import signal
import sys
import warnings
from typing import Annotated, TextIO

import typer

from xl_cli import __version__
from xl_cli.commands.align import align
from xl_cli.commands.analyze import analyze
from xl_cli.commands.check import check
from xl_cli.commands.compare import compare
from xl_cli.commands.embed import embed
from xl_cli.commands.eval import evaluate
from xl_cli.commands.export import export
from xl_cli.commands.ls import ls
from xl_cli.commands.mine import mine
from xl_cli.commands.report import report
from xl_cli.commands.reproduce import reproduce
from xl_cli.commands.show import Command
from xl_cli.commands.static.app import static
from xl_cli.commands.translit import translit
from xl_cli.errors import is_misuse, is_user_error
from xl_cli.launch import processes
from xl_cli.launch.plain import plain
from xl_cli.launch.progress import heartbeat, library_stages
from xl_cli.launch.stopping import ENDING
from xl_cli.launch.threads import wait_asleep

_PACKAGES = ("xl_translit", "xl_staticemb", "xl_objectives", "xl_encoders", "xl_tasks", "xl_analysis")

app = typer.Typer(
    name="xl",
    context_settings={"max_content_width": 120},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("translit", short_help="Romanise text of any script.")(translit)
app.command("embed", short_help="Write a corpus as vectors.")(embed)
app.command("align", short_help="Align an encoder across scripts; score it.")(align)
app.command("eval", short_help="Score an encoder on tasks.")(evaluate)
app.command("mine", short_help="Find sentence pairs in two corpora.")(mine)
app.add_typer(static, name="static")
app.add_typer(analyze, name="analyze")
app.command("check", short_help="Show that all ways of reading a model agree.")(check)
app.command("export", short_help="Write a model for another library.")(export)
app.command("report", short_help="Print the tables of runs.")(report)
app.command("compare", short_help="Compare two runs cell by cell.")(compare)
app.command("reproduce", short_help="Test the papers' claims: commands, figures, verdicts.")(reproduce)
app.command("ls", short_help="List what can be named: recipes, tasks ...")(ls)


for _group in (app, static):
    for _command in _group.registered_commands:
        _command.cls = Command


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xl {__version__}")
        raise typer.Exit


@app.callback()
def xl(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error instead of one sentence.")
    ] = False,
) -> None:
    """Make a multilingual encoder agree across scripts and languages, measure whether it did, and say why."""
    if debug:
        os.environ["XL_DEBUG"] = "1"


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of ours as one line; others, which are for programmers, only with --debug."""
    if os.environ.get("XL_DEBUG"):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))
    elif f"{os.sep}xl_" in filename:
        sys.stderr.write(plain(f"note: {message}\n"))


class _Notes(logging.Handler):
    """What our libraries log, as one line each on stderr; what is logged again, of each seed for instance, is not."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._told:
            self._told.add(message)
            sys.stderr.write(plain(f"note: {message}\n"))


def _say_logs() -> None:
    notes = _Notes()
    for package in _PACKAGES:
        logger = logging.getLogger(package)
        ours = [handler for handler in logger.handlers if isinstance(handler, _Notes)]  # of a call before
        for handler in ours:
            logger.removeHandler(handler)
        if not logger.handlers:
            logger.addHandler(notes)


def _command_name(arguments: list[str]) -> list[str]:
    """The words that name the command: `static map` of `static map tr.vec en.vec`."""
    groups = {group.name for group in app.registered_groups}
    return arguments[: 2 if arguments[:1] and arguments[0] in groups else 1]


def main() -> None:
    """Run `xl` and turn an error that the user can mend into one line and an exit code."""
    # Hugging Face libraries print bars and advice of their own between our lines; a user's own setting wins.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    wait_asleep()
    if not processes.several():  # a launcher's processes end at once, as one may be waiting for another
        ENDING.on_sigterm()
    warnings.showwarning = _say_warning  # ty: ignore[invalid-assignment]
    _say_logs()
    try:
        # A line every half minute says what long work is at.
        with heartbeat(" ".join(["xl", *_command_name(sys.argv[1:])])), library_stages():
            app()
    except KeyboardInterrupt:
        ENDING.tell()
        raise SystemExit(ENDING.code) from None
    except SystemExit as end:
        if end.code != 128 + signal.SIGINT:
            raise
        ENDING.tell()
        raise SystemExit(ENDING.code) from None
    except Exception as error:
        lost = processes.left_alone(error)
        if os.environ.get("XL_DEBUG") or not (lost or is_user_error(error)):
            raise
        sys.stderr.write(plain(f"xl: {lost or error}\n"))
        raise SystemExit(2 if is_misuse(error) else 1) from None
