"""`xl reproduce`: the papers' claims, each with its commands, what came out, and a verdict."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.claims.claim import SCALES, Claim, read_claim, shipped_claims
from xl_cli.claims.running import Start, do
from xl_cli.claims.work import Work, check_places, work_of
from xl_cli.folder.runs import RESULTS
from xl_cli.launch.durations import words as duration
from xl_cli.options import check_options
from xl_cli.published.rows import PAPERS, published_rows
from xl_cli.results import Rows, UnfinishedError
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_analysis import Judged, JudgedClaim, Part
    from xl_tasks import Row

ALL = "all"
TFLOPS = 100.0
"""10^12 operations a second: a tenth of what an H100's data sheet has for bf16 without sparsity, 990."""


@dataclass(frozen=True, kw_only=True)
class ReproduceConfig:
    """What a claim is tested on."""

    scale: str = setting(
        "mini",
        "One of: mini (its own small encoders, trained on the text of --data), real (--model, a pretrained encoder), "
        "middle (a base-size encoder of its own, for one GPU), paper (the paper's models and data).",
        choices=SCALES,
    )
    data: str = setting("", "Folder with the data sets' own folders.")
    model: str = setting("", "Pretrained encoder of scale real: a folder or hub id.")
    seeds: int = setting(0, "So many seeds, 1, 2 ... [default: those of the claim's file]", min=0)
    jobs: int = setting(1, "Commands that run side by side, each with its share of the cores", min=1)
    launcher: str = setting(
        "",
        "What starts the commands that train, in the place of python: 'accelerate launch', "
        "'torchrun --nproc-per-node 8', 'srun --gpus 1 python' ... [default: python]",
    )
    engine: str = setting(
        "local", "local | ray: cells of xl eval are spread over the cluster", choices=("local", "ray")
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def start(self) -> Start:
        """How commands are started."""
        return Start(launcher=self.launcher, engine=self.engine)


@takes(config=ReproduceConfig)
def reproduce(
    claim: str = "", *, config: ReproduceConfig, given: frozenset[str], out: str | Path = "reproduce"
) -> Rows:
    """Test one claim, or "all"; rows of verdicts, whose `str` is the table. Without a claim: what claims there are.

    claim: a name or a .toml file. out: folder; what it has finished is not computed again. What was measured lies in
    `SCALE` there: `page.html`, `results.jsonl` (a row a part of a claim), `CLAIM/results.jsonl` (all rows behind it).

    UnfinishedError, with what could be judged, where a command failed.

    >>> print(reproduce("seq-retrieval", data="DATA", out="r"))  # doctest: +SKIP
    """
    out = Path(out)
    claims = _asked(claim, config.scale)
    pairs = [(each, config.scale) for each in claims]
    _refuse_unread(pairs, given, config)
    check_places(pairs, data=config.data, model=config.model)
    seeds = tuple(range(1, config.seeds + 1))
    work = work_of(pairs, data=config.data, model=config.model, out=out, seeds=seeds)
    every = [each for its in work.values() for each in its]
    failed = do(every, out, jobs=config.jobs, start=config.start)
    # Beside them what earlier calls have finished: the page shows it all, and p are corrected for it.
    for other in _asked(ALL, config.scale):
        its = work_of([(other, config.scale)], data=config.data, model=config.model, out=out, seeds=seeds)
        if other.name not in work and all(each.is_done for each in its[other.name]):
            claims, work = [*claims, other], work | its
    judged = _all_judged(claims, work, config.scale)
    asked = judged[: len(pairs)]
    rows = Rows([row for each in asked for row in _rows(each)], lambda: _text(asked), out / config.scale)
    order = [*shipped_claims()]
    shown = sorted(judged, key=lambda each: order.index(each.name) if each.name in order else -1)
    _write(shown, work, out / config.scale, config)
    if failed:
        folder, fault = next(iter(failed.items()))
        message = f"{len(failed)} of {len(every)} commands failed, {folder.name} with: {fault}"
        raise UnfinishedError(message, rows)
    return rows


@takes(config=ReproduceConfig)
def plan_claims(
    claim: str, *, config: ReproduceConfig, given: frozenset[str], out: str | Path = "reproduce", tflops: float = 0.0
) -> str:
    """What `reproduce` would do: commands with their places filled, what is done already, time as measured before.

    Without data or a model at hand their places stay as they are written. tflops: 10^12 operations a second that a GPU
    reaches in training, for GPU hours of what trains at scale paper; 0 takes TFLOPS.
    """
    pairs = [(each, config.scale) for each in _asked(claim, config.scale)]
    _refuse_unread(pairs, given, config)
    work = work_of(
        pairs,
        data=config.data or "{data}",
        model=config.model or "{model}",
        out=Path(out),
        seeds=tuple(range(1, config.seeds + 1)),
    )
    lines: list[str] = []
    for each, scale in pairs:
        at = each.scale(scale)
        lines += [f"# {each.name}: {each.title}", f"# {at.decides}"]
        lines += [f"# took {duration(3600 * at.hours)} on {at.on}"] if at.hours else []
        if operations := sum(its.step.operations for its in work[each.name]):
            speed = tflops or TFLOPS
            hours = operations / (1e12 * speed) / 3600
            lines.append(f"# about {hours:,.0f} GPU hours of training at {speed:g} TFLOP/s, scoring on top")
        for its in work[each.name]:
            words = config.start.words(its.words)
            words = ["xl", *words[3:]] if words[:3] == ["python", "-m", "xl_cli"] else words
            lines.append(shlex.join(words) + ("  # done" if its.is_done else ""))
        lines.append("")
    return "\n".join(lines).rstrip()


def _refuse_unread(claims: Sequence[tuple[Claim, str]], given: frozenset[str], config: ReproduceConfig) -> None:
    """UsageError for options that no command of the claims would read."""
    steps = [step for claim, scale in claims for step in claim.scale(scale).steps]
    commands, kinds = " ".join(step.command for step in steps), {step.words[0] for step in steps}
    table = (
        ReadWhere(("data",), lambda _: "{data}" in commands, "as no command of this reads data"),
        ReadWhere(("model",), lambda _: "{model}" in commands, "as no command of this starts from a model"),
        ReadWhere(("engine",), lambda _: "eval" in kinds, "as no command of this is xl eval"),
        ReadWhere(("launcher",), lambda _: {"align", "eval"} & kinds, "as no command of this trains"),
    )
    refuse_unread(table, given, config)


def listed() -> list[dict[str, object]]:
    """A line a shipped claim: its name, what is claimed, where, and its scales."""
    claims = map(read_claim, shipped_claims())
    return [
        {
            "claim": each.name,
            "what is claimed": each.title,
            "paper": ", ".join(filter(None, [each.by, each.where])) or "ours",
            "scales": " ".join(each.scales),
        }
        for each in claims
    ]


def _asked(claim: str, scale: str) -> list[Claim]:
    if claim != ALL:
        read = read_claim(claim)
        read.scale(scale)
        return [read]
    every = [read_claim(name) for name in shipped_claims()]
    return [each for each in every if scale in each.scales]


def _all_judged(claims: Sequence[Claim], work: Mapping[str, Sequence[Work]], scale: str) -> "list[JudgedClaim]":
    """Each claim, its p corrected over all claims that there are at this scale, run or not."""
    from xl_analysis import judge_together

    alone = [_judged(each, work[each.name], scale) for each in claims]
    family = {each.name for each in (*_asked(ALL, scale), *claims)}
    together = judge_together([each.parts for each in alone], len(family))
    return [replace(each, parts=parts) for each, parts in zip(alone, together, strict=True)]


def _judged(claim: Claim, work: Sequence[Work], scale: str) -> "JudgedClaim":
    from xl_analysis import JudgedClaim, judge

    rows = [row.to_dict() for each in work if each.is_done for row in each.rows()]
    at = claim.scale(scale)
    published = [row.to_dict() for row in published_rows(claim.by)] if claim.by else []
    in_print = [each.in_print for each in at.parts]
    return JudgedClaim(
        name=claim.name,
        title=claim.title,
        paper=", ".join(filter(None, [PAPERS[claim.by], claim.where])) if claim.by else "",
        printed=claim.printed,
        decides=at.decides,
        parts=[_of_part(part, rows) for part in at.parts],
        in_print=[None if part is None else judge(part, published) for part in in_print],
        controls=[_of_part(part, rows) for part in at.controls],
    )


def _of_part(part: "Part", rows: "Sequence[Mapping[str, object]]") -> "Judged":
    """What rows say of one part; one that they answer twice is open and says so, as the others were measured too."""
    from xl_analysis import AnalysisError, Judged, judge

    try:
        return judge(part, rows)
    except AnalysisError as error:
        return Judged(part=part, value=None, missing=str(error))


def _rows(claim: "JudgedClaim") -> "list[Row]":
    """Verdicts as rows: the metric is the kind of part or "control", the variant what it says, the note its verdict."""
    from xl_tasks import Row

    kinds = [*(("part", each) for each in claim.parts), *(("control", each) for each in claim.controls)]
    return [
        Row(
            task="claim",
            metric=kind,
            value=each.value,
            n=each.n_languages * each.n_seeds,
            source="all",
            target="all",
            model=claim.name,
            variant=each.part.says,
            baseline="0",
            p_holm=min(each.p_none, each.p_matters),
            low=each.low if isfinite(each.low) else None,
            high=each.high if isfinite(each.high) else None,
            note=each.verdict,
        )
        for kind, each in kinds
        if each.value is not None
    ]


def _write(
    judged: "Sequence[JudgedClaim]", work: Mapping[str, Sequence[Work]], out: Path, config: ReproduceConfig
) -> None:
    from xl_analysis import claims_page
    from xl_tasks import write_rows
    from xl_translit import replacing

    for name, its in work.items():
        rows = {each.folder: each.rows() for each in its if each.is_done}
        (out / name).mkdir(parents=True, exist_ok=True)
        write_rows(out / name / RESULTS, [row for part in rows.values() for row in part])
    write_rows(out / RESULTS, [row for each in judged for row in _rows(each)])
    commands = {name: [(_told(each), f"xl {shlex.join(each.words)}") for each in its] for name, its in work.items()}
    page = claims_page(judged, f"Claims of five papers at scale {config.scale}", commands=commands)
    with replacing(out / "page.html") as file:
        file.write(page)


def _told(work: Work) -> str:
    seed = "" if work.seed is None else f", seed {work.seed}"
    return f"{work.step.name}{seed}" + (f" ({duration(work.seconds)})" if work.is_done else " (not done)")


def _text(judged: "Sequence[JudgedClaim]") -> str:
    from xl_analysis import part_table, verdict_table

    parts = [f"{each.name}: {each.verdict}\n{part_table(each).render('text')}" for each in judged]
    return "\n\n".join([verdict_table(judged).render("text"), *parts])
