"""Other people's engines: Ray Data writes what the local engine writes; datasets.map takes our transliterators."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.thinned import thinned

from xl_translit import ClusterError, Romanizer, ray_cluster, romanize_corpus

PROGRAM = """
import logging, os, resource, sys
from pathlib import Path
import ray
from moto.server import ThreadedMotoServer
from tests.translit.standins import Upper, Witness
from tests.two_nodes import two_nodes
from xl_translit import CorpusError, romanize_corpus
from xl_translit.corpora import shards

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"  # before the nodes start, which inherit it
shards._SHARDS, shards._LEAST_BYTES = 24, 1000
folder = Path(sys.argv[1])
(folder / "nodes").mkdir()
witness = Witness(str(folder / "nodes"), 0.3)


def run(source, out, **options):
    return romanize_corpus(source, str(out), engine="ray", **{"transliterator": Upper(), **options})


def passed():
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"]) + int(counts["wchar"])


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


with two_nodes() as (cluster, second):
    # stopped by its owner, then a node lost half-way
    def stop(state):
        if state.n_rows > 100:
            raise KeyboardInterrupt
    try:
        run(folder / "in.txt", folder / "lost", on_error="skip", transliterator=witness, on_progress=stop)
    except KeyboardInterrupt:
        pass
    assert not (folder / "lost.manifest.json").exists()
    killed = []
    def kill(state):
        if not killed and state.n_rows > 500:
            killed.append(len(list((folder / "nodes").iterdir())))
            cluster.remove_node(second, allow_graceful=False)
    manifest = run(folder / "in.txt", folder / "lost", on_error="skip", transliterator=witness, on_progress=kill)
    assert killed == [2], killed  # both nodes had worked
    assert 100 < manifest.run["rows_resumed"] < 900, manifest.run
    for name, column in (("a.tsv.gz", None), ("b.parquet", None)):
        run(folder / "in.txt", folder / name, pairs=True, on_error="skip")
    try:
        run(folder / "in.txt", folder / "stop")
    except CorpusError as error:
        print(error)
    # from a store of objects into it
    from xl_translit.corpora.storage import _store
    _store("s3://bucket?allow_bucket_creation=true")[0].create_dir("bucket")
    from pyarrow import fs
    fs.copy_files(str(folder / "in.txt"), "s3://bucket/texts/in.txt")
    run("s3://bucket/texts/", "s3://bucket/out.jsonl", on_error="skip")
    fs.copy_files("s3://bucket/out.jsonl", str(folder / "store.jsonl"))
    # ten times the rows: no more memory, and none of them passes through this process
    big = folder / "big.txt"
    peaks, bytes_passed = [], []
    for n_rows in (20_000, 200_000):
        with big.open("w") as file:
            file.writelines(f"row {number % 999} {'x' * 80}\\n" for number in range(n_rows))
        before = passed()
        run(big, folder / f"big{n_rows}")
        bytes_passed.append(passed() - before)
        peaks.append(peak())
    assert bytes_passed[1] < big.stat().st_size / 4, (bytes_passed, big.stat().st_size)
    assert peaks[1] < 1.05 * peaks[0], peaks
    assert ray.is_initialized()  # not ours, so not ours to stop
server.stop()
"""


@pytest.mark.slow
def test_a_cluster_writes_what_one_process_writes(tmp_path: Path) -> None:
    """Two nodes, one killed half-way, a run stopped and started again, a store of objects: the same bytes each time."""
    from tests.translit.standins import Upper, Witness

    pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
    lines = [f"row {number} word{number % 9}" for number in range(1000)]
    lines[333] = "FAIL"
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    root = Path(__file__).parents[3]
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root), **keys},
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "in.txt:334: upper failed: ArithmeticError: cannot say FAIL" in done.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xl_translit.corpora.shards._SHARDS", 24)
        patch.setattr("xl_translit.corpora.shards._LEAST_BYTES", 1000)
        outs: dict[str, tuple[str, dict[str, Any]]] = {
            "lost": ("lost", {}),
            "a.tsv.gz": ("a.tsv.gz", {"pairs": True}),
            "b.parquet": ("b.parquet", {"pairs": True}),
            "store.jsonl": ("store.jsonl", {}),
        }
        (tmp_path / "local").mkdir()
        for name, (out, options) in outs.items():
            say = Witness(str(tmp_path / "nodes"), 0.0) if name == "lost" else Upper()
            here = tmp_path / "local" / out
            manifest = romanize_corpus(tmp_path / "in.txt", f"{here}/", on_error="skip", transliterator=say, **options)
            assert manifest.counts["rows_in"] == manifest.counts["rows_out"] + manifest.counts["rejected"] == 1000
            there = tmp_path / name
            shards = sorted(path.name for path in here.iterdir() if path.is_file())
            assert shards == sorted(path.name for path in there.iterdir() if path.is_file())
            assert len(shards) > 10
            assert [(there / shard).read_bytes() for shard in shards] == [
                (here / shard).read_bytes() for shard in shards
            ]
            if name != "store.jsonl":
                far = json.loads((tmp_path / f"{name}.manifest.json").read_text(encoding="utf-8"))
                near = json.loads((tmp_path / "local" / f"{name}.manifest.json").read_text(encoding="utf-8"))
                assert [far.pop("run")["engine"], near.pop("run")["engine"]] == ["ray", "local"]
                assert far == near
                listed = f"{name}.rejected.jsonl"
                assert (tmp_path / listed).read_bytes() == (tmp_path / "local" / listed).read_bytes()


@pytest.mark.slow
def test_a_ray_of_its_own_is_stopped_at_the_end(tmp_path: Path) -> None:
    """Without a cluster a local one is started, for as long as the run."""
    pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
    (tmp_path / "in.txt").write_text("a\nb\n", encoding="utf-8")
    program = (
        "import ray, sys; from xl_translit import romanize_corpus; f = sys.argv[1];"
        "romanize_corpus(f + '/in.txt', f + '/out', engine='ray', jobs=1); assert not ray.is_initialized()"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert (tmp_path / "out/part-000000.txt").read_text(encoding="utf-8") == "a\nb\n"


ANOTHER = """
from ray.cluster_utils import Cluster
another = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
print("up", flush=True)
input()
another.shutdown()
"""
OWN = """
from xl_translit import ray_cluster
with ray_cluster("xl-translit[ray]", 1) as ray:
    print(ray.cluster_resources()["CPU"], ray.get_runtime_context().runtime_env.get("working_dir"))
"""


@pytest.mark.slow
def test_a_ray_of_its_own_is_its_own_and_leaves_the_current_folder_alone(tmp_path: Path) -> None:
    """Another Ray of this machine is not joined; `uv run` makes Ray pack the folder unless it is told not to."""
    pytest.importorskip("ray", reason="ray has no wheels for this Python", exc_type=ImportError)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    root = str(Path(__file__).parents[3])
    uv = ["uv", "run", "--no-sync", "--offline", "--project", root, "--directory", str(tmp_path), "python", "-c", OWN]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([sys.executable, "-c", ANOTHER], **pipes) as another:
        try:
            assert another.stdout
            assert another.stdout.readline() == "up\n"
            done = subprocess.run(uv, env=environment, capture_output=True, text=True, check=False, timeout=600)
        finally:
            another.communicate("\n", timeout=120)
    assert done.stdout.strip() == "1.0 None", done.stderr[-2000:]


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
