"""What was run, on a report's page: open where it is short, folded where many runs would push the results away."""

import re

import pytest

from xl_analysis import Facts, report_page

ROW = {
    "task": "retrieval",
    "metric": "top10",
    "value": 0.5,
    "source": "eng_Latn",
    "target": "tur_Latn",
    "variant": "mlm",
}


@pytest.mark.parametrize(("n_runs", "are_open"), [(1, True), (2, True), (3, False), (9, False)])
def test_many_runs_are_folded(n_runs: int, are_open: bool) -> None:
    facts = [Facts(name=f"run {n}", entries=[("recipe", "names")]) for n in range(n_runs)]
    page = report_page([ROW], "runs", facts=facts)
    folds = re.findall(r"<details(?P<open> open)?>\s*<summary><bdi>run \d", page)
    assert folds == [" open" if are_open else ""] * n_runs
