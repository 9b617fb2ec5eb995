"""Means over named groups of languages in every table of retrieval and tasks: against numpy over the same rows."""

import numpy as np
import pytest

from xl_analysis import Average, result_tables, retrieval_table, task_table, transfer_table

LANGUAGES = ("deu_Latn", "ell_Grek", "eng_Latn", "tur_Latn")
SEEN = Average(name="seen", over=("eng_Latn", "ell_Grek", "tur_Latn", "swh_Latn"))
REST = Average(name="without English", without=("eng_Latn",))
SCORES = dict(zip(LANGUAGES, np.random.default_rng(0).uniform(size=(4, 2)), strict=True))
TASK = [
    {"task": "xnli", "metric": "accuracy", "value": float(value), "source": "eng_Latn", "target": target, "seed": seed,
     "variant": "ot", "split": "test", "protocol": "zero-shot"}
    for target, values in SCORES.items() for seed, value in enumerate(values)
]  # fmt: skip


def shown(values: list[np.ndarray], *, spread: bool) -> str:
    by_seed = 100 * np.mean(values, axis=0)
    return f"{by_seed.mean():.1f}" + (f" ±{by_seed.std(ddof=1):.1f}" if spread else "")


@pytest.mark.parametrize("mean", ["others", "all"])
def test_tasks_by_line_and_by_column(mean: str) -> None:
    own = {code: SCORES[code] for code in LANGUAGES if mean == "all" or code != "eng_Latn"}
    seen = [own[code] for code in SEEN.over if code in own]
    rest = [SCORES[code] for code in LANGUAGES if code != "eng_Latn"]
    table = task_table(TASK, mean=mean, averages=[SEEN, REST])
    assert table.header[:4] == ("system", "mean %", "seen", "without English")
    assert table.body[0][2:4] == (shown(seen, spread=True), shown(rest, spread=True))
    assert "seen: ell_Grek, eng_Latn, tur_Latn. without English: deu_Latn, ell_Grek, tur_Latn." in table.caption
    lines = {line[1]: line[2] for line in transfer_table(TASK, mean=mean, averages=[SEEN, REST]).body}
    assert (lines["seen"], lines["without English"]) == (shown(seen, spread=False), shown(rest, spread=False))
    (again,) = result_tables(TASK, mean=mean, averages=[SEEN])
    assert again.body[0][2] == table.body[0][2]


def test_retrieval_has_the_pairs_between_the_languages_and_those_with_a_pivot() -> None:
    rng = np.random.default_rng(1)
    values = {(a, b): rng.uniform(size=1) for a in LANGUAGES for b in LANGUAGES if a != b}
    rows = [
        {"task": "retrieval", "metric": "top10", "value": float(v[0]), "source": a, "target": b, "variant": "x"}
        for (a, b), v in values.items()
    ]
    two = Average(name="two", over=("tur_Latn", "deu_Latn"))
    table = retrieval_table(rows, metrics=["top10"], averages=[two, SEEN])
    cells = dict(zip(table.header, table.body[0], strict=True))
    between = [values["tur_Latn", "deu_Latn"], values["deu_Latn", "tur_Latn"]]
    assert cells["top-10 % two"] == shown(between, spread=False)
    inside = [v for pair, v in values.items() if {*pair} <= {*SEEN.over}]
    assert len(inside) == 6
    assert cells["top-10 % seen"] == shown(inside, spread=False)
    pivot = [row for row in rows if "eng_Latn" in (row["source"], row["target"])]
    table = retrieval_table(pivot, metrics=["top10"], averages=[two])
    with_english = [v for pair, v in values.items() if "eng_Latn" in pair and "ell_Grek" not in pair]
    assert dict(zip(table.header, table.body[0], strict=True))["top-10 % two"] == shown(with_english, spread=False)
