"""Claims, their verdicts and what they rest on as one HTML document."""

from collections.abc import Mapping, Sequence

from xl_analysis.pages.report_page import Facts, Section, html_page
from xl_analysis.tables.claim_tables import JudgedClaim, part_table, verdict_table

_LEAD = (
    "Each claim was tested by the commands that stand at the end; its verdict follows from the result rows by a rule "
    "that its file and the lines below state. A claim that does not hold is a result too: below is what was seen."
)


def claims_page(
    claims: Sequence[JudgedClaim],
    title: str,
    *,
    facts: Sequence[Facts] = (),
    commands: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> str:
    """The verdicts, then each claim: what the paper prints, what this scale decides, its parts; then all commands.

    facts: what was run. commands: claim -> (name of the step, command).
    """
    sections = [Section(title="Verdicts", tables=[verdict_table(claims)])]
    for claim in claims:
        told = (("claimed by", claim.paper), ("in print", claim.printed), ("this scale", claim.decides))
        known = [(name, text) for name, text in told if text]
        sections.append(
            Section(
                title=f"{claim.name}: {claim.verdict}",
                facts=[Facts(name=claim.title, entries=known)],
                tables=[part_table(claim)],
            )
        )
    steps = [Facts(name=name, entries=its) for name, its in (commands or {}).items() if its]
    sections += [Section(title="Commands", facts=steps)] if steps else []
    sections += [Section(title="What was run", facts=facts)] if facts else []
    return html_page(sections, title, lead=_LEAD)
