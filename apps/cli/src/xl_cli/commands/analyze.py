"""`xl analyze`: measures of a representation space, one sub-command each."""

from typing import Annotated

import typer

from xl_cli.config import CoverageConfig, RetrievalConfig
from xl_cli.options import with_options

analyze = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure a representation space.")


@analyze.command("cka")
@with_options(RetrievalConfig)
def cka(
    config: RetrievalConfig,
    debiased: Annotated[bool, typer.Option("--debiased", help="Correct the upward bias of few sentences.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Linear CKA between languages: how alike the model arranges the same sentences, 0 to 1.

    Example: xl analyze cka --model runs/names --data sib200 --source eng_Latn --target tur_Latn
    """
    from dataclasses import asdict

    from xl_analysis import pair_table
    from xl_cli.evaluation import cka_rows

    rows = cka_rows(config, debiased=debiased)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    else:
        typer.echo(pair_table([asdict(row) for row in rows]).render("text"))


@analyze.command("coverage")
@with_options(CoverageConfig)
def coverage(
    config: CoverageConfig,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """What a model's vocabulary makes of each language, as written and romanised.

    Distinct vocabulary items in use, pieces a word, unknown pieces, words without an unknown piece.

    Example: xl analyze coverage --model runs/names --data sib200
    """
    from dataclasses import asdict

    from xl_analysis import coverage_table
    from xl_cli.evaluation import coverage_rows

    rows = coverage_rows(config)
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    else:
        typer.echo(coverage_table([asdict(row) for row in rows]).render("text"))
