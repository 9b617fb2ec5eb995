"""`xl static map`: vectors of two languages, or of many onto a pivot, into one space."""

from pathlib import Path
from typing import Annotated

import typer

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.options import option_names, with_options
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.mapping_options import PIVOT_MODES, READ_WHERE, MappingOptions
from xl_cli.vectors.word_files import DEVICES, check_new, language_of, usable_device


@with_options(MappingOptions, "options")
def map_vectors(
    files: Annotated[
        list[str],
        typer.Argument(help="Vectors: SOURCE TARGET, or with --pivot each LANG=FILE.", metavar="FILE"),
    ],
    options: MappingOptions,
    invocation: typer.Context,
    out_source: Annotated[
        Path | None, typer.Option(help="Mapped source: .vec/.txt text, .bin, .safetensors; .gz; must be new.")
    ] = None,
    out_target: Annotated[Path | None, typer.Option(help="Mapped target, likewise; must be new.")] = None,
    mode: Annotated[
        str,
        typer.Option(
            help="supervised | semi-supervised | identical | numerals | unsupervised | orthogonal | unconstrained | "
            "aaai2018 | acl2017 | acl2017-seed | acl2018 | emnlp2016; with --pivot orthogonal | pull-back | per-pair "
            "[default: supervised, with --pivot orthogonal]",
            show_default=False,
        ),
    ] = "",
    dictionary: Annotated[
        list[str] | None,
        typer.Option(help="Seed dictionary FILE, source<TAB>target a line; with --pivot LANG=FILE. May be repeated."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Self-learning: runs; the best objective counts.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Self-learning: first random seed.")] = 0,
    device: Annotated[str, typer.Option(help=f"Of self-learning and --by: {DEVICES}")] = "cpu",
    limit: Annotated[int | None, typer.Option(help="Read the first words of each file only.", min=1)] = None,
    digits: Annotated[int, typer.Option(help="Significant digits in text; 9 lose nothing.", min=1, max=9)] = 9,
    pivot: Annotated[str, typer.Option(help="LANG=FILE whose space stays; all FILE... are mapped onto it.")] = "",
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="With --pivot, LANG=FILE[,PIVOTFILE]: induce the dictionary from these vectors, which share a space "
            "with PIVOTFILE or with --by PIVOT=FILE. May be repeated."
        ),
    ] = None,
    held_out: Annotated[float, typer.Option(help="With --pivot: share of the dictionary kept to choose by.")] = 0.2,
    choose: Annotated[
        str, typer.Option(help="With --pivot: on | off, keep a language unaligned where that does better held out.")
    ] = "on",
    out: Annotated[Path | None, typer.Option(help="With --pivot: folder to write LANG.vec into; must be new.")] = None,
    source_lang: Annotated[
        str, typer.Option(*option_names("source_lang"), help="Language of the source in rows [default: by file name]")
    ] = "",
    target_lang: Annotated[
        str, typer.Option(*option_names("target_lang"), help="Language of the target in rows [default: by file name]")
    ] = "",
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Self-learning: write the map although all seeds failed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines instead of a table.")] = False,
) -> None:
    """Bring word vectors of two languages into one space, or those of many onto a pivot.

    Example: xl static map tr.vec en.vec --dictionary tr-en.tsv --out-source tr.mapped.vec --out-target en.mapped.vec
    """
    mode = mode.replace("_", "-") or ("orthogonal" if pivot else "supervised")
    if pivot and mode not in PIVOT_MODES:
        message = f"--mode {mode} does not go with --pivot; it can be orthogonal, pull-back or per-pair."
        raise UsageError(message)
    preset = PIVOT_MODES[mode] if pivot else mode
    config = options.config(preset)
    refuse_unread(invocation, READ_WHERE, needed=options.needed(preset), mode=mode, config=config)
    if pivot:
        _refuse(out is None, "--pivot writes a file a language; give --out FOLDER.")
        _refuse(not 0 < held_out < 1, f"--held-out is {held_out}; give a share between 0 and 1.")
        _refuse(choose not in ("on", "off"), f"--choose is {choose!r}; say on or off.")
        named = [entry.partition("=")[2] for entry in (pivot, *files, *(dictionary or ()), *(by or ()))]
        check_at_hand(files=[path for paths in named for path in paths.split(",") if path])
        from xl_cli.vectors import mapping as static_mapping

        rows, failure = static_mapping.map_onto_pivot(
            static_mapping.PivotJob(
                pivot=pivot,
                files=tuple(files),
                out=out or Path(),
                mode=mode,
                dictionaries=tuple(dictionary or ()),
                by=tuple(by or ()),
                held_out=held_out,
                choose=choose == "on",
                device=usable_device(device),
                limit=limit,
                digits=digits,
            ),
            config,
        )
    else:
        _refuse(
            len(files) != 2, f"two files are mapped, SOURCE and TARGET, but {len(files)} are given; many need --pivot."
        )
        if out_source is None or out_target is None:
            message = "a map moves both languages; give --out-source FILE and --out-target FILE."
            raise UsageError(message)
        check_new(out_source, "--out-source")
        check_new(out_target, "--out-target")
        check_at_hand(files=[*files, *(dictionary or ())])
        from xl_cli.vectors import mapping as static_mapping

        rows, failure = static_mapping.map_pair(
            static_mapping.PairJob(
                source=Path(files[0]),
                target=Path(files[1]),
                out_source=out_source,
                out_target=out_target,
                mode=mode,
                dictionaries=tuple(dictionary or ()),
                seeds=tuple(range(seed, seed + seeds)),
                device=usable_device(device),
                limit=limit,
                digits=digits,
                names=(language_of(source_lang, Path(files[0])), language_of(target_lang, Path(files[1]))),
                keep_failed=keep_failed,
            ),
            config,
        )
    if as_json:
        for row in rows:
            typer.echo(row.to_json())
    else:
        written = [str(path) for path in (out_source, out_target, out) if path is not None]
        about = "" if failure and not pivot else f"Written: {', '.join(written)}."
        typer.echo(static_mapping.table(rows, about).render("text"))
    if failure:
        raise CliError(failure)


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise UsageError(message)
