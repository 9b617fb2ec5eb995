"""What `xl static map` does: reads dictionaries, maps files, and says what came out as rows."""

from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import UsageError
from xl_cli.launch.progress import Progress, say
from xl_cli.vectors.mapping_options import MODES
from xl_staticemb import MappingConfig, StaticembError, induce_dictionary, read_dictionary, read_vectors
from xl_staticemb.mapping.mapped_files import map_files
from xl_staticemb.mapping.pivot_files import map_files_to_pivot
from xl_tasks.rows import Row

if TYPE_CHECKING:
    from xl_analysis import Table


@dataclass(frozen=True, kw_only=True)
class PairJob:
    """Two files into one space."""

    source: Path
    target: Path
    out_source: Path
    out_target: Path
    mode: str
    dictionaries: tuple[str, ...]
    seeds: tuple[int, ...]
    device: str
    limit: int | None
    digits: int
    names: tuple[str, str]
    keep_failed: bool = False


@dataclass(frozen=True, kw_only=True)
class PivotJob:
    """Many files onto one; `pivot`, `files`, `dictionaries` and `by` are LANG=FILE."""

    pivot: str
    files: tuple[str, ...]
    out: Path
    mode: str
    dictionaries: tuple[str, ...]
    by: tuple[str, ...]
    held_out: float
    choose: bool
    device: str
    limit: int | None
    digits: int


def map_pair(job: PairJob, config: MappingConfig) -> tuple[list[Row], str]:
    """Map two files; rows of what was learnt: pairs, and with self-learning objective, mutual share, failed seeds.

    And why nothing was written, where all seeds failed; "" else.
    """
    pairs = [pair for path in job.dictionaries for pair in read_dictionary(path)] if job.dictionaries else None
    with Progress("mapping", unit="iterations", quiet=True) as stage:
        mapped = map_files(
            job.source,
            job.target,
            job.out_source,
            job.out_target,
            config,
            dictionary=pairs,
            seeds=job.seeds,
            device=job.device,
            limit=job.limit,
            digits=job.digits,
            keep_failed=job.keep_failed,
            progress=_Iterations(job.seeds, stage),
        )
    mapping = mapped.mapping
    usual = MODES[job.mode].max_iterations  # a mode that is a number of rounds ends by it
    if not mapping.converged and config.max_iterations != usual:
        say(f"note: --max-iterations ended the self-learning after {mapping.n_iterations} before it had converged.")

    def row(metric: str, value: float, n: int) -> Row:
        source, target = job.names
        return Row(
            task="map",
            metric=metric,
            value=value,
            n=n,
            source=source,
            target=target,
            seed=mapping.seed,
            variant=job.mode,
        )

    n_last = len(mapping.pairs[0])
    rows = [
        row("words of the source", mapped.n_source, mapped.n_source),
        row("words of the target", mapped.n_target, mapped.n_target),
        # a start from the vectors alone has no dictionary
        *([row("pairs of the first dictionary", mapped.n_start, mapped.n_start)] if mapped.n_start else []),
        row("pairs of the last dictionary", n_last, n_last),
    ]
    if mapping.losses:
        rows.append(row("loss at first", mapping.losses[0], n_last))
        rows.append(row("loss", mapping.losses[-1], len(mapping.losses) - 1))
    if mapping.objective is not None:
        rows.append(row("objective", mapping.objective, n_last))
        rows.append(row("iterations", mapping.n_iterations, mapped.n_seeds))
        rows.append(row("failed seeds", mapped.n_failed, mapped.n_seeds))
    if mapping.stability is not None:
        rows.append(row("stability", mapping.stability, n_last))
    if mapping.mutual is not None:
        rows.append(row("mutual neighbours", mapping.mutual, n_last))
    failure = ""
    if not mapped.written:
        which = "the only seed" if mapped.n_seeds == 1 else f"all {mapped.n_seeds} seeds"
        failure = (
            f"{which} failed, so no map is written; give a dictionary, more words, vectors of more text or more "
            "--seeds, or have it written all the same with --keep-failed."
        )
    return rows, failure


def map_onto_pivot(job: PivotJob, config: MappingConfig) -> tuple[list[Row], str]:
    """Map many files onto a pivot; rows: held-out precision with and without a map, and which was chosen.

    And which languages failed and why; "" for none.
    """
    if job.out.exists():
        message = f"--out {job.out} exists already; name another folder."
        raise UsageError(message)
    pivot, pivot_path = _named("--pivot", job.pivot)
    files = _by_name("FILE", job.files)
    given = _by_name("--dictionary", job.dictionaries)
    by = _by_name("--by", job.by)
    for name in [*given, *by]:
        if name not in files and not (name == pivot and name in by):
            message = f"{name} has a dictionary but no vectors; add {name}=FILE, or check the name."
            raise UsageError(message)
    without = [name for name in files if name not in given and name not in by]
    if without:
        message = f"no dictionary for {', '.join(without)}; give --dictionary LANG=FILE or --by LANG=FILE."
        raise UsageError(message)
    both = [name for name in files if name in given and name in by]
    if both:
        message = f"{both[0]} has both --dictionary and --by; give one."
        raise UsageError(message)
    dictionaries = {name: read_dictionary(path) for name, path in given.items()}
    for name, paths in by.items():
        if name != pivot:
            dictionaries[name] = _induced(name, paths, by.get(pivot), pivot, job)
    rows, failures = [], {}
    mapped = map_files_to_pivot(
        (pivot, pivot_path),
        files,
        dictionaries,
        job.out,
        mode=job.mode.replace("-", "_"),
        config=config,
        held_out=job.held_out,
        choose=job.choose,
        device=job.device,
        limit=job.limit,
        digits=job.digits,
    )
    with Progress("mapping", len(files), "languages", quiet=True) as progress:
        for done, (name, onto) in enumerate(mapped, start=1):
            progress.advance(done)
            if isinstance(onto, StaticembError):
                failures[name] = str(onto)
                rows.append(_pivot_row("failed", 1.0, 0, name, pivot, "none"))
                say(f"{name}: failed")
                continue
            for warning in onto.warnings:
                say(f"note: {name}: {warning}")
            for variant, score in (("aligned", onto.aligned_score), ("unaligned", onto.unaligned_score)):
                if score is not None:
                    rows.append(_pivot_row("held-out p@1", score, onto.n_held_out, name, pivot, variant))
            variant = "aligned" if onto.aligned else "unaligned"
            rows.append(_pivot_row("chosen", 1.0, onto.n_pairs, name, pivot, variant))
            say(f"{name}: {variant}")
    if not failures:
        return rows, ""
    return (
        rows,
        f"{len(failures)} of {len(files)} languages failed and are not in {job.out}: {'; '.join(failures.values())}.",
    )


# What a metric is called in the table, where its name alone does not say it.
_LABELS = {
    "objective": "objective: mean cosine of nearest words",
    "loss at first": "loss of rcsls at the orthogonal map",
    "loss": "loss of rcsls after its steps",
    "stability": "share of words translated alike when begun again",
    "mutual neighbours": "share of words that are each other's nearest",
    "failed seeds": "seeds that failed",
    "chosen": "chosen; pairs learnt from",
    "failed": "failed, not written",
}


def table(rows: list[Row], about: str) -> "Table":
    """Rows for people, a line each."""
    from xl_analysis import Table

    body = tuple(
        (
            row.source,
            row.target,
            row.variant,
            _LABELS.get(row.metric, row.metric),
            "" if row.metric in ("chosen", "failed") else f"{row.value:,.0f}" if row.value > 1 else f"{row.value:.4g}",
            "" if row.n == row.value else f"{row.n:,}",
        )
        for row in rows
    )
    return Table(("source", "target", "map", "what", "value", "of"), body, about, n_labels=4)


def _pivot_row(metric: str, value: float, n: int, name: str, pivot: str, variant: str) -> Row:
    return Row(task="map", metric=metric, value=value, n=n, source=name, target=pivot, variant=variant)


class _Iterations:
    """Where self-learning is, as a stage, and before it the adversarial start; what does not go on is the next seed."""

    def __init__(self, seeds: tuple[int, ...], stage: Progress) -> None:
        self._seeds, self._stage, self._place, self._last, self._starting = seeds, stage, 0, 0, False

    def __call__(self, iteration: int, objective: float, keep: float, best: float) -> None:
        starting = isnan(keep)
        if self._last and (starting > self._starting or (starting == self._starting and iteration <= self._last)):
            self._place += 1
        self._last, self._starting = iteration, starting
        seed = f"seed {self._seeds[self._place]}, " if len(self._seeds) > 1 else ""
        if starting:
            told = "" if isnan(objective) else f"criterion {objective:.5f}, best {best:.5f}, "
            self._stage.advance(iteration, f"{seed}{told}steps against the discriminator")
        else:
            self._stage.advance(iteration, f"{seed}objective {objective:.5f}, best {best:.5f}, keep {keep:g}")


def _induced(name: str, paths: str, shared: str | None, pivot: str, job: PivotJob) -> list[tuple[str, str]]:
    """Mutual CSLS neighbours of other vectors of the language and of the pivot."""
    mine, _, theirs = paths.partition(",")
    theirs = theirs or shared or ""
    if not theirs:
        message = f"--by {name} needs vectors of {pivot} too; give --by {name}=FILE,PIVOTFILE or --by {pivot}=FILE."
        raise UsageError(message)
    pairs = induce_dictionary(read_vectors(mine, job.limit), read_vectors(theirs, job.limit), device=job.device)
    say(f"{name}: {len(pairs)} pairs induced from {mine} and {theirs}")
    return [(source, target) for source, target, _ in pairs]


def _by_name(option: str, entries: tuple[str, ...]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for entry in entries:
        name, path = _named(option, entry)
        if name in paths:
            message = f"{option}: {name} is there twice; name each language once."
            raise UsageError(message)
        paths[name] = path
    return paths


def _named(option: str, entry: str) -> tuple[str, str]:
    name, _, path = entry.partition("=")
    if not name or not path or "/" in name:
        message = f"{option} {entry!r} is not LANG=FILE, such as tur_Latn=tr.vec."
        raise UsageError(message)
    return name, path
