"""Parts of a call on a cluster that answers in any order: the values, rows and files of a call on this machine."""

import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Run
from tests.cli.measure.test_linguistic_gap import cell
from tests.thinned import thinned

import xl_cli
from xl_cli.cluster import spread, work
from xl_cli.cluster.config import ClusterConfig
from xl_cli.cluster.spread import Spread
from xl_cli.cluster.work import Answer, Resources, Work
from xl_cli.evaluation import opened
from xl_cli.folder.at_hand import FINE_TUNED
from xl_cli.measure.registry import MEASURES, measure
from xl_encoders import ModelConfig, new_encoder
from xl_tasks import read_rows

pytest.importorskip("ray")
RAY: dict[str, Any] = {"engine": "ray", "cell_retries": 0}
LANGUAGES = ("ell_Grek", "eng_Latn", "tur_Latn")
# A call of each measure that has parts: of MODELS models, or of runs.
CALLS: dict[str, dict[str, Any]] = {
    "similarity": {"source": "eng", "target": "ell", "misses": "misses.jsonl"},
    "cka": {"layer": "all", "plot": "plot.svg"},
    "tsne": {"method": "pca", "layer": ["0", "1"], "plot": "plot.html"},
    "distance": {"source": "eng", "permutations": 3},
    "linguistic-gap": {"resamples": 9, "plot": "plot.svg"},
    "divergence": {"folds": 2, "prompt": "ba "},
    "space": {"measures": "cka,similarity", "minibatch": 8},
}


class Nodes:
    """Takes the place of a cluster: works go there and back pickled, from another folder, and end in a given order."""

    def __init__(self, patch: pytest.MonkeyPatch, order: Callable[[list[Any]], list[Any]] = lambda works: works[::-1]):
        self.order = order
        self.labels: list[str] = []
        patch.setattr(spread, "on_cluster", self.answers)
        patch.setattr(work, "_here", lambda: ("id", "address"))

    def answers(self, works: Sequence[Work], resources: Resources, _: object) -> Iterator[tuple[Work, Answer]]:
        assert resources == Resources(n_retries=0)
        for each in self.order(list(works)):
            self.labels.append(each.label)
            here = Path.cwd()
            os.chdir("/")
            try:
                yield each, pickle.loads(pickle.dumps(work.answer(pickle.loads(pickle.dumps(each)))))
            finally:
                os.chdir(here)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    return Nodes(monkeypatch)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, of three languages, the encoders `one/model` and `two/model`, and `run`, of `xl eval`."""
    folder = tmp_path_factory.mktemp("spread")
    (folder / "data").mkdir()
    for code in LANGUAGES:
        lines = [f"{code[n % 8 :]} ba{n * 7 % 24} ko{n}\n" for n in range(24)]
        (folder / "data" / f"{code}.txt").write_text("".join(lines), encoding="utf-8")
    for seed, name in enumerate(("one/model", "two/model")):
        new_encoder(["ba ko ", "Latn Grek 12"], ModelConfig(size="pico", pieces=60, max_len=24), seed=seed).save(
            folder / name
        )
    rng = np.random.default_rng(0)
    for seed in range(3):
        for code in LANGUAGES:
            about = {"seed": seed, "hits": rng.random(12) < 0.6, "outputs": rng.random((12, 3)).astype(np.float32)}
            cell(folder / "run", code, model="model", unit="subword", **about)
            kept = folder / "run" / "models" / f"{code}-{seed}"
            _fine_tuned(kept, folder / "one/model", source=code, seed=seed)
    return folder


def _fine_tuned(folder: Path, base: Path, **about: Any) -> None:
    shutil.copytree(base, folder)
    about |= {"task": "xnli", "encoder": "model", "variant": "", "unit": "subword", "tuning": "full/phonemic"}
    (folder / FINE_TUNED).write_text(json.dumps(about | {"robust": ""}), encoding="utf-8")


@given(
    n_works=st.integers(0, 6),
    failing=st.sets(st.integers(0, 5)),
    order=st.randoms(use_true_random=False),
)
def test_values_come_in_the_order_of_the_works(n_works: int, failing: set[int], order: Any) -> None:
    works = [Work(label=f"w{n}", function=_squared, arguments={"n": n, "failing": failing}) for n in range(n_works)]
    config = ClusterConfig(**RAY)
    with pytest.MonkeyPatch.context() as patch:
        Nodes(patch, lambda works: order.sample(works, len(works)))
        there = Spread(config)
        assert list(there.values(works)) == [None if n in failing else n * n for n in range(n_works)]
    assert sorted(there.failures) == [f"w{n}: no {n}" for n in range(n_works) if n in failing]
    assert list(Spread(ClusterConfig()).values([w for w in works if w.arguments["n"] not in failing])) == [
        n * n for n in range(n_works) if n not in failing
    ]


def _squared(*, n: int, failing: set[int]) -> int:
    if n in failing:
        message = f"no {n}"
        raise ValueError(message)
    return n * n


@pytest.mark.parametrize("name", thinned(CALLS, 3))
def test_rows_and_files_are_those_of_this_machine(
    name: str, models: Path, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of models and data are relative to the folder of the call, which is not that of a node's process."""
    monkeypatch.chdir(models)
    ask: dict[str, Any] = {"model": ["one/model", "two/model"], "data": "data"}
    if name == "linguistic-gap":
        ask = {"runs": "run", "data": "data"}
    files = []
    for engine, more in (("local", {}), ("ray", RAY)):
        out = tmp_path / engine
        (tmp_path / f"{engine}-files").mkdir()
        written = {
            key: str(tmp_path / f"{engine}-files" / value) if key in ("plot", "misses") else value
            for key, value in CALLS[name].items()
        }
        xl_cli.analyze(name, out=out, **ask, **written, **more)
        files.append({path.name: path.read_bytes() for path in (tmp_path / f"{engine}-files").iterdir()})
        files[-1]["rows"] = (out / "results.jsonl").read_bytes()
    assert files[0] == files[1]
    assert len(files[0]) == {"cka": 3, "similarity": 2, "tsne": 5, "linguistic-gap": 2}.get(name, 1)
    assert sorted(nodes.labels) == (
        [f"CKA of xnli model subword seed {seed}" for seed in range(3)]
        if name == "linguistic-gap"
        else ["one/model", "two/model"]
    )


def test_a_model_that_fails_is_told_and_the_others_are_kept(
    models: Path, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    ask: dict[str, Any] = {"data": "data", "layer": "1"}
    alone = xl_cli.analyze("cka", model="two/model", **ask)
    open_model = opened.open_model

    def broken(name: str, **more: Any) -> Any:
        if name == "one/model":
            message = "one/model: model.safetensors is broken"
            raise xl_cli.CliError(message)
        return open_model(name, **more)

    monkeypatch.setattr(opened, "open_model", broken)
    with pytest.raises(xl_cli.UnfinishedError, match=r"1 failed: one/model: one/model: .* is broken") as e:
        xl_cli.analyze("cka", model=["one/model", "two/model"], **ask, out=tmp_path / "out", **RAY)
    assert [row.value for row in e.value.done] == [row.value for row in alone]
    assert "two/model" in str(e.value.done)
    assert {row.model for row in read_rows(tmp_path / "out" / "results.jsonl")} == {"two/model"}
    assert '"status": "failed"' in (tmp_path / "out" / "run.json").read_text()
    with pytest.raises(xl_cli.UnfinishedError) as e:
        xl_cli.analyze("cka", model="one/model", **ask, **RAY)
    assert (list(e.value.done), str(e.value.done)) == ([], "")


def test_a_node_with_other_texts_says_so(models: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models)
    real = spread.on_cluster

    def changed(*given: Any) -> Any:
        path = models / "data" / "eng_Latn.txt"
        before = path.read_text(encoding="utf-8")
        path.write_text(before.replace("ko3", "ko4"), encoding="utf-8")
        try:
            yield from real(*given)
        finally:
            path.write_text(before, encoding="utf-8")

    monkeypatch.setattr(spread, "on_cluster", changed)
    with pytest.raises(xl_cli.UnfinishedError, match="data holds other texts on this node"):
        xl_cli.analyze("cka", model="one/model", data="data", **RAY)


def test_what_is_wrong_with_a_setting_ends_the_call(
    models: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    with pytest.raises(xl_cli.UsageError, match="--layer"):
        xl_cli.analyze("cka", model=["one/model", "two/model"], data="data", layer="9", **RAY)


@pytest.mark.parametrize("name", [name for name in MEASURES if name not in CALLS])
def test_measures_without_parts_refuse_the_engine(name: str, xl: Run, tmp_path: Path) -> None:
    of_words = "engine" in measure(name).settings.__dataclass_fields__
    reason = "--engine is 'ray'; choose one of" if of_words else f"xl analyze {name} has no parts"
    needed = {"align-words": ["--text", "a"], "word-retrieval": ["--files", "a.tsv"]}.get(name, [])
    for value in (["--engine", "ray"], ["--engine=ray"]):
        said = xl("analyze", name, *(["--model", "m", *needed] if of_words else []), *value)
        assert (said.returncode, reason in said.stderr, said.stderr.count("\n")) == (2, True, 1), said.stderr
    with pytest.raises(xl_cli.UsageError, match=reason):
        xl_cli.analyze(name, engine="ray", **({"model": "m"} if of_words else {}))
