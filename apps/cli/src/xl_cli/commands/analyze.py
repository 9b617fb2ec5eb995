"""`xl analyze`: measures of a representation space, one sub-command each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import with_options
from xl_cli.recipe.config import CoverageConfig, RetrievalConfig
from xl_cli.unread_options import ReadWhere, refuse_unread, revision_row

if TYPE_CHECKING:
    from xl_analysis import Table
    from xl_tasks import Row

_READ_WHERE = (
    ReadWhere(
        ("transform",),
        lambda call: not call.transform or call.transform[-1] != "center",
        "with center at its end: CKA takes each language's own mean away in any case",
    ),
    revision_row("model"),
)

analyze = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure a representation space.")


@analyze.command("cka")
@with_options(RetrievalConfig)
def cka(
    config: RetrievalConfig,
    invocation: typer.Context,
    debiased: Annotated[bool, typer.Option("--debiased", help="Correct the upward bias of few sentences.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the rows, which xl report reads; must be new.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Linear CKA between languages: how alike the model arranges the same sentences, 0 to 1.

    Example: xl analyze cka --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    refuse_unread(invocation, _READ_WHERE)
    _check_free(out)
    check_at_hand(models=[config.model], data=config.data, revision=config.revision)
    from xl_analysis import pair_table
    from xl_cli.measure.cka import cka_rows

    _show("cka", cka_rows(config, debiased=debiased), pair_table, config, out, as_json=as_json)


@analyze.command("coverage")
@with_options(CoverageConfig)
def coverage(
    config: CoverageConfig,
    invocation: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder for the rows, which xl report reads; must be new.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """What a model's vocabulary makes of each language, as written and romanised.

    Distinct vocabulary items in use, pieces a word, unknown pieces, words without an unknown piece.

    Example: xl analyze coverage --model runs/names --data sib200
    """
    refuse_unread(invocation, [revision_row("model")])
    _check_free(out)
    check_at_hand(models=[config.model], data=config.data, revision=config.revision)
    from xl_analysis import coverage_table
    from xl_cli.measure.coverage import coverage_rows

    _show("coverage", coverage_rows(config), coverage_table, config, out, as_json=as_json)


def _check_free(out: Path | None) -> None:
    """Refuse a folder with something in it, before anything is computed."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        message = f"--out {out} exists already; name another folder."
        raise UsageError(message)


def _show(
    task: str,
    rows: "Sequence[Row]",
    table: "Callable[[Iterable[Mapping[str, object]]], Table]",
    config: RetrievalConfig | CoverageConfig,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print rows as lines or as a table, and keep them in a folder if asked."""
    if out is not None:
        from xl_cli.folder.run_folder import RunFolder, environment
        from xl_tasks import write_rows

        out.mkdir(parents=True, exist_ok=True)
        write_rows(out / "results.jsonl", rows)
        RunFolder(out).describe(status="finished", tasks=[task], options=asdict(config), **environment())
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    else:
        typer.echo(table([asdict(row) for row in rows]).render("text"))
