"""Commands on two nodes of which one is killed: what a call on this machine gives, byte for byte."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.cli.conftest import Run
from tests.cli.task_data import make_sib200, make_tatoeba
from tests.warm import environment

from xl_encoders import ModelConfig, new_encoder

pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `on_nodes` has run; once, by the first worker that asks."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "on-nodes"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            make_sib200(folder / "data", (12, 6, 8))
            make_tatoeba(folder / "data", 8)
            texts = [f"the words of text {number}\n" for number in range(32)]
            (folder / "in.txt").write_text("".join(texts), encoding="utf-8")
            for seed, name in enumerate(("model", "model-other")):
                new_encoder(texts, ModelConfig(size="pico", pieces=60), seed=seed).save(folder / name)
            keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
            with (folder / "said").open("wb") as said, (folder / "found").open("wb") as found:
                subprocess.run(
                    [sys.executable, "-m", "tests.cli.cluster.on_nodes", str(folder)],
                    stdout=found, stderr=said, timeout=600, check=False,
                    env=environment(
                        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
                        RAY_ENABLE_UV_RUN_RUNTIME_ENV="0",  # read as `ray` is imported, before `two_nodes` could set it
                        **keys,
                    ),
                )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    lines = (folder / "found").read_text(encoding="utf-8").splitlines()
    assert lines, (folder / "said").read_text(encoding="utf-8")[-3000:]
    return json.loads(lines[-1])


def test_failures_are_tried_again_on_another_node(found: dict[str, Any]) -> None:
    pieces = found["pieces"]
    n_tries = {label: len(nodes) for label, nodes in pieces["tries"].items()}
    assert n_tries == {"well": 1, "once": 2, "never": 2, "part": 2, "misuse": 1, "dies": 2}
    for label in ("once", "never", "part"):
        assert len(set(pieces["tries"][label])) == 2
    last = pieces["last"]
    assert last["well"] == ["well", {}, False]
    assert last["once"] == ["once", {}, False]
    assert last["dies"] == ["dies", {}, False]
    assert last["never"] == [None, {"never": "it cannot be"}, False]
    assert last["part"] == ["half", {"other half": "is missing"}, False]
    assert last["misuse"] == [None, {"misuse": "a wrong setting"}, True]
    assert "2 GPUs (--cell-gpus); the most that one has are 1 and 0" in pieces["lacking"]
    assert pieces["left"] == "stopped"


def test_vectors_are_whole(found: dict[str, Any], folder: Path) -> None:
    assert found["embedded"] == {"texts": 32, "shards": 11, "begun": ["begin", "begin"]}
    assert "a process was lost at shard" in (folder / "said").read_text(encoding="utf-8")
    far, near = (
        {path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("vectors-ray", "vectors")
    )
    manifests = [json.loads(files.pop("_manifest.json")) | {"run": None} for files in (far, near)]
    assert manifests[0] == manifests[1]
    assert far == near
    assert len(far) == 11


def test_scores_are_whole(found: dict[str, Any], folder: Path, xl: Run) -> None:
    local, ray = ((folder / engine / "results.jsonl").read_bytes() for engine in ("local", "ray"))
    assert local == ray
    assert b'"baseline": "model=' in local
    # The fit fails after its second try too; the rest is done.
    assert found["evaluated"]["message"].startswith("1 failed: sib200 model eng_Latn zero-shot seed 42: ")
    assert found["evaluated"]["done"] == ["tatoeba"]
    # The same call again computes nothing: no cluster is asked for.
    ask = ["tatoeba", "sib200-retrieval", "--model", folder / "model", "--data", folder / "data", "--source", "eng"]
    more = ["--target", "tur", "--target", "ell", "--noise", "drop-diacritics", "--layer", 0, "--layer", 1]
    again = xl("eval", *ask, *more, "--out", folder / "ray", "--engine", "ray")
    assert again.returncode == 0, again.stderr
    assert "on the cluster" not in again.stderr
    assert again.stderr.count("finished before") == 4


@pytest.mark.usefixtures("found")
def test_measures_are_whole(folder: Path) -> None:
    local, ray = ((folder / f"{engine}-space" / "results.jsonl").read_bytes() for engine in ("local", "ray"))
    assert local == ray
    assert b'"cka"' in local
