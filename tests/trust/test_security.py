"""What comes from outside is data: no code of others runs, no size is believed, nothing is written elsewhere."""

import ast
import json
import re
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run, small
from tests.thinned import thinned
from tests.trust.commands import COMMANDS, files
from tests.workspace.sources import nodes

from xl_analysis import Judged, JudgedClaim, Part, claims_page
from xl_encoders import EncoderError, read_sentence_form

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for part in ("packages", "apps")
    for path in ROOT.glob(f"{part}/*/src/**/*.py")
    # To parse all would take seconds.
    if re.search(
        r"eval\(|exec\(|compile\(|import__|system|popen|output\(|load|pickle|extractall|unpack_|shell|trust_rem|pretrained",
        path.read_text(encoding="utf-8"),
    )
]

# Of pickles, the ones that our own processes hand one another, on one machine or over a cluster.
OWN_PICKLES = {"workers.py", "ray_engine.py", "together.py"}
RUNS_CODE = {"eval", "exec", "compile", "__import__"}
RUNS_SHELL = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
UNPICKLES = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("joblib", "load"), ("pandas", "read_pickle")}
UNPACKS = {"extractall", "unpack_archive"}


def dangers(path: Path) -> Iterator[str]:
    """What a module calls that runs what it reads, or writes where what it reads says."""
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        function, options = node.func, {word.arg: word.value for word in node.keywords}
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        owner = (
            function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""
        )
        if isinstance(function, ast.Name) and name in RUNS_CODE:
            yield f"{name}()"
        if (owner, name) in RUNS_SHELL or (owner, name) in UNPICKLES or name in UNPACKS:
            yield f"{owner}.{name}()"
        for option in ("shell", "trust_remote_code", "allow_pickle"):
            value = options.get(option)
            if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
                yield f"{option}=..."
        if name == "from_pretrained" and "trust_remote_code" not in options and owner.startswith("Auto"):
            yield f"{owner}.from_pretrained() without trust_remote_code=False"
        if name == "from_pretrained" and owner.startswith("AutoModel") and "use_safetensors" not in options:
            yield f"{owner}.from_pretrained() without use_safetensors=True"


def test_no_source_runs_what_it_reads() -> None:
    found = {(path.name, danger) for path in SOURCES for danger in dangers(path)}
    assert {name for name, danger in found if danger == "pickle.loads()"} == OWN_PICKLES
    assert {(name, danger) for name, danger in found if danger != "pickle.loads()"} == set()


def unguarded(path: Path) -> Iterator[str]:
    """Readings of JSON and TOML that end in a traceback where these are nested without end."""
    tries = [node for node in nodes(path) if isinstance(node, ast.Try)]
    safe = {
        id(node)
        for each in tries
        if any(re.search(r"RecursionError|'Exception'", ast.dump(handler)) for handler in each.handlers)
        for line in each.body
        for node in ast.walk(line)
    }
    for node in nodes(path):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load", "tomllib.loads"):
            said = ast.unparse(node.args[0])
            own = said.startswith("json.dumps(") or said.endswith(".to_str()")
            if id(node) not in safe and not own:
                yield said


def test_what_is_nested_without_end_is_thought_of() -> None:
    """`json.loads` of a hundred thousand brackets is a RecursionError, which is no ValueError."""
    found = {path.name: [*unguarded(path)] for path in SOURCES}
    # Data of our own, headers that a library has read before, what `_opening` guards, and a block of `suppress`.
    known = {"tables.py", "tensors.py", "load.py", "run_folder.py", "sources.py"}
    assert {name for name, places in found.items() if places} <= known


def test_what_would_run_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "eval(x); os.system(x); subprocess.run(x, shell=True); torch.load(x); np.load(x, allow_pickle=True)\n"
        "AutoModel.from_pretrained(x); archive.extractall(x); np.load(x, allow_pickle=False); model.eval()\n"
    )
    assert len([*dangers(tmp_path / "a.py")]) == 8


ABSURD = {
    "hidden_size": [2**31, 2**63, -1, "big", None, [1], 128.5],
    "num_hidden_layers": [-1, 0, 2**31],
    "vocab_size": [2**40],
    "max_position_embeddings": [2**31],
    "num_attention_heads": [0, 7],
    "num_labels": [2**31],
    "pad_token_id": [2**31],
    "hidden_dropout_prob": [float("nan"), 2.0],
    "layer_norm_eps": [float("inf")],
    "model_type": [["bert"], "no-such-type"],
    "hidden_act": ["os.system"],
    "dtype": ["object"],
}


@pytest.fixture
def folder(inputs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(inputs / "model", tmp_path / "model"))


def changed(path: Path, **entries: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **entries}), encoding="utf-8")


def refusal(xl: Run, model: Path, tmp_path: Path) -> str:
    """The one line in which `xl embed` refuses a model, at once and without an output."""
    (tmp_path / "a.txt").write_text("ba de\n", encoding="utf-8")
    start = time.monotonic()
    result = xl("embed", tmp_path / "a.txt", "--model", model, "--out", tmp_path / "vectors")
    assert time.monotonic() - start < 10
    assert result.returncode in (1, 2)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "vectors").exists()
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("xl: ")]
    assert str(model) in line
    return line


@pytest.mark.parametrize(
    ("name", "value"), thinned(((name, value) for name, values in ABSURD.items() for value in values), 6)
)
def test_a_model_with_an_absurd_configuration_is_refused(
    name: str, value: object, xl: Run, folder: Path, tmp_path: Path
) -> None:
    changed(folder / "config.json", **{name: value})
    refusal(xl, folder, tmp_path)


def test_layers_that_the_configuration_leaves_out_are_told(xl: Run, inputs: Path, tmp_path: Path) -> None:
    from xl_encoders import ModelConfig, new_encoder

    new_encoder(["ba de gi ko"], ModelConfig(size="tiny", pieces=20, max_len=16), seed=1).save(tmp_path / "model")
    changed(tmp_path / "model" / "config.json", num_hidden_layers=1)
    assert "weights of layers that its config.json does not ask for" in refusal(xl, tmp_path / "model", tmp_path)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_others_is_refused(file: str, xl: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "modeling_own.py").write_text("raise SystemExit('this ran')\n", encoding="utf-8")
    changed(folder / file, auto_map={"AutoModel": "modeling_own.Own", "AutoTokenizer": ["modeling_own.Own", None]})
    assert "code of its own (auto_map)" in refusal(xl, folder, tmp_path)


def test_pickled_weights_and_adapters_are_refused(xl: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}', encoding="utf-8")
    assert "an adapter of another model" in refusal(xl, folder, tmp_path)
    (folder / "adapter_config.json").unlink()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_text("plain text", encoding="utf-8")
    assert "only pytorch_model.bin, which is pickled" in refusal(xl, folder, tmp_path)


@pytest.mark.parametrize("name", ["../model/model.safetensors", "/dev/zero", "..", "a/../../b.safetensors"])
def test_weights_outside_a_models_folder_are_refused(name: str, xl: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}), encoding="utf-8")
    assert "the weights of a model lie in its own folder" in refusal(xl, folder, tmp_path)


@pytest.mark.parametrize("place", ["../out", "/out", "a/../../out", "..\\out"])
def test_modules_outside_a_sentence_encoder_are_refused(place: str, tmp_path: Path) -> None:
    """Whoever trains from one would otherwise write folders of these names, below its own model or beside it."""
    modules = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": place}]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(EncoderError, match=r"modules\.json names the folder .*modules lie in the encoder's own"):
        read_sentence_form(str(tmp_path))


@contextmanager
def flipped(path: Path) -> Generator[None]:
    """With one bit of the file's last byte turned over."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        yield
    finally:
        path.write_bytes(whole)


def test_weights_that_changed_since_they_were_written_are_refused(xl: Run, inputs: Path, tmp_path: Path) -> None:
    """Whoever reads a run, by its name, that of its model/ or a link to it, and one who trains on from it."""
    run = tmp_path / "run"
    assert xl(*small(inputs / "names", "train.steps=1"), "--out", run).returncode == 0
    (tmp_path / "linked").symlink_to(run / "model")
    lines: list[tuple[object, ...]] = [
        ("embed", inputs / "names" / "eng_Latn.txt", "--model", each, "--out", tmp_path / f"of-{each.name}")
        for each in (run, run / "model", tmp_path / "linked")
    ]
    lines += [
        (*small(inputs / "names", "train.steps=1", f"model.from={each}"), "--out", tmp_path / f"from-{each.name}")
        for each in (run, run / "model", tmp_path / "linked")
    ]
    weights = run / "model" / "model.safetensors"
    with flipped(weights):
        for line in lines:
            result = xl(*line)
            assert result.returncode == 1, line
            assert "model.safetensors is not what the run wrote (another SHA-256 than in run.json)" in result.stderr
    for line in lines:
        result = xl(*line)
        assert result.returncode == 0, result.stderr
    # A copy is the user's own.
    shutil.copytree(run / "model", tmp_path / "copy" / "model")
    with flipped(tmp_path / "copy" / "model" / "model.safetensors"):
        assert xl(*lines[0][:2], "--model", tmp_path / "copy" / "model", "--out", tmp_path / "of-copy").returncode == 0


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files(folder)}


@pytest.mark.parametrize("name", thinned(COMMANDS, 4))
def test_nothing_is_written_but_what_was_asked_for(
    name: str, xl: Run, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("home", "here", "out"):
        (tmp_path / place).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = stamps(inputs)
    result = xl(*COMMANDS[name](inputs, tmp_path / "out"), cwd=tmp_path / "here")
    assert result.returncode == 0, result.stderr
    assert stamps(inputs) == before
    assert not [*files(tmp_path / "home"), *files(tmp_path / "here")]
    assert {path.name for path in tmp_path.iterdir()} == {"home", "here", "out"}
    assert [*files(tmp_path / "out")]


class Tags(HTMLParser):
    """Names of the elements of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_of_claims_escapes_what_their_files_say() -> None:
    evil = "<img src=x onerror=\"alert('&amp;')\"><script>alert(1)</script>"
    part: Any = Part(says=evil, of={"variant": evil}, against={"variant": f"b{evil}"}, least=0.1)
    judged = Judged(part=part, value=None, missing=evil)
    claim = JudgedClaim(
        name=evil,
        title=evil,
        paper=evil,
        printed=evil,
        decides=evil,
        parts=[judged],
        in_print=[None],
        controls=[judged],
    )
    page = Tags()
    page.feed(claims_page([claim], evil, commands={evil: [(evil, evil)]}))
    assert page.names.count("script") == 1
    assert "img" not in page.names
    assert page.text.count(evil) >= 9
