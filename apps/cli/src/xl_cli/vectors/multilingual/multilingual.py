"""`xl static multilingual`: static vectors of many languages in one space, from their texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.folder.run_folder import is_free
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.results import Rows, UnfinishedError
from xl_cli.settings import takes
from xl_cli.unread_options import refuse_unread
from xl_cli.vectors.extract_config import ExtractConfig, HubTextConfig, as_options, is_hub_text, with_preset
from xl_cli.vectors.mapping_options import DescentMappingOptions, MappingOverrides
from xl_cli.vectors.multilingual.config import READ_WHERE, CorporaReadingConfig, MultilingualConfig
from xl_cli.vectors.multilingual.naming import absent, by_language, one_file
from xl_cli.vectors.multilingual.plan import FOLDERS, Job, Named
from xl_cli.vectors.multilingual.steps import Ledger, Step, run_steps, states
from xl_cli.vectors.word_files import usable_device

LEDGER = "steps.json"


@dataclass(frozen=True)
class JobPlan:
    """What a call would do; `str` is what --dry-run prints.

    steps: name and state ("to do", "done", "failed"), in order. absent: paths that are not there.
    """

    steps: dict[str, str]
    absent: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text


@takes(
    config=MultilingualConfig,
    options=DescentMappingOptions,
    reading=CorporaReadingConfig,
    hub=HubTextConfig,
    training=ExtractConfig,
)
def multilingual(
    corpora: str | Path | Sequence[str | Path],
    *,
    config: MultilingualConfig,
    options: MappingOverrides,
    reading: CorporaReadingConfig,
    hub: HubTextConfig,
    training: ExtractConfig,
    given: frozenset[str],
    out: str | Path,
    dry_run: bool = False,
) -> Rows | JobPlan:
    """Static vectors of many languages in one space: extracted, mapped onto the pivot by induced dictionaries, chosen.

    corpora: LANG=TEXT, files whose names state their language, folders of such, hub ids. out: folder; a call that was
    stopped goes on where it was when it is made again. dry_run: gives a `JobPlan`, and nothing is read or written.
    Rows: held-out precision with and without a map, and which was chosen. UnfinishedError where languages failed, after
    the others.

    >>> multilingual(["tr.txt", "en.txt"], model="xlm-roberta-base", words=["wiki.tr.vec", "wiki.en.vec"], out="x2s")
    ... # doctest: +SKIP
    """
    entries = [str(corpora)] if isinstance(corpora, (str, Path)) else [str(each) for each in corpora]
    reading, training, preset = with_preset(reading, training, given)
    of_hub = [name for entry in entries if is_hub_text(name := entry.rpartition("=")[2])]
    refuse_unread(READ_WHERE, given, config, options, reading, training, of_hub=of_hub)
    out = Path(out)
    if out.exists() and not out.is_dir():
        message = f"--out {out} is a file; name a folder."
        raise UsageError(message)
    named, pivot = _named(entries, config, reading)
    job = Job(named, pivot, config, options, reading, hub, training, preset, out)
    steps = job.steps()
    ledger = Ledger(out / LEDGER)
    if not ledger.path.is_file() and out.is_dir() and not is_free(out):
        message = f"--out {out} exists already and is no folder of xl static multilingual; name another one."
        raise UsageError(message)
    missing = [name for name in absent(_files(named)) if name not in of_hub]
    if dry_run:
        return _plan(job, steps, states(steps, ledger), missing)
    check_at_hand(files=missing, models=[reading.model], revision=reading.revision)
    usable_device(config.device)
    states(steps, ledger)
    if preset:
        say(f"note: preset {reading.preset} sets {as_options(preset)}; an option that is given counts instead.")
    for code in job.others:
        if job.source(code) not in ("given", "induced"):
            say(f"note: {code} stays unaligned: {job.source(code)}.")
    with processes.alone(out):
        _clean(out)
        ledger.write()
        with Progress("steps", len(steps), "steps", quiet=True) as progress:
            outcomes = run_steps(steps, ledger, progress.advance)
        if not processes.is_main():
            return Rows([], str)
        from xl_cli.vectors.multilingual.outcome import table, write_outcome

        rows = write_outcome(job, outcomes)
    failed = [code for code in job.others if "failed" in outcomes[f"map {code}"]]
    about = f"Written: {out / 'vectors'} (one space); {', '.join(FOLDERS[:-1])} beside it."
    done = Rows(rows, lambda: f"{table(job, outcomes).render('text')}\n\n{about}", out)
    if failed:
        reasons = (f"{code}: {outcomes[f'extract {code}'].get('failed', 'no map')}" for code in failed)
        message = f"{len(failed)} of {len(job.others)} languages failed and are not in {out}: {'; '.join(reasons)}"
        raise UnfinishedError(message, done)
    return done


def _named(entries: Sequence[str], config: MultilingualConfig, reading: CorporaReadingConfig) -> tuple[Named, str]:
    """What belongs to which language, checked against each other; and the pivot."""
    from xl_translit import language

    pivot = language(config.pivot)
    wanted = [language(name) for name in reading.languages]
    texts = by_language("CORPORA", entries, list(dict.fromkeys([pivot, *wanted])) if wanted else ())
    if pivot not in texts:
        message = f"no text of the pivot {pivot}; give {pivot}=TEXT, or another --pivot."
        raise UsageError(message)
    if len(texts) == 1:
        message = f"only text of the pivot {pivot} is given; give that of another language, too."
        raise UsageError(message)
    codes = list(texts)
    words = one_file("--words", config.words, codes)
    dictionaries, excluded = (
        one_file(option, entries, codes)
        for option, entries in (("--dictionary", config.dictionary), ("--exclude", config.exclude))
    )
    for option, named in (("--words", words), ("--dictionary", dictionaries), ("--exclude", excluded)):
        for code in named:
            if code not in texts or (code == pivot and option != "--words"):
                message = (
                    f"{option}: {code} is {'the pivot' if code == pivot else 'not among the corpora'}; leave it out."
                )
                raise UsageError(message)
    return Named(texts, words, dictionaries, excluded), pivot


def _files(named: Named) -> dict[str, list[str]]:
    files = {code: list(paths) for code, paths in named.texts.items()}
    for each in (named.words, named.dictionaries, named.excluded):
        for code, path in each.items():
            files[code].append(path)
    return files


def _plan(job: Job, steps: Sequence[Step], found: dict[str, str], missing: Sequence[str]) -> JobPlan:
    from xl_analysis import Table

    body = tuple((step.name, found[step.name], step.about) for step in steps)
    settings = as_options(job.preset)
    caption = f"Preset {job.reading.preset}: {settings}. " if settings else ""
    caption += f"Not there: {', '.join(missing)}. " if missing else ""
    table = Table(("step", "state", "what"), body, f"{caption}Nothing is done.", n_labels=3)
    return JobPlan(found, tuple(missing), table.render("text"))


def _clean(out: Path) -> None:
    """The folders, without what a killed call left half-written."""
    if not processes.is_main():
        return
    for name in ("", *FOLDERS):
        try:
            (out / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"--out {out / name} cannot be made: {error.strerror}."
            raise CliError(message) from None
        for aside in (out / name).glob(".*.part"):
            aside.unlink(missing_ok=True)
