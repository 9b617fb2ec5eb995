"""Other people's engines: Ray Data writes what the local engine writes; datasets.map takes our transliterators."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.thinned import thinned

from xl_translit import ClusterError, Romanizer, ray_cluster, romanize_corpus

PROGRAM = """
import sys, warnings
import ray
from tests.translit.standins import Upper
from xl_translit import CorpusError, romanize_corpus
from xl_translit.corpora import inputs, ray_engine
inputs.CHUNK_ROWS, ray_engine._CHUNKS_PER_CPU = 20, 4
folder = sys.argv[1]
# the first run starts a Ray of its own, the others find one
for name in ("ray.tsv.gz", "again.parquet"):
    romanize_corpus(f"{folder}/in.txt", f"{folder}/{name}", pairs=True, engine="ray", jobs=2, on_error="skip",
                    transliterator=Upper())
    if name == "ray.tsv.gz":
        assert not ray.is_initialized()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
try:
    romanize_corpus(f"{folder}/in.txt", f"{folder}/stop.txt", engine="ray", transliterator=Upper())
except CorpusError as error:
    print(error)
assert ray.is_initialized()  # not ours, so not ours to stop
"""


@pytest.mark.slow
def test_ray_writes_the_same_bytes(tmp_path: Path) -> None:
    from tests.translit.standins import Upper

    pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
    lines = [f"row {number} word{number % 9}" for number in range(1000)]
    lines[333] = "FAIL"
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xl_translit.corpora.inputs.CHUNK_ROWS", 20)
        for name in ("local.tsv.gz", "local.parquet"):
            romanize_corpus(tmp_path / "in.txt", tmp_path / name, pairs=True, on_error="skip", transliterator=Upper())
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    assert "in.txt:334: upper failed: ArithmeticError: cannot say FAIL" in done.stdout
    assert (tmp_path / "ray.tsv.gz").read_bytes() == (tmp_path / "local.tsv.gz").read_bytes()
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "local.parquet").read_bytes()
    names = ("ray.tsv.gz", "local.tsv.gz")
    manifests = [json.loads((tmp_path / f"{name}.manifest.json").read_text(encoding="utf-8")) for name in names]
    assert [manifest.pop("run")["engine"] for manifest in manifests] == ["ray", "local"]
    assert manifests[0] == manifests[1]


def test_without_ray_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "in.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(ClusterError, match=r"pip install 'xl-translit\[ray\]', or use the engine local"):
        romanize_corpus(tmp_path / "in.txt", tmp_path / "out.txt", engine="ray")
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        address = f"127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ClusterError, match=f"RAY_ADDRESS={address} .*refused"), ray_cluster("xl-translit[ray]"):
            pass


TEXTS = ["Ελλάδα", "Россия", "안녕 세상", "düğün çiçek"] * 5


def romanised(batch: dict[str, list[str]], say: Romanizer) -> dict[str, list[str]]:
    return {"result": say.batch(batch["text"])}


@pytest.mark.parametrize("maker", thinned(["Romanizer", "Phonemizer"], 2))
def test_datasets_map_takes_our_transliterators(maker: str) -> None:
    import datasets

    import xl_translit

    say = getattr(xl_translit, maker)(*([] if maker == "Romanizer" else ["tur"]))
    data = datasets.Dataset.from_dict({"text": TEXTS})
    found = data.map(romanised, batched=True, batch_size=3, num_proc=2, fn_kwargs={"say": say})
    assert found["result"][:] == [say(text) for text in TEXTS]
