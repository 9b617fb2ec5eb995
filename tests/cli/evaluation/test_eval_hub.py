"""`xl eval` without `--data`: `datasets` and `huggingface_hub` themselves, against repositories on the loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("datasets")

from tests.cli.task_data import LANGUAGES, sentence, write
from tests.hub import serve
from tests.tasks.hub_repositories import SHORTENED, make_hub

from xl_encoders import ModelConfig, export_sentence_transformers, new_encoder
from xl_tasks import TASKS

pytestmark = pytest.mark.slow

Eval = Callable[..., list[dict]]

# The address of the hub is read when the libraries are loaded, hence a process of its own, one for all calls.
_CALLS = """
import contextlib, importlib, io, json, sys
sys.path.insert(0, sys.argv[1])
from tests.tasks.hub_repositories import SHORTENED
for address, short in SHORTENED.items():
    module, name = address.split(":")
    getattr(importlib.import_module(module), name)
    setattr(sys.modules[module], name, short)
from xl_cli.main import main
for line in sys.stdin:
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["xl", *json.loads(line)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Call `xl eval TASK` on a tiny model; exit code, stdout and stderr."""
    root = tmp_path_factory.mktemp("hub")
    make_hub(root / "hub")
    texts = [
        write(sentence(topic, __import__("random").Random(7)), short)
        for topic in ("geography", "sports")
        for short in LANGUAGES
    ]
    encoder = new_encoder(texts, ModelConfig(size="pico", pieces=100), seed=3)
    encoder.save(root / "model")
    sentence_encoder = root / "hub" / "made" / "encoder" / "main"
    sentence_encoder.parent.mkdir(parents=True)
    export_sentence_transformers(encoder, sentence_encoder, layer=1, pooling="first")
    with serve(root / "hub") as hub:
        environment = {
            **os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(root / "home"), "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1",
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        arguments = [sys.executable, "-c", _CALLS, str(Path(__file__).parents[3])]
        process = subprocess.Popen(
            arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

        def call(task: str, *options: object) -> tuple[int, str, str]:
            assert process.stdin is not None
            assert process.stdout is not None
            model = [] if "--model" in options else ["--model", root / "model"]
            line = ["eval", task, *model, "--resamples", 0, *options]
            process.stdin.write(json.dumps([str(part) for part in line]) + "\n")
            process.stdin.flush()
            code, out, err = json.loads(process.stdout.readline())
            return code, out, err

        yield call
        process.communicate(timeout=60)


@pytest.fixture
def scored(called: Callable[..., tuple[int, str, str]]) -> Eval:
    """The rows of `xl eval TASK`, fitted in a moment."""

    def call(task: str, *options: object) -> list[dict]:
        kind = TASKS[task].kind
        fitted = ["--limit", 4, "--train-limit", 4, "--set", "epochs=1", "--set", "max_len=32"]
        more = {"retrieval": ["--layer", 0], "answering": fitted}.get(kind, ["--probe", "--layer", 0])
        code, out, err = called(task, *more, *options, "--json")
        assert code == 0, err
        assert "Traceback" not in err
        return [json.loads(line) for line in out.splitlines()]

    return call


THREE = {"eng_Latn", "tur_Latn", "ell_Grek"}
TYDIQA = {"arb_Arab", "ben_Beng", "eng_Latn", "fin_Latn", "ind_Latn", "kor_Hang", "rus_Cyrl", "swh_Latn", "tel_Telu"}
# Every task with a hub: all its languages, then a source and a target that are named.
CASES = {
    "tatoeba": ({"eng_Latn", "amh_Ethi", "tur_Latn", "ell_Grek"}, "eng_Latn", "tur_Latn"),
    "sib200-retrieval": (THREE, "ell_Grek", "tur_Latn"),
    "flores": ({"eng_Latn", "tur_Latn", "zho_Hans"}, "zho_Hans", "tur_Latn"),
    "sib200": (THREE, "eng_Latn", "ell_Grek"),
    "xnli": (THREE | {"deu_Latn"}, "eng_Latn", "tur_Latn"),
    "pawsx": ({"eng_Latn", "zho_Hans"}, "eng_Latn", "zho_Hans"),
    "panx": ({"eng_Latn", "tur_Latn", "als_Latn", "gsw_Latn", "lzh_Hant", "sgs_Latn"}, "eng_Latn", "tur_Latn"),
    "masakhaner": ({"amh_Ethi", "hau_Latn", "swh_Latn"}, "amh_Ethi", "hau_Latn"),
    "uner": ({"eng_Latn", "zho_Hans", "ceb_Latn"}, "eng_Latn", "ceb_Latn"),
    "udpos": ({"eng_Latn", "tur_Latn", "yue_Hant"}, "eng_Latn", "yue_Hant"),
    "xquad": (THREE, "eng_Latn", "tur_Latn"),
    "tydiqa": (TYDIQA, "eng_Latn", "kor_Hang"),
    "mlqa": ({"eng_Latn", "zho_Hans"}, "eng_Latn", "zho_Hans"),
    "squad": ({"eng_Latn"}, "eng_Latn", "eng_Latn"),
}


def test_every_task_with_a_hub_is_here() -> None:
    assert set(CASES) == {name for name, entry in TASKS.items() if entry.hub_loader}
    assert all(address.partition(":")[0].startswith("xl_tasks.") for address in SHORTENED)


@pytest.mark.parametrize("task", CASES)
def test_all_languages_are_the_default(scored: Eval, task: str) -> None:
    every, source, target = CASES[task]
    found = scored(task)
    assert {row["target"] for row in found} == every
    assert all(0 <= row["value"] <= 1 and row["n"] > 0 for row in found)
    # What is named alone is read and scored as it is among all; retrieval goes both ways.
    named = scored(task, "--source", source, "--target", target)
    ways = {(source, target), (target, source)} if TASKS[task].kind == "retrieval" else {(source, target)}
    assert {(row["source"], row["target"]) for row in named} == ways
    assert figures(named) == figures([row for row in found if (row["source"], row["target"]) in ways])


def figures(rows: list[dict]) -> list[tuple]:
    return sorted((row["source"], row["target"], row["metric"], row["value"], row["n"]) for row in rows)


@pytest.mark.parametrize("task", ["tatoeba", "sib200", "panx"])
def test_one_side_named(scored: Eval, task: str) -> None:
    _, source, target = CASES[task]
    by_target, by_source = scored(task, "--target", target), scored(task, "--source", source)
    assert target in {row["target"] for row in by_target}
    assert {row["source"] for row in by_source} >= {source}
    both = {(row["source"], row["target"]) for row in by_target} & {(row["source"], row["target"]) for row in by_source}
    assert figures([row for row in by_target if (row["source"], row["target"]) in both]) == figures(
        [row for row in by_source if (row["source"], row["target"]) in both]
    )


def test_a_task_without_a_hub_says_what_to_give(called: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = called("bucc2018")
    assert code == 1
    assert "bucc2018 is not read from the hub; name the folder of its files: --data FOLDER" in err


def test_a_sentence_encoder_of_the_hub_is_read_as_its_files_say(called: Callable[..., tuple[int, str, str]]) -> None:
    """Model and data by their ids alone: the layer and pooling are those that modules.json names there."""
    code, out, err = called("tatoeba", "--model", "made/encoder", "--target", "tur", "--json")
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert {(row["model"], row["layer"], row["pooling"]) for row in found} == {("made/encoder", 1, "first")}
    assert "made/encoder is read at layer 1 of 1 with pooling first, as its modules.json says" in err
