"""`Encoder.embed` for every family and at any size: one by one, several layers, files, and calls that are killed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import warm
from tests.encoders.conftest import FAMILIES, TEXTS, in_units
from tests.thinned import thinned

from xl_encoders import Encoder, EncoderError, load_encoder
from xl_encoders.reading import vector_files

MANY = [f"{text} {i}" for i in range(9) for text in TEXTS]


@pytest.mark.parametrize("family", thinned(FAMILIES, 4), indirect=True)
@pytest.mark.parametrize("pooling", ["mean-content", "mean-all", "first"])
def test_every_family_equals_the_library_one_by_one(
    request: pytest.FixtureRequest, family: Encoder, pooling: str
) -> None:
    texts = [in_units(request.node.callspec.params["family"], text) for text in TEXTS]
    layers = list(range(family.n_layers + 1))
    together = family.embed(texts, layers=layers, pooling=pooling)
    for i, text in enumerate(texts):
        ids = family.tokenizer(text, truncation=True, max_length=family.max_len)["input_ids"]
        # CANINE's convolutions see the padding: the library is given the same length.
        padded = ids + [family.tokenizer.pad_token_id] * (-len(ids) % family.pad_multiple)
        mask = torch.arange(len(padded)) < len(ids)
        with torch.no_grad():
            output = family.model(
                input_ids=torch.tensor([padded]), attention_mask=mask.long()[None], output_hidden_states=True
            )
        assert len(output.hidden_states) == len(layers)
        for layer in layers:
            states = output.hidden_states[layer][0].double().numpy()
            if len(states) < len(padded):  # CANINE: a state for every four characters
                states = np.repeat(states, 4, axis=0)
            rows = {"first": [0], "mean-all": range(len(ids)), "mean-content": range(1, len(ids) - 1)}[pooling]
            expected = np.mean([states[row] for row in rows], axis=0)
            assert np.abs(together[layer][i] - expected).max() < 1e-5  # float32, other order of summation


@pytest.mark.parametrize("family", thinned(FAMILIES, 3), indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_vector_does_not_depend_on_its_neighbours(family: Encoder, data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(alphabet="abcdeh t ", max_size=40), min_size=2, max_size=6))
    together = family.embed(texts, layer=-1)
    alone = np.concatenate([family.embed([text], layer=-1) for text in texts])
    assert np.abs(together - alone).max() < 1e-5  # float32


def test_several_layers_take_one_forward_pass(xlmr: Encoder) -> None:
    calls = []
    hook = xlmr.model.base_model.register_forward_hook(lambda *_: calls.append(1))
    both = xlmr.embed(TEXTS, layers=[2, 0, 2])
    n_calls = len(calls)
    hook.remove()
    assert n_calls == 1
    for vectors, layer in zip(both, [2, 0, 2], strict=True):
        assert np.array_equal(vectors, xlmr.embed(TEXTS, layer=layer))


def test_a_file_holds_what_memory_does(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "_CHUNK", 10)
    out = tmp_path / "vectors.npy"
    mapped = xlmr.embed((text for text in MANY), layer=1, out=out)
    opened = np.load(out, mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert isinstance(opened, np.memmap)
    assert opened.dtype == np.float32
    assert np.array_equal(mapped, opened)
    assert np.abs(opened - xlmr.embed(MANY, layer=1)).max() < 1e-5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors.npy", "vectors.npy.json"]
    about = json.loads((tmp_path / "vectors.npy.json").read_text())
    assert (about["n_texts"], about["layer"], about["pooling"]) == (len(MANY), 1, "mean-content")


def test_a_file_for_each_layer(xlmr: Encoder, tmp_path: Path) -> None:
    mapped = xlmr.embed(MANY, layers=[-1, 0], out=tmp_path / "at-{layer}.npy")
    for vectors, layer in zip(mapped, [2, 0], strict=True):
        assert np.array_equal(vectors, np.load(tmp_path / f"at-{layer}.npy"))
        assert np.array_equal(vectors, xlmr.embed(MANY, layer=layer))


def test_no_texts_give_an_empty_file(xlmr: Encoder, tmp_path: Path) -> None:
    assert xlmr.embed([], out=tmp_path / "none.npy").shape == (0, xlmr.width)
    assert np.load(tmp_path / "none.npy").shape == (0, xlmr.width)


def test_a_finished_file_is_not_computed_again(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = np.array(xlmr.embed(MANY, out=tmp_path / "v.npy"))
    monkeypatch.setattr(vector_files, "embed_texts", None)  # calling it would fail
    assert np.array_equal(xlmr.embed(iter(MANY), out=tmp_path / "v.npy"), first)


class StopError(Exception):
    pass


def broken_after(n_texts: int) -> Iterator[str]:
    yield from MANY[:n_texts]
    raise StopError


@pytest.mark.parametrize("stop", thinned([0, 7, 10, 25, 40, 107], 4))
def test_an_interrupted_call_goes_on_to_the_same_bytes(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    monkeypatch.setattr(vector_files, "_CHUNK", 10)
    xlmr.embed(MANY, layers=[0, 1], out=tmp_path / "whole-{layer}.npy")
    with pytest.raises(StopError):
        xlmr.embed(broken_after(stop), layers=[0, 1], out=tmp_path / "v-{layer}.npy")
    assert not list(tmp_path.glob("v-?.npy"))
    read = []
    real = vector_files.embed_texts
    monkeypatch.setattr(
        vector_files, "embed_texts", lambda encoder, texts, reading: read.extend(texts) or real(encoder, texts, reading)
    )
    xlmr.embed(iter(MANY), layers=[0, 1], out=tmp_path / "v-{layer}.npy")
    assert read == MANY[stop // 10 * 10 :]  # whole chunks are kept
    for layer in (0, 1):
        assert np.abs(np.load(tmp_path / f"v-{layer}.npy") - xlmr.embed(MANY, layer=layer)).max() < 1e-5
        assert (tmp_path / f"v-{layer}.npy").read_bytes() == (tmp_path / f"whole-{layer}.npy").read_bytes()


@pytest.mark.parametrize("moved", [0, 1])
def test_a_call_killed_between_two_renames_goes_on(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    real = vector_files._finish

    def stops(targets: list, partial: Path, settings: dict) -> None:
        monkeypatch.setattr(vector_files.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(StopError))
        real(targets[:moved], partial, settings)

    monkeypatch.setattr(vector_files, "_finish", stops)
    with pytest.raises(StopError):
        xlmr.embed(MANY, layers=[0, 1], out=tmp_path / "v-{layer}.npy")
    assert len(list(tmp_path.glob("v-?.npy"))) == moved
    monkeypatch.undo()
    for layer, vectors in enumerate(xlmr.embed(MANY, layers=[0, 1], out=tmp_path / "v-{layer}.npy")):
        assert np.array_equal(vectors, xlmr.embed(MANY, layer=layer))
    assert not list(tmp_path.glob("*.partial"))


KILLED = """
import os, signal, sys
from xl_encoders import load_encoder
from xl_encoders.reading import vector_files
vector_files._CHUNK = 10
real = vector_files._write_json
n = 0
def write(path, value):
    global n
    n += 1
    if n == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(path, value)
vector_files._write_json = write
texts = sys.stdin.read().split("\\n")
load_encoder(sys.argv[1]).embed(texts, layer=1, out=sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", [1, 4, 12, 13])
def test_a_killed_process_goes_on(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Moments: before the first record, in the middle, before the last record, before the file gets its name."""
    monkeypatch.setattr(vector_files, "_CHUNK", 10)
    xlmr.save(tmp_path / "model")
    out = tmp_path / "v.npy"
    done = warm.run("-c", KILLED, tmp_path / "model", out, moment, input="\n".join(MANY))
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    encoder = load_encoder(str(tmp_path / "model"))
    vectors = np.array(encoder.embed(MANY, layer=1, out=out))
    whole = encoder.embed(MANY, layer=1, out=tmp_path / "whole.npy")
    assert np.array_equal(vectors, whole)


def test_other_texts_models_and_settings_are_refused(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "_CHUNK", 10)
    out = tmp_path / "v.npy"
    with pytest.raises(StopError):
        xlmr.embed(broken_after(25), layer=1, out=out)
    other = [*MANY[:3], "changed", *MANY[4:]]
    with pytest.raises(EncoderError, match=r"v\.npy\.partial holds 20 vectors of other texts; delete it"):
        xlmr.embed(other, layer=1, out=out)
    with pytest.raises(EncoderError, match="20 vectors of other texts"):
        xlmr.embed(MANY[:19], layer=1, out=out)
    with pytest.raises(EncoderError, match="begun with another layers, pooling; delete it"):
        xlmr.embed(MANY, layer=0, pooling="first", out=out)
    before = xlmr.embed(MANY, layer=1, out=out)
    with pytest.raises(EncoderError, match=r"v\.npy is there already and holds other vectors \(n_texts, texts\)"):
        xlmr.embed([*MANY, "more"], layer=1, out=out)
    with pytest.raises(EncoderError, match=r"other vectors \(layer\)"):
        xlmr.embed(MANY, layer=0, out=out)
    with torch.no_grad():
        next(xlmr.model.parameters())[0] += 1e-6
    with pytest.raises(EncoderError, match=r"other vectors \(model\)"):
        xlmr.embed(MANY, layer=1, out=out)
    assert np.array_equal(np.load(out), before)


def test_a_foreign_file_is_left_alone(xlmr: Encoder, tmp_path: Path) -> None:
    (tmp_path / "v.npy").write_bytes(b"mine")
    with pytest.raises(EncoderError, match="is there already"):
        xlmr.embed(MANY, out=tmp_path / "v.npy")
    assert (tmp_path / "v.npy").read_bytes() == b"mine"


def test_a_full_disk_is_one_sentence(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(vector_files.os, "fsync", full)
        with pytest.raises(EncoderError, match=r"cannot be written \(No space left on device\); what is done stays in"):
            xlmr.embed(MANY, out=tmp_path / "v.npy")
    assert xlmr.embed(MANY, out=tmp_path / "v.npy").shape == (len(MANY), xlmr.width)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"texts": "abc"}, "texts is one string"),
        ({"texts": ["a", 3]}, "text 1 is a int, not a string"),
        ({"layers": []}, "layers is empty"),
        ({"precision": "half"}, "choose one of no, bf16, fp16"),
        ({"precision": "fp16"}, "fp16, which needs a GPU"),
        ({"out": "v.txt"}, r"does not end in \.npy"),
        ({"out": "v.npy", "layers": [0, 1]}, r"e\.g\. v-\{layer\}\.npy"),
        ({"out": "v-{layer}.npy"}, "only `layers` fills in"),
        ({"out": "v-{layer}.npy", "layers": [2, -1]}, "name one layer twice"),
    ],
)
def test_what_cannot_be_embedded_is_said(xlmr: Encoder, tmp_path: Path, settings: dict, message: str) -> None:
    settings = {"texts": TEXTS, **settings}
    if "out" in settings:
        settings["out"] = tmp_path / settings["out"]
    with pytest.raises(EncoderError, match=message):
        xlmr.embed(**settings)
    assert not list(tmp_path.iterdir())


def test_bf16_stays_near_and_acts(xlmr: Encoder) -> None:
    exact, rounded = xlmr.embed(TEXTS), xlmr.embed(TEXTS, precision="bf16")
    assert rounded.dtype == np.float32
    difference = np.abs(exact - rounded).max()
    assert 0 < difference < 0.1  # 8 bits of states of size about 3


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_on_a_gpu(xlmr: Encoder, precision: str) -> None:
    exact = xlmr.embed(TEXTS)
    there = xlmr.to("cuda").embed(TEXTS, precision=precision)
    assert np.abs(exact - there).max() < (1e-4 if precision == "no" else 0.1)  # TF32 is off by default
