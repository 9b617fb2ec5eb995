"""`xl eval` and `xl analyze --engine ray` on two nodes, one of them killed: the rows of this machine, byte for byte."""

from pathlib import Path

import pytest
from tests.cli.cluster.test_work import program
from tests.cli.conftest import Run
from tests.cli.task_data import make_sib200, make_tatoeba

from xl_encoders import ModelConfig, new_encoder

pytest.importorskip("ray")


@pytest.mark.slow
def test_a_killed_node_changes_nothing(tmp_path: Path, xl: Run) -> None:
    make_sib200(tmp_path / "data", (12, 6, 8))
    make_tatoeba(tmp_path / "data", 8)
    for seed, name in enumerate(("model", "model-other")):
        encoder = new_encoder(
            ["the words of one text", "and of another"], ModelConfig(size="pico", pieces=60), seed=seed
        )
        encoder.save(tmp_path / name)
    found = program("eval_program", tmp_path / "model", tmp_path / "data", tmp_path)
    local, ray = ((tmp_path / engine / "results.jsonl").read_bytes() for engine in ("local", "ray"))
    assert local == ray
    assert b'"cka"' in (measured := (tmp_path / "local-space" / "results.jsonl").read_bytes())
    assert (tmp_path / "ray-space" / "results.jsonl").read_bytes() == measured
    assert b'"baseline": "model=' in local
    # The fit fails after its second try too; the rest is done.
    assert found["message"].startswith("1 failed: sib200 model eng_Latn zero-shot seed 42: ")
    assert found["done"] == ["tatoeba"]
    # The same call again computes nothing: no cluster is asked for.
    ask = ["tatoeba", "sib200-retrieval", "--model", tmp_path / "model", "--data", tmp_path / "data", "--source", "eng"]
    more = ["--target", "tur", "--target", "ell", "--noise", "drop-diacritics", "--layer", 0, "--layer", 1]
    again = xl("eval", *ask, *more, "--out", tmp_path / "ray", "--engine", "ray")
    assert again.returncode == 0, again.stderr
    assert "on the cluster" not in again.stderr
    assert again.stderr.count("finished before") == 4
