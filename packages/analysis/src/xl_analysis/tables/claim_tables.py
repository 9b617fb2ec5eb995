"""Claims and their verdicts as tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xl_analysis.statistics.claims import HOLDS, OPEN, REFUTED, Judged, claim_verdict
from xl_analysis.tables.table import Table

AS_IT_SHOULD, NOT_AS_IT_SHOULD = "as it should be", "NOT AS IT SHOULD BE"


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """A claim of a paper and what rows say of its parts."""

    name: str
    title: str
    paper: str = ""
    """Who claims it, and where; empty for a question of our own."""
    printed: str = ""
    """What the paper prints, in a sentence."""
    decides: str = ""
    """What the scale can say of it, and what not."""
    parts: Sequence[Judged]
    in_print: Sequence[Judged | None]
    """The same parts from the paper's figures, None where it prints none."""
    controls: Sequence[Judged] = ()
    """What must not hold."""

    @property
    def verdict(self) -> str:
        """HOLDS, REFUTED or OPEN; see `claim_verdict`."""
        return claim_verdict(each.verdict for each in self.parts)

    @property
    def controls_failed(self) -> int:
        """Number of controls that came out as holding."""
        return sum(each.verdict == HOLDS for each in self.controls)


_HOW = (
    "A claim holds where all its parts do, does not where one does not, and is else not decided. Controls: how many of "
    "what must not hold did not. Of the parts, differences have the claim's sign; p is that of no difference or, in "
    "brackets, of one that is the least that matters or more, over languages and seeds (n), after Holm's correction "
    "over all claims at this scale; those in brackets count also the parts of their claim, as one can refute it. A "
    "part holds where the first is below 0.05 and the difference is the least that matters, or more; it does not hold "
    "where the second is. A control's p is its own. Shares in per cent, their differences in points; in print: the "
    "difference of the paper's own figures."
)


def verdict_table(claims: Sequence[JudgedClaim]) -> Table:
    """A line a claim: verdict, and how many of its parts hold, do not, and are open."""
    body = []
    for claim in claims:
        verdicts = [each.verdict for each in claim.parts]
        counts = [str(verdicts.count(each)) for each in (HOLDS, REFUTED, OPEN)]
        controls = f"{len(claim.controls) - claim.controls_failed} of {len(claim.controls)}" if claim.controls else "-"
        body.append((claim.name, claim.title, claim.verdict, *counts, controls))
    return Table(
        ("claim", "what is claimed", "verdict", "parts hold", "do not", "open", "controls"),
        tuple(body),
        _HOW,
        n_labels=3,
    )


def part_table(claim: JudgedClaim) -> Table:
    """A line a part or control of one claim, with figures, intervals, the rule and the paper's own difference."""
    lines = [*zip(claim.parts, claim.in_print, strict=True), *((each, None) for each in claim.controls)]
    body = []
    for place, (each, in_print) in enumerate(lines):
        is_control = place >= len(claim.parts)
        body.append(
            (
                ("control: " if is_control else "") + each.part.says + (f" ({each.missing})" if each.missing else ""),
                _control(each) if is_control else each.verdict,
                *_figures(each),
                "" if is_control else "-" if in_print is None else _difference(in_print, in_print.value),
            )
        )
    heads = ("what has to be seen", "verdict", "figure", "against", "difference (95 %)", "least", "p", "n", "in print")
    return Table(
        heads,
        tuple(body),
        n_labels=2,
    )


def _control(each: Judged) -> str:
    return OPEN if each.value is None else NOT_AS_IT_SHOULD if each.verdict == HOLDS else AS_IT_SHOULD


def _figures(each: Judged) -> tuple[str, ...]:
    if each.value is None:
        return ("-",) * 6
    return (
        *(_figure(each, value) for value in (each.of, each.against)),
        f"{_difference(each, each.value)} ({_interval(each)})",
        _difference(each, each.part.least).removeprefix("+"),
        f"{each.p_none:.2g}" if each.p_none <= each.p_matters else f"({each.p_matters:.2g})",
        f"{each.n_languages} x {each.n_seeds}",
    )


def _figure(each: Judged, value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}" if each.part.points else f"{value:,.4g}"


def _difference(each: Judged, value: float | None) -> str:
    if value is None:
        return "-"
    if each.part.kind == "correlation":
        return f"{value:+.2f}"
    if each.part.relative:
        return f"{100 * value:+.1f} %"
    return f"{100 * value:+.1f}" if each.part.points else f"{value:+.4g}"


def _interval(each: Judged) -> str:
    if not (math.isfinite(each.low) and math.isfinite(each.high)):
        return "unknown"
    return f"{_difference(each, each.low)} to {_difference(each, each.high)}"
