"""Text of the hub as a stream: from a hub on the loopback and from its layout on the disk, shuffled by a fixed seed."""

import lzma
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.hub import serve_here

from xl_tasks import TaskError
from xl_tasks.datasets.readers import hub_text

ARTICLES = [f"Title {i}\n\nFirst of {i}. It goes on.\n Second of {i}. " for i in range(60)]
CONFIGS = ("20220301.tr", "20231101.tr", "20231101.simple", "20231101.en", "20231101.zh-yue")


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` waits five seconds at the end of a stream of Parquet, for threads of large files; older ones not."""
    config = pytest.importorskip("datasets.config")  # of the extra hub
    monkeypatch.setattr(config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1, raising=False)


@pytest.fixture
def wikipedia(tmp_path: Path) -> Path:
    """The layout of wikimedia/wikipedia: a folder of Parquet a configuration, which the README names."""
    folder = tmp_path / "hub" / "wikimedia" / "wikipedia" / "main"
    lines = ["---", "configs:"]
    for name in CONFIGS:
        lines += [f"- config_name: {name}", "  data_files:", "  - split: train", f"    path: {name}/train-*"]
        (folder / name).mkdir(parents=True)
        for shard in range(2):
            texts = [f"{name} {text}" for text in ARTICLES[shard * 30 : shard * 30 + 30]]
            table = pa.table({"id": [str(i) for i in range(30)], "text": texts})
            pq.write_table(table, folder / name / f"train-0000{shard}-of-00002.parquet")
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
    return folder


def texts(name: object, language: str = "tr", **more: object) -> list[str]:
    return list(hub_text.hub_text(str(name), language, **more))  # ty: ignore[invalid-argument-type]


def paragraphs(config: str) -> list[str]:
    return [line.strip() for text in ARTICLES for line in f"{config} {text}".split("\n") if line.strip()]


@pytest.mark.slow
def test_a_folder_and_the_hub_give_the_same_paragraphs(
    wikipedia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert texts(wikipedia, buffer=0) == paragraphs("20231101.tr")  # the newest of two
    with serve_here(tmp_path / "hub", tmp_path / "cache", monkeypatch):
        monkeypatch.setattr("datasets.config.HF_ENDPOINT", __import__("huggingface_hub").constants.ENDPOINT)
        assert texts("wikimedia/wikipedia", buffer=7) == texts(wikipedia, buffer=7)


@pytest.mark.parametrize(("spelling", "config"), [("en", "20231101.en"), ("yue", "20231101.zh-yue")])
def test_the_language_finds_the_configuration(wikipedia: Path, spelling: str, config: str) -> None:
    assert texts(wikipedia, spelling, buffer=0) == paragraphs(config)
    assert texts(wikipedia, "", config="20231101.simple", buffer=0) == paragraphs("20231101.simple")


@pytest.mark.slow
@pytest.mark.parametrize("buffer", [5, 100])
def test_a_shuffle_buffer_of_a_seed_is_one_order_and_loses_nothing(wikipedia: Path, buffer: int) -> None:
    once = texts(wikipedia, buffer=buffer, seed=3)
    assert once == texts(wikipedia, buffer=buffer, seed=3)
    assert sorted(once) == sorted(paragraphs("20231101.tr"))
    assert once != texts(wikipedia, buffer=buffer, seed=4)
    titles = [int(line.split("Title ")[1]) for line in once if "Title" in line]
    # Shards come in another order; within one, the row at place p is of the first p + buffer.
    for shard in (range(30), range(30, 60)):
        places = [title - shard.start for title in titles if title in shard]
        assert all(row <= place + buffer for place, row in enumerate(places))


@pytest.mark.slow
def test_cc100_is_read_from_the_files_that_its_script_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["Bir paragraf. İki cümle.", "", "Another one.", "   ", "Last."]
    for code in ("tr", "zh-Hans"):
        with lzma.open(tmp_path / f"{code}.txt.xz", "wt", encoding="utf-8") as file:
            file.writelines(f"{code} {line}\n" if line.strip() else f"{line}\n" for line in lines)
    assert hub_text.CC100_FILES.format(code="zh-Hans") == "https://data.statmt.org/cc-100/zh-Hans.txt.xz"
    monkeypatch.setattr(hub_text, "CC100_FILES", str(tmp_path / "{code}.txt.xz"))
    for spelling, code in (("Turkish", "tr"), ("zh", "zh-Hans")):
        assert texts("statmt/cc100", spelling, buffer=0) == [f"{code} {line}" for line in lines if line.strip()]
    assert sorted(texts("statmt/cc100", "tr")) == sorted(texts("statmt/cc100", "tr", buffer=0))


@pytest.mark.slow
def test_cc100_is_read_from_the_web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lzma.open(tmp_path / "tr.txt.xz", "wt", encoding="utf-8") as file:
        file.write("Bir paragraf.\n\nLast.\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        monkeypatch.setattr(hub_text, "CC100_FILES", f"http://127.0.0.1:{server.server_port}/{{code}}.txt.xz")
        assert list(islice(hub_text.hub_text("statmt/cc100", "tr", buffer=0), 2)) == ["Bir paragraf.", "Last."]
        server.shutdown()


def test_what_is_not_there_is_one_sentence(wikipedia: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, spelling, more, said in (
        (wikipedia, "de", {}, "has no configuration for deu_Latn; name one of 20220301.tr"),
        (wikipedia, "", {}, "name the language"),
        (wikipedia, "tr", {"column": "body"}, "there is no column 'body'; there are: id, text"),
        (wikipedia, "tr", {"split": "dev"}, "dev"),
        ("statmt/cc100", "mt", {}, "has no text that is known to be mlt_Latn"),
        ("statmt/cc100", "", {}, "name the language"),
    ):
        with pytest.raises(TaskError, match=said):
            texts(name, spelling, **more)
    monkeypatch.setattr(hub_text, "CC100_FILES", str(tmp_path / "nothing" / "{code}.txt.xz"))
    with pytest.raises(TaskError, match="statmt/cc100"):
        texts("statmt/cc100", "tr")
