"""What came out of `xl static multilingual`: result rows, a summary for programs, a table of choices and reasons."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xl_cli.vectors.multilingual.plan import Job
from xl_cli.vectors.multilingual.steps import Outcome
from xl_tasks import Row, write_rows
from xl_translit import replacing

if TYPE_CHECKING:
    from xl_analysis import Table

_SCORES = (("aligned", "held_out_p@1_aligned"), ("unaligned", "held_out_p@1_unaligned"))


def write_outcome(job: Job, outcomes: Mapping[str, Outcome]) -> list[Row]:
    """results.jsonl, summary.json and chosen.md below the job's folder; the rows."""
    rows = []
    for code in job.others:
        onto = outcomes[f"map {code}"]
        if "failed" in onto:
            continue
        about: dict[str, Any] = {"task": "map", "source": code, "target": job.pivot, "model": job.reading.model}
        for variant, name in _SCORES:
            if onto.get(name) is not None:
                rows.append(
                    Row(metric="held-out p@1", value=onto[name], n=onto["n_held_out"], variant=variant, **about)
                )
        rows.append(Row(metric="chosen", value=1.0, n=onto.get("n_pairs", 0), variant=onto["chosen"], **about))
    write_rows(job.out / "results.jsonl", rows)
    summary = {
        "pivot": job.pivot,
        "mode": job.config.mode,
        "preset": job.reading.preset,
        "languages": {
            code: {
                "extracted": outcomes[f"extract {code}"],
                "dictionary": outcomes.get(f"dictionary {code}", {}),
                **outcomes[f"map {code}"],
            }
            for code in (job.pivot, *job.others)
        },
    }
    with replacing(job.out / "summary.json") as file:
        file.write(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    with replacing(job.out / "chosen.md") as file:
        file.write(table(job, outcomes).render("md") + "\n")
    return rows


def table(job: Job, outcomes: Mapping[str, Outcome]) -> "Table":
    """A line a language."""
    from xl_analysis import Table

    header = ("language", "chosen", "why", "lines", "words", "pairs", "learnt from", "held out", "aligned", "unaligned")

    def line(code: str) -> tuple[str, ...]:
        extracted, onto = outcomes[f"extract {code}"], outcomes[f"map {code}"]
        if "failed" in onto:
            why = extracted.get("failed", onto["failed"])
            return (code, "failed", why, *("" for _ in header[3:]))
        pairs = outcomes.get(f"dictionary {code}", {}).get("pairs")
        counts = [extracted["counts"]["lines"], extracted["words"], pairs, onto.get("n_pairs"), onto.get("n_held_out")]
        shares = [onto.get(name) for _, name in _SCORES]
        return (
            code,
            onto["chosen"],
            onto["why"],
            *("" if count is None else f"{count:,}" for count in counts),
            *("" if share is None else f"{100 * share:.1f}" for share in shares),
        )

    one = outcomes[f"extract {job.pivot}"]
    caption = (
        f"Vectors of {one['model']} at layer {one['layer']} of {one['n_layers']} ({one['method']}), mapped onto "
        f"{job.pivot} ({job.config.mode}). pairs: of the dictionary, of which those with both words among the vectors "
        "are learnt from or held out; aligned, unaligned: how often the nearest word (CSLS) of a held-out word is its "
        "translation there, %."
    )
    return Table(header, tuple(map(line, (job.pivot, *job.others))), caption, n_labels=3)
