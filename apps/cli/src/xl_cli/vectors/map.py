"""`xl static map`: vectors of two languages, or of many onto a pivot, into one space."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.results import Rows, UnfinishedError
from xl_cli.settings import takes
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.mapping_options import MODES, PIVOT_MODES, READ_WHERE, MappingOptions, MappingOverrides
from xl_cli.vectors.word_files import DEVICES, check_new, language_of, usable_device


@dataclass(frozen=True, kw_only=True)
class MapConfig:
    """What is mapped onto what, by which mode, from which dictionary, and where it goes."""

    out_source: Path | None = field(
        default=None, metadata={"help": "Mapped source: .vec/.txt text, .bin, .safetensors; .gz; must be new."}
    )
    out_target: Path | None = field(default=None, metadata={"help": "Mapped target, likewise; must be new."})
    mode: str = field(
        default="",
        metadata={
            "help": f"{' | '.join(MODES)}; with --pivot {' | '.join(PIVOT_MODES)} "
            "[default: supervised, with --pivot orthogonal]"
        },
    )
    dictionary: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Seed dictionary FILE, source<TAB>target a line; with --pivot LANG=FILE. May be repeated."},
    )
    seeds: int = field(default=1, metadata={"help": "Self-learning: runs; the best objective counts.", "min": 1})
    seed: int = field(default=0, metadata={"help": "Self-learning: first random seed."})
    device: str = field(default="cpu", metadata={"help": f"Of self-learning, rcsls and --by: {DEVICES}"})
    limit: int | None = field(default=None, metadata={"help": "Read the first words of each file only.", "min": 1})
    digits: int = field(default=9, metadata={"help": "Significant digits in text; 9 lose nothing.", "min": 1, "max": 9})
    pivot: str = field(default="", metadata={"help": "LANG=FILE whose space stays; all FILE... are mapped onto it."})
    by: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "With --pivot, LANG=FILE[,PIVOTFILE]: induce the dictionary from these vectors, which share a "
            "space with PIVOTFILE or with --by PIVOT=FILE. May be repeated."
        },
    )
    held_out: float = field(default=0.2, metadata={"help": "With --pivot: share of the dictionary kept to choose by."})
    choose: str = field(
        default="on",
        metadata={"help": "With --pivot: on | off, keep a language unaligned where that does better held out."},
    )
    out: Path | None = field(
        default=None, metadata={"help": "With --pivot: folder to write LANG.vec into; must be new."}
    )
    source_lang: str = field(default="", metadata={"help": "Language of the source in rows [default: by file name]"})
    target_lang: str = field(default="", metadata={"help": "Language of the target in rows [default: by file name]"})
    keep_failed: bool = field(
        default=False, metadata={"help": "Self-learning: write the map although all seeds failed."}
    )


@takes(config=MapConfig, options=MappingOptions)
def map_vectors(
    files: Sequence[str | Path], *, config: MapConfig, options: MappingOverrides, given: frozenset[str]
) -> Rows:
    """Bring word vectors of two languages into one space, or those of many onto a pivot.

    files: source and target; with `pivot` each a "LANG=FILE". The vectors are written to `out_source` and `out_target`,
    with `pivot` to the folder `out`.
    Raises UsageError for wrong settings and those that this call would not read, UnfinishedError where all seeds of
    self-learning, or languages of a pivot, failed.

    >>> map_vectors(["tr.vec", "en.vec"], dictionary="tr-en.tsv", out_source="tr.m.vec", out_target="en.m.vec")
    ... # doctest: +SKIP
    """
    names = [str(name) for name in files]
    pivot = config.pivot
    mode = config.mode.replace("_", "-") or ("orthogonal" if pivot else "supervised")
    if pivot and mode not in PIVOT_MODES:
        message = f"--mode {mode} does not go with --pivot; it can be orthogonal, rcsls, pull-back or per-pair."
        raise UsageError(message)
    preset = PIVOT_MODES[mode] if pivot else mode
    mapping = options.config(preset)
    call = {**vars(config), "mode": mode, "config": mapping}
    refuse_unread(READ_WHERE, given, options, needed=options.needed(preset), **call)
    if pivot:
        if config.out is None:
            message = "--pivot writes a file a language; give --out FOLDER."
            raise UsageError(message)
        _refuse(not 0 < config.held_out < 1, f"--held-out is {config.held_out}; give a share between 0 and 1.")
        _refuse(config.choose not in ("on", "off"), f"--choose is {config.choose!r}; say on or off.")
        named = [entry.partition("=")[2] for entry in (pivot, *names, *config.dictionary, *config.by)]
        check_at_hand(files=[path for paths in named for path in paths.split(",") if path])
        from xl_cli.vectors import mapping as static_mapping

        rows, failure = static_mapping.map_onto_pivot(
            static_mapping.PivotJob(
                pivot=pivot,
                files=tuple(names),
                out=config.out,
                mode=mode,
                dictionaries=config.dictionary,
                by=config.by,
                held_out=config.held_out,
                choose=config.choose == "on",
                device=usable_device(config.device),
                limit=config.limit,
                digits=config.digits,
            ),
            mapping,
        )
    else:
        _refuse(
            len(names) != 2, f"two files are mapped, SOURCE and TARGET, but {len(names)} are given; many need --pivot."
        )
        if config.out_source is None or config.out_target is None:
            message = "a map moves both languages; give --out-source FILE and --out-target FILE."
            raise UsageError(message)
        lacking = mapping.dictionary == "pairs" and not config.dictionary
        _refuse(lacking, f"--mode {mode} starts from a dictionary; give --dictionary FILE.")
        check_new(config.out_source, "--out-source")
        check_new(config.out_target, "--out-target", beside=config.out_source)
        check_at_hand(files=[*names, *config.dictionary])
        from xl_cli.vectors import mapping as static_mapping

        rows, failure = static_mapping.map_pair(
            static_mapping.PairJob(
                source=Path(names[0]),
                target=Path(names[1]),
                out_source=config.out_source,
                out_target=config.out_target,
                mode=mode,
                dictionaries=config.dictionary,
                seeds=tuple(range(config.seed, config.seed + config.seeds)),
                device=usable_device(config.device),
                limit=config.limit,
                digits=config.digits,
                names=(
                    language_of(config.source_lang, Path(names[0])),
                    language_of(config.target_lang, Path(names[1])),
                ),
                keep_failed=config.keep_failed,
            ),
            mapping,
        )
    written = [str(path) for path in (config.out_source, config.out_target, config.out) if path is not None]
    about = "" if failure and not pivot else f"Written: {', '.join(written)}."
    result = Rows(rows, lambda: static_mapping.table(rows, about).render("text"), config.out)
    if failure:
        raise UnfinishedError(failure, result)
    return result


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise UsageError(message)
