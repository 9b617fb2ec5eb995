"""Folders of `sentence-transformers`, written by the library itself, against what is read of them and out of them."""

import json
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.conftest import TEXTS
from tests.thinned import thinned

from xl_encoders import (
    Encoder,
    EncoderError,
    apply_form,
    export_sentence_transformers,
    load_encoder,
    read_sentence_form,
)

PROMPTS = {"query": "the cat: ", "passage": "a white "}
MORE = [*TEXTS, "", "a longer line " * 30]

# What the library calls a pooling, and its name here.
MODES: list[tuple[str | list[str], str]] = [
    ("mean", "mean-all"),
    ("cls", "first"),
    (["lasttoken", "weightedmean", "cls"], "last,mean-weighted,first"),
    ("weightedmean", "mean-weighted"),
    ("max", "max"),
    ("lasttoken", "last"),
    ("mean_sqrt_len_tokens", "mean-sqrt"),
    (["max", "mean", "mean_sqrt_len_tokens"], "max,mean-all,mean-sqrt"),
]


@pytest.fixture(scope="module")
def library() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        return pytest.importorskip("sentence_transformers", reason="the library whose folders are read")


def module(library: ModuleType, name: str, *arguments: object, **options: object) -> Any:
    modules = import_module(f"{library.__name__}.sentence_transformer.modules")
    return getattr(modules, name)(*arguments, **options)


def saved(library: ModuleType, folder: Path, modules: list[Any], **options: object) -> Any:
    """The library's model of some modules, saved to `folder`."""
    model = library.SentenceTransformer(modules=modules, device="cpu", **options)
    model.save(str(folder), create_model_card=False)
    return model


def encoder_of(folder: Path, prompt: str = "") -> tuple[Encoder, dict[str, Any]]:
    """The encoder of a folder and how its vectors are read."""
    form = read_sentence_form(str(folder))
    assert form is not None
    encoder = load_encoder(str(folder), max_len=form.max_len)
    encoder.prompt, encoder.pools_prompt = prompt, form.pools_prompt
    return encoder, {"layer": form.layer, "pooling": form.pooling}


@pytest.mark.parametrize("pools_prompt", [True, False])
@pytest.mark.parametrize(("mode", "pooling"), thinned(MODES, 4))
@pytest.mark.parametrize("family", thinned(["bert", "xlmr"], 2))
def test_the_librarys_folders_are_read_as_the_library_reads_them(
    library: ModuleType, family_folder: Callable[[str], Path], tmp_path: Path, family: str, mode: str | list[str],
    pooling: str, pools_prompt: bool,
) -> None:  # fmt: skip
    transformer = module(library, "Transformer", str(family_folder(family)), max_seq_length=20)
    modules = [
        transformer,
        module(library, "Pooling", 16, mode, include_prompt=pools_prompt),
        module(library, "Normalize"),
    ]
    model = saved(library, tmp_path / "out", modules, prompts=PROMPTS, default_prompt_name="passage")
    form = read_sentence_form(str(tmp_path / "out"))
    assert form is not None
    assert (form.pooling, form.pools_prompt, form.normalizes, form.layer) == (pooling, pools_prompt, True, -1)
    assert (dict(form.prompts), form.default_prompt) == (PROMPTS, "passage")
    assert form.left_out == ()
    for name, prompt in {**PROMPTS, "": ""}.items():
        encoder, reading = encoder_of(tmp_path / "out", prompt)
        encoder.max_len = 20
        found = encoder.embed(MORE, **reading)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        wanted = model.encode(MORE, prompt=prompt, batch_size=5) if not name else model.encode(MORE, prompt_name=name)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("mode", ["attention", ["mean", "attention"]])
def test_a_pooling_that_is_not_known_is_named(
    library: ModuleType, family_folder: Callable[[str], Path], tmp_path: Path, mode: str | list[str]
) -> None:
    modules = [module(library, "Transformer", str(family_folder("bert"))), module(library, "Pooling", 16, "mean")]
    saved(library, tmp_path / "out", modules)
    settings = tmp_path / "out" / "1_Pooling" / "config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "pooling_mode": mode}))
    form = read_sentence_form(str(tmp_path / "out"))
    assert form is not None
    assert form.pooling == ""
    assert form.unread == f"it pools by {mode if isinstance(mode, str) else 'mean and attention'}"


@pytest.mark.parametrize(("mode", "pooling"), thinned(MODES[2:], 2))
def test_poolings_behind_a_dense_layer_and_back_in_the_library(
    library: ModuleType, family_folder: Callable[[str], Path], tmp_path: Path, mode: str | list[str], pooling: str
) -> None:
    """A layer that takes several poolings at once; exported, with a prompt that is not pooled."""
    width = 16 * (1 if isinstance(mode, str) else len(mode))
    modules = [
        module(library, "Transformer", str(family_folder("bert")), max_seq_length=20),
        module(library, "Pooling", 16, mode, include_prompt=False),
        module(library, "Dense", width, 8),
    ]
    model = saved(library, tmp_path / "out", modules, prompts=PROMPTS)
    wanted = model.encode(MORE, prompt_name="query", batch_size=4)
    form = read_sentence_form(str(tmp_path / "out"))
    assert form is not None
    encoder, reading = encoder_of(tmp_path / "out", PROMPTS["query"])
    encoder.max_len = 20
    bare = encoder.embed(MORE, **reading)
    assert bare.shape[1] == encoder.vector_width(2, pooling) == width
    assert apply_form(encoder, form, str(tmp_path / "out")) == ()
    np.testing.assert_allclose(encoder.embed(MORE, **reading), wanted, atol=1e-5)
    assert encoder.embed(MORE, out=tmp_path / "v.npy", **reading).shape == (len(MORE), 8)
    export_sentence_transformers(encoder, tmp_path / "again", prompts=PROMPTS, **reading)
    again = library.SentenceTransformer(str(tmp_path / "again"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(again.encode(MORE, prompt_name="query"), wanted, atol=1e-5)
    read = read_sentence_form(str(tmp_path / "again"))
    assert read is not None
    assert read.pooling == pooling


def test_one_pooling_of_several_cannot_leave_specials_out_there(bert: Encoder, tmp_path: Path) -> None:
    for pooling in ("max,mean-content", "mean-content,first"):
        with pytest.raises(EncoderError, match="cannot leave specials out of one pooling of several; take mean-all"):
            export_sentence_transformers(bert, tmp_path / "out", layer=1, pooling=pooling)


def tail_modules(library: ModuleType, kind: str) -> list[Any]:
    """What stands behind pooling, with random weights."""
    dense = partial(module, library, "Dense")
    norm = module(library, "LayerNorm", 16)
    with torch.no_grad():
        norm.norm.weight.normal_()
        norm.norm.bias.normal_()
    return {
        "dense": [dense(16, 8)],
        "no bias": [dense(16, 24, bias=False, activation_function=torch.nn.Identity())],
        "residual": [dense(16, 16, use_residual=True, activation_function=torch.nn.GELU())],
        "projected residual": [dense(16, 5, use_residual=True)],
        "two, as in newer ones": [dense(16, 32), dense(32, 16, bias=False), module(library, "Normalize")],
        "norms": [module(library, "Normalize"), norm, module(library, "Dropout", 0.5), module(library, "Normalize")],
    }[kind]


TAILS = ("dense", "two, as in newer ones", "norms", "no bias", "residual", "projected residual")


@pytest.mark.parametrize("kind", thinned(TAILS, 3))
def test_what_stands_behind_pooling_is_applied_as_the_library_does(
    library: ModuleType, family_folder: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    """And exported again: the folder that is written gives the same vectors there."""
    modules = [
        module(library, "Transformer", str(family_folder("bert")), max_seq_length=20),
        module(library, "Pooling", 16, "cls"),
        *tail_modules(library, kind),
    ]
    model = saved(library, tmp_path / "out", modules)
    wanted = model.encode(MORE, batch_size=4)
    form = read_sentence_form(str(tmp_path / "out"))
    assert form is not None
    encoder, reading = encoder_of(tmp_path / "out")
    encoder.max_len = 20
    bare = encoder.embed(MORE, **reading)
    assert apply_form(encoder, form, str(tmp_path / "out")) == ()
    found = encoder.embed(MORE, **reading)
    assert form.normalizes == (kind in ("norms", "two, as in newer ones"))
    normal = found / np.linalg.norm(found, axis=1, keepdims=True) if form.normalizes else found
    np.testing.assert_allclose(normal, wanted, atol=1e-5)
    # Files hold the same, each layer at its own width; other layers and poolings are as they were.
    paths = encoder.embed(MORE, layers=[0, -1], pooling="first", out=tmp_path / "vectors-{layer}.npy")
    assert [vectors.shape[1] for vectors in paths] == [16, wanted.shape[1]]
    np.testing.assert_array_equal(paths[1], found)
    assert encoder.embed(MORE, layer=0, pooling="first").shape[1] == bare.shape[1]
    export_sentence_transformers(encoder, tmp_path / "again", **reading, normalize=form.normalizes)
    again = library.SentenceTransformer(str(tmp_path / "again"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(again.encode(MORE), wanted, atol=1e-5)


def test_what_cannot_be_applied_is_named(
    library: ModuleType, family_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """An activation that is not torch's, pickled weights, weights of another shape."""
    folder = tmp_path / "out"
    modules = [module(library, "Transformer", str(family_folder("bert"))), module(library, "Pooling", 16, "cls")]
    saved(library, folder, [*modules, module(library, "Dense", 16, 8)])
    settings = folder / "2_Dense" / "config.json"
    dense = json.loads(settings.read_text())

    def left_out() -> tuple[str, ...]:
        form = read_sentence_form(str(folder))
        assert form is not None
        return apply_form(load_encoder(str(folder)), form, str(folder))

    settings.write_text(json.dumps({**dense, "activation_function": "elsewhere.Code"}))
    assert left_out() == ("Dense (with elsewhere.Code)",)
    settings.write_text(json.dumps({**dense, "module_input_name": "token_embeddings"}))
    assert left_out() == ("Dense (of token_embeddings)",)
    settings.write_text(json.dumps({**dense, "out_features": 9}))
    with pytest.raises(EncoderError, match=r"2_Dense/model\.safetensors does not hold the weights"):
        left_out()
    settings.write_text(json.dumps(dense))
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    assert left_out() == ("Dense (its weights are not in a model.safetensors)",)


@pytest.mark.parametrize(
    ("keys", "pooling"),
    [
        (["cls_token"], "first"),
        (["mean_tokens"], "mean-all"),
        (["lasttoken", "max_tokens"], "max,last"),
        ([], "mean-all"),
    ],
)
def test_folders_of_older_releases(tmp_path: Path, keys: list[str], pooling: str) -> None:
    """As release 0.4 wrote them: the transformer in a folder of its own, a flag a pooling."""
    (tmp_path / "0_BERT").mkdir()
    (tmp_path / "1_Pooling").mkdir()
    entries = [
        {"idx": 0, "name": "0", "path": "0_BERT", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (tmp_path / "modules.json").write_text(json.dumps(entries))
    flags = dict.fromkeys(("pooling_mode_cls_token", "pooling_mode_mean_tokens"), False)
    flags |= {f"pooling_mode_{key}": True for key in keys}
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    (tmp_path / "0_BERT" / "sentence_bert_config.json").write_text('{"max_seq_length": 128, "do_lower_case": true}')
    form = read_sentence_form(str(tmp_path))
    assert form is not None
    assert (form.path, form.pooling, form.max_len, form.left_out) == ("0_BERT", pooling, 128, ("lower-casing",))


def test_a_plain_folder_has_no_form(family_folder: Callable[[str], Path]) -> None:
    assert read_sentence_form(str(family_folder("bert"))) is None


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[")
    with pytest.raises(EncoderError, match=r"modules\.json cannot be read as JSON"):
        read_sentence_form(str(tmp_path))
    (tmp_path / "modules.json").write_text('[{"idx": 0}]')
    with pytest.raises(EncoderError, match=r"modules\.json is no list of modules with type and path"):
        read_sentence_form(str(tmp_path))


@pytest.mark.parametrize("pools_prompt", [True, False])
@pytest.mark.parametrize("pooling", thinned(["mean-all", "mean-content", "first"], 3))
@pytest.mark.parametrize("family", ["bert", "modernbert"], indirect=True)
def test_an_exported_folder_read_back_gives_the_librarys_vectors(
    library: ModuleType, family: Encoder, tmp_path: Path, pooling: str, pools_prompt: bool
) -> None:
    """Also where a hidden state is chosen in the folder (ModernBERT), and with each prompt."""
    prompt = PROMPTS["query"]
    encoder = Encoder(
        family.model, family.tokenizer, name=family.name, max_len=30, prompt=prompt, pools_prompt=pools_prompt
    )
    write: dict[str, Any] = {"layer": 2, "pooling": pooling, "prompts": PROMPTS, "normalize": True}
    if pooling == "mean-content" and not pools_prompt:
        with pytest.raises(EncoderError, match="cannot leave out both specials and a prompt"):
            export_sentence_transformers(encoder, tmp_path / "out", **write)
        return
    export_sentence_transformers(encoder, tmp_path / "out", **write)
    form = read_sentence_form(str(tmp_path / "out"))
    assert form is not None
    assert (form.pooling, form.default_prompt, form.normalizes, form.max_len) == (pooling, "query", True, 30)
    model = library.SentenceTransformer(str(tmp_path / "out"), device="cpu", local_files_only=True)
    for name, text in PROMPTS.items():
        again, reading = encoder_of(tmp_path / "out", text)
        vectors = again.embed(MORE, **reading)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors, model.encode(MORE, prompt_name=name), atol=1e-5)
        if name == "query":  # the encoder's own, and the default of the folder
            own = encoder.embed(MORE, layer=2, pooling=pooling)
            np.testing.assert_allclose(vectors, own / np.linalg.norm(own, axis=1, keepdims=True), atol=1e-5)
            np.testing.assert_allclose(vectors, model.encode(MORE), atol=1e-5)


def test_a_prompt_of_the_encoder_alone_is_the_default(bert: Encoder, tmp_path: Path) -> None:
    bert.prompt = "ask: "
    export_sentence_transformers(bert, tmp_path / "out", layer=1)
    about = json.loads((tmp_path / "out" / "config_sentence_transformers.json").read_text())
    assert (about["prompts"], about["default_prompt_name"]) == ({"default": "ask: "}, "default")


def test_a_prompt_is_text_in_front(bert: Encoder) -> None:
    wanted = bert.embed(["the cat: " + text for text in TEXTS], layer=2, pooling="mean-all")
    bert.prompt = "the cat: "
    np.testing.assert_array_equal(bert.embed(TEXTS, layer=2, pooling="mean-all"), wanted)


def test_tokens_of_a_prompt_can_be_left_out_of_the_mean(bert: Encoder) -> None:
    """As the slow loop: states of `[CLS] prompt text [SEP]` from behind the prompt on."""
    bert.prompt, bert.pools_prompt = "the cat", False
    found = bert.embed([" sat", " on the mat"], layer=2, pooling="mean-all")
    n = len(bert.tokenizer("the cat")["input_ids"]) - 1
    for vector, text in zip(found, ["the cat sat", "the cat on the mat"], strict=True):
        batch = bert.batch([text])
        with torch.inference_mode():
            states = bert(batch.ids, batch.real)[2][0]
        np.testing.assert_allclose(vector, states[n:].mean(0).numpy(), atol=1e-6)


def test_a_prompt_that_leaves_no_room_is_refused(bert: Encoder) -> None:
    bert.prompt = "white " * 40
    with pytest.raises(EncoderError, match=r"the prompt 'white .*' takes all 32 tokens that bert reads\.$"):
        bert.embed(["a"])


def test_files_of_vectors_belong_to_a_prompt(bert: Encoder, tmp_path: Path) -> None:
    plain = bert.embed(TEXTS, out=tmp_path / "v.npy")
    bert.prompt = "ask: "
    with pytest.raises(EncoderError):
        bert.embed(TEXTS, out=tmp_path / "v.npy")
    assert np.abs(bert.embed(TEXTS, out=tmp_path / "w.npy") - plain).max() > 1e-3
