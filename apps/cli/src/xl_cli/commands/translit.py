"""`xl translit`: text of any script in Latin letters or phonemes, as many rows out as in."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xl_cli.errors import UsageError
from xl_cli.launch.durations import words
from xl_cli.launch.progress import Progress, say
from xl_cli.launch.stopping import ENDING
from xl_cli.options import given_options, option_names
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_translit.transliterator import ROMANIZERS

if TYPE_CHECKING:
    from xl_translit import Manifest
    from xl_translit.corpora.batch import Rejection
    from xl_translit.corpora.romanization import CorpusProgress


class _To(StrEnum):
    latn = "latn"
    ipa = "ipa"
    phonemes = "phonemes"


class _Format(StrEnum):
    text = "text"
    tsv = "tsv"
    jsonl = "jsonl"
    parquet = "parquet"


class _Engine(StrEnum):
    local = "local"
    ray = "ray"


class _OnError(StrEnum):
    stop = "stop"
    skip = "skip"


def _hub_inputs(call: Any) -> list[bool]:
    """Whether each input is a data set of the hub."""
    from xl_translit.corpora.inputs import is_hub_id

    return [is_hub_id(name, call.column) for name in call.files or ["-"]]


def _has_table(code: str | None) -> bool:
    """Whether the phonemes of a language come from one of Epitran's tables, whose spelling can be repaired."""
    from xl_translit.phonemes.g2p_languages import DICTIONARY_CODES, ENGLISH, require_g2p_code

    return code is not None and require_g2p_code(code) not in (ENGLISH, *DICTIONARY_CODES)


# The Phonemizer and the Romanizer check values. `codes` are the languages of the texts.
_READ_WHERE = (
    ReadWhere(("romanizer",), lambda call: call.to == _To.latn, "with --to ipa and --to phonemes, only with --to latn"),
    ReadWhere(
        ("backend", "ties", "unmapped", "digits", "segmenter", "spelling", "dictionary"),
        lambda call: call.to != _To.latn,
        "with --to latn, only with --to ipa or --to phonemes",
    ),
    ReadWhere(("segmenter",), lambda call: call.to == _To.phonemes, "with --to ipa, which is not cut into phonemes"),
    ReadWhere(
        ("split", "config", "revision"),
        lambda call: any(_hub_inputs(call)),
        "without a data set of the hub (OWNER/NAME, with --column)",
    ),
    ReadWhere(
        ("input_format",), lambda call: not all(_hub_inputs(call)), "for data sets of the hub, which say it themselves"
    ),
    ReadWhere(
        ("jobs",),
        lambda call: call.engine == _Engine.local or "RAY_ADDRESS" not in os.environ,
        "on the Ray cluster that RAY_ADDRESS names, whose processors are all taken",
    ),
    ReadWhere(
        ("spelling",),
        lambda call: any(map(_has_table, call.codes)),
        "for English and languages of --dictionary, only for those of Epitran's tables",
    ),
)


def translit(
    invocation: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="UTF-8 text, TSV, JSON lines (also .gz, .zst, .xz) or Parquet; a folder (all files below it, hidden "
            "ones left out, by path), a glob, a URL of a file or folder (s3://, gs://), or with --column the id of a "
            "hub data set; '-' or nothing reads standard input.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[_To, typer.Option("--to", help="Latin letters, IPA, or phonemes separated by spaces.")] = _To.latn,
    lang: Annotated[
        str | None,
        typer.Option(
            *option_names("lang"),
            metavar="CODE",
            help="Language of the text, in any spelling (tur_Latn, tr, Turkish); ipa and phonemes take it from each "
            "file's name where it is not given, Uroman has rules for a few.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Write the original too: as text, original<TAB>result; else as the column text."),
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        _Format | None,
        typer.Option(
            "--format",
            help="Shape of the output [default: what the suffix of --out says, else text]. In TSV, and in text with "
            "--pairs, a TAB inside a row becomes a space.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="Write here instead of standard output, compressed by suffix, with PATH.manifest.json beside it; must "
            "not exist. A URL (s3://BUCKET/NAME), a path that ends in '/', and any path with --engine ray, becomes a "
            "folder of shards. After a kill the same command goes on where it stood.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            metavar="NAME",
            help="Column of the text in TSV (a name of its header line; a number counts columns of a file without "
            "one), JSON lines, Parquet, or a hub data set.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="NAME", help="Another column to write in front, as it is; repeatable.", show_default=False
        ),
    ] = None,
    input_format: Annotated[
        _Format | None,
        typer.Option("--input-format", help="Shape of the input [default: by suffix].", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a hub data set.")] = "train",
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="NAME", help="Configuration of a hub data set.", show_default=False),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="Commit, tag or branch of a hub data set.", show_default=False),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes that work side by side.")] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Only the Ith of N contiguous shares of the rows, counted from 1, e.g. for a SLURM array; the shards "
            "one behind the other are the whole.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        _Engine,
        typer.Option(
            "--engine",
            help="Processes on this machine, or a Ray cluster (xl-cli[ray]), whose workers read FILE and write the "
            "shards of --out themselves: name storage that all of them reach.",
        ),
    ] = _Engine.local,
    on_error: Annotated[
        _OnError,
        typer.Option(
            "--on-error",
            help="A row that cannot be read stops the run, or is left out and listed in PATH.rejected.jsonl.",
        ),
    ] = _OnError.stop,
    romanizer: Annotated[
        str | None,
        typer.Option(
            "--romanizer",
            metavar="|".join(ROMANIZERS),
            help="Who romanises for --to latn; see xl ls romanizers [default: fast].",
            show_default=False,
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend",
            metavar="auto|epitran|dictionary|flite|espeak",
            help="Where phonemes come from [default: auto].",
            show_default=False,
        ),
    ] = None,
    ties: Annotated[
        str | None,
        typer.Option(
            "--ties",
            metavar="keep|split|ligature",
            help="Affricates with a tie bar [default: keep].",
            show_default=False,
        ),
    ] = None,
    unmapped: Annotated[
        str | None,
        typer.Option(
            "--unmapped",
            metavar="keep|drop|spell",
            help="Characters the language has no rule for [default: keep].",
            show_default=False,
        ),
    ] = None,
    digits: Annotated[
        str | None,
        typer.Option("--digits", metavar="keep|spell", help="Numbers in words [default: keep].", show_default=False),
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(
            "--segmenter",
            metavar="panphon|segments",
            help="With --to phonemes: what cuts words into them [default: panphon].",
            show_default=False,
        ),
    ] = None,
    spelling: Annotated[
        str | None,
        typer.Option(
            "--spelling",
            metavar="repair|keep",
            help="Repair spelling that a table does not expect (Turkish I, Urdu yeh, Finnish length), or keep each "
            "word as Epitran says it [default: repair].",
            show_default=False,
        ),
    ] = None,
    dictionary: Annotated[
        str | None,
        typer.Option(
            "--dictionary",
            metavar="PATH",
            help="The file that phonemes of Mandarin, Cantonese and Japanese characters need; without it, the error "
            "says which.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Romanise text of any script with Uroman, or turn it into phonemes, one row out for one row in.

    Example: echo Ελλάδα | xl translit --pairs
    """
    from xl_translit import TranslitError, make_transliterator, romanize_corpus
    from xl_translit.errors import CorpusOptionError

    given = {"romanizer": romanizer, "backend": backend, "ties": ties, "unmapped": unmapped, "digits": digits}
    options: dict[str, Any] = {
        name: value
        for name, value in {**given, "segmenter": segmenter, "spelling": spelling, "dictionary": dictionary}.items()
        if value is not None
    }
    if out is not None and os.path.lexists(out) and not Path(out).is_dir():
        message = f"--out {out} exists already; remove it or choose another name."
        raise UsageError(message)
    if format == _Format.parquet and out is None:
        message = "--format parquet needs a file to write; add --out PATH.parquet."
        raise UsageError(message)
    read: dict[str, Any] = {"column": column, "input_format": None if input_format is None else input_format.value}
    parts = [(lang, files or ["-"])]
    if to != _To.latn and lang is None:
        parts = _by_language(files or ["-"], to, **read)
    try:
        call: dict[str, Any] = {**invocation.params, "codes": [code for code, _ in parts]}
        refuse_unread(_READ_WHERE, given_options(invocation), **call)
        for code, _ in parts:  # an unknown language or option is misuse; later errors are not
            make_transliterator(to.value, code, **options)
    except TranslitError as error:
        raise UsageError(str(error)) from None
    if len(parts) > 1 and (out is not None or shard is not None or format == _Format.tsv):
        option = "--out" if out is not None else "--shard" if shard is not None else "--format tsv"
        message = f"{option} takes text of one language, and the files have {len(parts)}; call it for each with --lang."
        raise UsageError(message)
    show = _Show(out)
    whole = [name for name in files or () if column is None and input_format is None and _is_table(name)]
    if whole:
        say(f"note: {whole[0]} is read as text, all columns of a line together; --column NAME takes one.")
    manifests = []
    try:
        with show:
            for code, inputs in parts:
                manifest = romanize_corpus(
                    inputs,
                    _Pipe() if out is None else out,  # ty: ignore[invalid-argument-type]
                    lang=code,
                    to=to.value,
                    pairs=pairs,
                    format=None if format is None else format.value,
                    keep=keep or (),
                    split=split,
                    config=config,
                    revision=revision,
                    jobs=jobs,
                    shard=shard,
                    engine=engine.value,
                    on_error=on_error.value,
                    on_progress=show.progress,
                    on_reject=show.rejection,
                    **read,
                    **options,
                )
                manifests.append(manifest)
    except CorpusOptionError as error:
        raise UsageError(str(error)) from None
    except BrokenPipeError:
        # Python flushes once more at exit and would complain; what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except KeyboardInterrupt:
        ENDING.tell("" if out is None else f"; the same command goes on with {out}")
        raise
    for manifest in manifests:
        show.summary(manifest)


def _by_language(names: list[str], to: _To, **read: Any) -> list[tuple[str | None, list[str]]]:
    """Files that follow one another in one language, which their names tell: my_texts/tur_Latn.txt, tr.txt.gz."""
    from xl_translit import TranslitError, language
    from xl_translit.corpora.inputs import open_corpus
    from xl_translit.errors import CorpusOptionError

    if "-" in names:
        message = f"--to {to.value} needs the language of the text; add --lang, e.g. --lang tur_Latn."
        raise UsageError(message)
    parts: list[tuple[str | None, list[str]]] = []
    try:
        sources = open_corpus(names, **read).sources
    except CorpusOptionError as error:
        raise UsageError(str(error)) from None
    for source in sources:
        path = source.layout.name
        try:
            code = language(Path(path).name.partition(".")[0])
        except TranslitError:
            message = (
                f"{path}: --to {to.value} needs the language of the text, and this name is none; "
                "call the file by it (tur_Latn.txt), or add --lang, e.g. --lang tur_Latn."
            )
            raise UsageError(message) from None
        if not parts or parts[-1][0] != code:
            parts.append((code, []))
        parts[-1][1].append(path)
    return parts


def _is_table(name: str) -> bool:
    return any(suffix in (".tsv", ".tab") for suffix in Path(name).suffixes[-2:])


class _Pipe:
    """Standard output as it is at each call: bytes, flushed by who writes."""

    def write(self, data: bytes) -> int:
        return sys.stdout.buffer.write(data)

    def flush(self) -> None:
        sys.stdout.buffer.flush()


class _Show:
    """What a person sees on stderr: a bar in a terminal, refused rows of a pipe, one line at the end of a file."""

    def __init__(self, out: str | None) -> None:
        self._out = None if out is None else out.rstrip("/")
        self._bar: Progress | None = None

    def __enter__(self) -> "_Show":
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.__exit__(*error)

    def progress(self, state: "CorpusProgress") -> None:
        # A bar would stand in the midst of text that a terminal shows.
        if self._out is None and sys.stderr.isatty():
            return
        if self._bar is None:
            total, unit = (100, "%") if state.total_bytes else (0, "rows")
            self._bar = Progress("reading", total, unit, quiet=True).__enter__()
        if state.total_bytes:
            self._bar.advance(100 * state.n_bytes // state.total_bytes, f"{state.n_rows} rows")
        else:
            self._bar.advance(state.n_rows)

    def rejection(self, rejection: "Rejection") -> None:
        if self._out is None:
            say(f"xl: {rejection.file}:{rejection.line}: left out: {rejection.reason}")

    def summary(self, manifest: "Manifest") -> None:
        from xl_translit import script_reading

        counts = manifest.counts
        for script, n_chars in manifest.unread.items():
            note = script_reading(script).note
            say(f"note: {script} has no full reading in Uroman: {note}; {n_chars} such characters here")
        if self._out is None:
            if counts["rejected"]:
                say(f"xl: {counts['rejected']} of {counts['rows_in']} rows left out")
            return
        resumed = manifest.run["rows_resumed"]
        again = f" ({resumed} of them by an earlier start)" if resumed else ""
        say(f"{self._out}: {counts['rows_out']} rows of {counts['rows_in']}{again} in {words(manifest.run['seconds'])}")
        if counts["rejected"]:
            say(f"xl: left out: {counts['rejected']}; {self._out}.rejected.jsonl says which rows and why")
        unread = [entry for entry in manifest.unmapped["top"] if not entry["character"].isdecimal()]
        if unread:
            shown = ", ".join(
                f"{entry['character']} ({entry['name'].lower()}) {entry['count']}" for entry in unread[:5]
            )
            more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
            say(f"xl: characters without a rule: {shown}{more}; {self._out}.manifest.json counts them")
