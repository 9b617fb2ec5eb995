"""`xl analyze linguistic-gap`: figure 3 and table 3 of Jung et al. (2024) out of a folder of `xl eval`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy import stats
from tests.cli.conftest import Run
from tests.cli.task_data import make_sib200
from tests.tasks import tagging_models

import xl_cli
from xl_analysis import sinkhorn_distances
from xl_tasks import load_texts
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_tasks.scoring.measures import Measure

CODES = ("eng_Latn", "swh_Latn", "urd_Arab")
SEEDS = range(6)


def cell(folder: Path, code: str, seed: int, hits: np.ndarray, outputs: np.ndarray | None, **more: Any) -> None:
    about: dict[str, Any] = {"task": "xnli", "data": "xnli", "model": "m", "split": "test", "unit": "phonemes"}
    about |= {"protocol": "in-language", "tuning": "full/phonemic", **more}
    one = Cell(source=code, target=code, seed=seed, **about)
    counts = np.stack([hits, np.ones(len(hits))], axis=1).astype(np.float64)
    measure = Measure(metric="accuracy", form="mean", stats=counts)
    keys = [str(n) for n in range(len(hits))]
    CellStore(folder).save(Scored(cell=one, keys=keys, measures=[measure], outputs=outputs, chosen=f"lr={seed}"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, dict]:
    """A folder of `xl eval`, language and seed -> the share of hits and the probabilities in it."""
    folder, rng = tmp_path_factory.mktemp("run"), np.random.default_rng(0)
    scores, outputs = {}, {}
    for place, code in enumerate(CODES):
        for seed in SEEDS:
            hits = rng.random(40) < 0.9 - 0.2 * place
            logits = rng.normal(size=(40, 3)) + place * np.array([0, 0.5, rng.random()])
            probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            scores[code, seed], outputs[code, seed] = hits.mean(), probs.astype(np.float32)
            cell(folder, code, seed, hits, outputs[code, seed])
            cell(folder, code, seed, ~hits, None, split="dev")
            cell(folder, code, seed, ~hits, None, noise="typos=0.1")
    return folder, scores, outputs


def test_gaps_distances_and_correlations_are_those_of_the_cells(run: tuple[Path, dict, dict], tmp_path: Path) -> None:
    folder, scores, outputs = run
    rows = xl_cli.analyze("linguistic-gap", runs=folder, resamples=99, plot=str(tmp_path / "figure3.svg"))
    gaps = {(row.target, row.seed): row.value for row in rows if row.metric == "gap"}
    points = [(code, seed) for code in CODES[1:] for seed in SEEDS]
    assert gaps == pytest.approx({(code, seed): scores["eng_Latn", seed] - scores[code, seed] for code, seed in points})
    distances = {(row.target, row.seed): row.value for row in rows if row.task == "distance"}
    expected = {}
    for code, seed in points:
        clouds = {"a": outputs["eng_Latn", seed], "b": outputs[code, seed]}
        expected[code, seed] = sinkhorn_distances(clouds)["a", "b"].divergence
    assert distances == pytest.approx(expected, rel=1e-9)
    found = {(row.target, row.metric, row.variant): row for row in rows if row.task == "correlate"}
    columns = {
        "score of eng_Latn": [scores["eng_Latn", seed] for _, seed in points],
        "sinkhorn distance": [distances[point] for point in points],
    }
    absolute = [abs(gaps[point]) for point in points]
    for name, column in columns.items():
        for kind, peer in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
            row = found[name, kind, "all points"]
            assert row.value == pytest.approx(peer(column, absolute).statistic)
            assert (row.n, row.source, row.unit, row.data) == (12, "performance gap", "phonemes", "xnli")
            assert found[name, kind, "within pair"].n == 12
    assert len(found) == 8  # no CKA without --data
    picture = (tmp_path / "figure3.svg").read_text(encoding="utf-8")
    for code, seed in points:
        assert f"phonemes, eng-{code[:3]}: {abs(gaps[code, seed]):.4g}" in picture
        assert f"phonemes, eng-{code[:3]}: {distances[code, seed]:.4g}" in picture


def test_the_report_has_table_3_with_a_line_for_two_columns(
    xl: Run, run: tuple[Path, dict, dict], tmp_path: Path
) -> None:
    rows = xl_cli.analyze("linguistic-gap", runs=run[0], resamples=99, out=tmp_path / "gaps")
    shown = xl("report", tmp_path / "gaps", "--layout", "phonemic").stdout
    lines = [line.split() for line in shown.splitlines() if "<-> sinkhorn distance" in line and "all points" in line]
    values = {row.metric: row.value for row in rows if (row.target, row.variant) == ("sinkhorn distance", "all points")}
    [line] = lines
    assert [line[7], line[9]] == [f"{values['spearman']:+.3f}", f"{values['kendall']:+.3f}"]


def test_what_cannot_be_measured_is_said(xl: Run, run: tuple[Path, dict, dict], corpus: Path, tmp_path: Path) -> None:
    folder = run[0]
    for call, told in (
        ((corpus,), "is no folder of xl eval --out: it has no cells."),
        ((folder, "--pivot", "deu"), "was scored in deu_Latn and in another language; see --pivot."),
        ((folder, "--metric", "f1"), "--metric f1: xnli has accuracy."),
        ((folder, "--layer", "1"), "--layer: no meaning without --data"),
    ):
        done = xl("analyze", "linguistic-gap", *call)
        assert done.returncode != 0
        assert told in done.stderr
    shown = xl("analyze", "linguistic-gap", folder, "--data", corpus, "--resamples", 9)
    assert shown.stderr.count("phonemes: no CKA of eng_Latn (no model kept), swh_Latn (no text in") == 1
    for seed in (0, 1):
        cell(tmp_path, "eng_Latn", seed, np.ones(4), None)
        cell(tmp_path, "swh_Latn", seed, np.zeros(4), None)
    shown = xl("analyze", "linguistic-gap", tmp_path)
    assert "no correlation of performance gap and score of eng_Latn: 2 points." in shown.stderr
    assert shown.returncode == 0


@pytest.mark.slow
def test_cka_is_that_of_each_languages_own_model(tmp_path: Path) -> None:
    """Kept models of phonemes, each language read by its own: figure 2 and the middle of figure 3."""
    make_sib200(tmp_path, sizes=(12, 6, 9))
    tagging_models.model("xphonebert", 3).save_pretrained(tmp_path / "xp")
    tagging_models.tokenizer("xphonebert").save_pretrained(tmp_path / "xp")
    given: dict[str, Any] = {"model": str(tmp_path / "xp"), "data": str(tmp_path), "target": ["eng", "tur"]}
    tuned: dict[str, Any] = {"set": ["steps=2", "max_len=60", "lr=1e-3"], "resamples": 0, "seeds": 2}
    out = str(tmp_path / "out")
    xl_cli.evaluate("sib200", **given, **tuned, protocol="in-language", save_models=True, out=out)
    data = str(tmp_path / "sib200")
    rows = xl_cli.analyze("linguistic-gap", runs=out, data=data, metric="accuracy", resamples=9)
    found = {row.seed: row for row in rows if row.task == "cka"}
    assert set(found) == {42, 43}
    texts = load_texts(data)
    keys = sorted(key for key, split in texts.splits.items() if split == "test")
    from xl_tasks.units.phonemes import Phonemes

    for seed, row in found.items():
        views = []
        for code in ("eng_Latn", "tur_Latn"):
            folder = next((tmp_path / "out" / "models").glob(f"*{code}*seed-{seed}*"))
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
            model = transformers.AutoModel.from_pretrained(folder).eval()
            said = Phonemes(ties="split").texts([texts.texts[code][key] for key in keys], code)
            with torch.inference_mode():
                states = [model(**tokenizer(one, return_tensors="pt")).last_hidden_state[0].mean(0) for one in said]
            view = torch.stack(states).double().numpy()
            views.append(view - view.mean(0))
        x, y = views
        norm = np.linalg.norm
        expected = norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
        assert row.value == pytest.approx(expected, abs=1e-4)
        assert (row.layer, row.unit, row.variant) == (2, "phonemes", "fine-tuned on sib200")
    # CKA has no direction: with the pivot as the source it meets the gap of the same pair and seed.
    turned = xl_cli.analyze("linguistic-gap", runs=out, data=data, metric="accuracy", resamples=9, pivot="tur")
    assert {(row.source, row.target) for row in turned if row.task == "cka"} == {("tur_Latn", "eng_Latn")}
    assert [row.value for row in turned if row.task == "cka"] == [row.value for row in found.values()]
