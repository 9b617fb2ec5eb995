"""Opening folders: what a saved encoder gives back, and what is refused in which words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tests.encoders.conftest import FAMILIES, MASKED_LM, TEXTS, in_units
from tests.hub import Hub, serve_here
from tests.thinned import thinned
from tokenizers import Tokenizer, models
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from xl_encoders import Encoder, EncoderError, load_encoder, save_model
from xl_encoders.model.model_files import check_named, is_hub_id, read_model_files


def base_model(encoder: Encoder) -> PreTrainedModel:
    base = encoder.model.base_model
    assert isinstance(base, PreTrainedModel)
    return base


@pytest.mark.parametrize("shape", ["xlmr", "bert"])
def test_round_trip(request: pytest.FixtureRequest, tmp_path: Path, shape: str) -> None:
    encoder = request.getfixturevalue(shape)
    folder = tmp_path / "model"
    save_model(encoder, folder)
    loaded = load_encoder(str(folder), max_len=encoder.max_len)
    assert loaded.name == "model"
    assert not loaded.training
    assert np.array_equal(loaded.embed(TEXTS, layer=1), encoder.embed(TEXTS, layer=1))
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert tokenizer(TEXTS)["input_ids"] == encoder.tokenizer(TEXTS)["input_ids"]
    masked = AutoModelForMaskedLM.from_pretrained(folder)
    assert torch.equal(masked.get_input_embeddings().weight, masked.get_output_embeddings().weight)
    bare = AutoModel.from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer("the cat")["input_ids"]])
    encoder.eval()
    with torch.no_grad():
        ours = encoder(ids, torch.ones_like(ids).bool())[-1]
        assert torch.allclose(bare(input_ids=ids).last_hidden_state, ours, atol=1e-6)


def test_no_temporary_files_are_left(xlmr: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(xlmr, folder)
    save_model(xlmr, folder)  # onto an existing one
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not list(folder.glob("*.bin"))


def test_pickled_weights_are_refused(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.save(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"no model\.safetensors \(only pytorch_model\.bin, which is pickled\)"):
        load_encoder(str(tmp_path))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        load_encoder(str(tmp_path))
    with pytest.raises(EncoderError, match="no such model folder"):
        load_encoder(str(tmp_path / "missing"))


def test_a_damaged_folder_is_named(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.save(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(EncoderError, match="cannot be opened as an encoder"):
        load_encoder(str(tmp_path))


def test_a_hub_id_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match=r"neither a folder here nor whole in the cache .* HF_HUB_OFFLINE forbids"):
        load_encoder("someone/no-such-encoder")


@pytest.fixture
def hub(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    xlmr.save(tmp_path / "hub" / "someone" / "model" / "main")
    with serve_here(tmp_path / "hub", tmp_path / "cache", monkeypatch) as hub:
        yield hub


def test_a_hub_that_does_not_answer_is_asked_once(hub: Hub) -> None:
    hub.up = False
    with pytest.raises(EncoderError, match=rf"nor whole in the cache .*cache, and {hub.address} could not be reached"):
        load_encoder("someone/model")
    assert hub.n_requests == 1


def test_an_unknown_hub_id_is_not_asked_for_again_and_again(hub: Hub) -> None:
    with pytest.raises(EncoderError, match="nor a model that could be fetched from the hub; check the name"):
        load_encoder("someone/no-such-encoder")
    assert hub.n_requests < 6


def test_a_download_and_then_the_cache(hub: Hub, xlmr: Encoder) -> None:
    expected = xlmr.embed(TEXTS)
    fetched = load_encoder("someone/model", max_len=xlmr.max_len)
    assert fetched.name == "someone/model"
    assert np.array_equal(fetched.embed(TEXTS), expected)
    hub.up = False
    before = hub.n_requests
    cached = load_encoder("someone/model", max_len=xlmr.max_len)
    assert np.array_equal(cached.embed(TEXTS), expected)
    assert hub.n_requests == before + 1


@pytest.mark.slow
def test_a_cache_that_nobody_asked_for_an_adapter(hub: Hub, xlmr: Encoder, tmp_path: Path) -> None:
    """As one fetched where PEFT is not installed, which asks for one; the cache keeps what the hub does not have."""
    pytest.importorskip("peft")
    load_encoder("someone/model")
    missing = list((tmp_path / "cache").glob("*/.no_exist/*/adapter_config.json"))
    assert missing
    for path in missing:
        path.unlink()
    hub.up = False
    before = hub.n_requests
    assert np.array_equal(load_encoder("someone/model", max_len=xlmr.max_len).embed(TEXTS), xlmr.embed(TEXTS))
    assert hub.n_requests == before + 1


def test_a_pooler_that_the_file_lacks_is_the_same_at_each_opening(bert: Encoder, tmp_path: Path) -> None:
    """Nothing reads it, but what was computed before is found again by the digest of all weights."""
    base_model(bert).save_pretrained(tmp_path)
    bert.tokenizer.save_pretrained(tmp_path)
    before = torch.get_rng_state()
    first, second = (load_encoder(str(tmp_path)).model.state_dict() for _ in range(2))
    assert any("pooler" in key for key in first)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_without_a_head_cannot_be_trained_further(xlmr: Encoder, tmp_path: Path) -> None:
    base_model(xlmr).save_pretrained(tmp_path)
    xlmr.tokenizer.save_pretrained(tmp_path)
    assert load_encoder(str(tmp_path)).width == xlmr.width
    with pytest.raises(EncoderError, match="no trained masked-LM head"):
        load_encoder(str(tmp_path), with_head=True)


@pytest.mark.parametrize("family", thinned(["xlmr", "bert", "distilbert", "modernbert"], 2), indirect=True)
def test_a_head_is_made_where_one_is_asked_for(family: Encoder, tmp_path: Path) -> None:
    """Tied to the embeddings, alike at each opening; the encoder below it is the one in the folder."""
    base_model(family).save_pretrained(tmp_path)
    family.tokenizer.save_pretrained(tmp_path)
    wanted = AutoModel.from_pretrained(tmp_path).state_dict()
    first, second = (load_encoder(str(tmp_path), with_head=True, new_head=True) for _ in range(2))
    base = base_model(first).state_dict()
    assert all(torch.equal(wanted[name], tensor) for name, tensor in base.items())
    outputs = first.model.get_output_embeddings()
    assert outputs is not None
    assert outputs.weight is first.model.get_input_embeddings().weight
    again = second.model.state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in first.model.state_dict().items())
    batch = first.batch(["a cat", "the mat"])
    assert first.head(first(batch.ids, batch.real)[-1]).shape[-1] == len(outputs.weight)
    first.save(tmp_path / "saved")
    assert load_encoder(str(tmp_path / "saved"), with_head=True).width == family.width  # it is a trained one now


@pytest.mark.parametrize("family", FAMILIES, indirect=True)
def test_every_family_opens(request: pytest.FixtureRequest, family: Encoder, tmp_path: Path) -> None:
    name = request.node.callspec.params["family"]
    texts = [in_units(name, text) for text in TEXTS]
    assert (family.width, family.training) == (16, False)
    batch = family.batch(texts[:1])
    assert batch.ids[0][batch.real[0]].tolist() == family.tokenizer(texts[0])["input_ids"]
    assert int(batch.content.sum()) == int(batch.real.sum()) - 2
    family.save(tmp_path / "again")
    again = load_encoder(str(tmp_path / "again"))
    assert np.array_equal(again.embed(texts, layer=2), family.embed(texts, layer=2))


@pytest.mark.parametrize("family", thinned(MASKED_LM, 3), indirect=True)
def test_the_head_gives_the_library_s_scores(family: Encoder, tmp_path: Path) -> None:
    family.save(tmp_path / "model")
    library = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    encoder = load_encoder(str(tmp_path / "model"), with_head=True)
    ids = torch.randint(5, len(encoder.tokenizer), (3, 11), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        states = encoder(ids, torch.ones_like(ids).bool())[-1]
        scores = encoder.head(states.flatten(0, 1))
        expected = library(input_ids=ids).logits.flatten(0, 1)
    assert scores.shape == (33, len(encoder.tokenizer))
    assert expected.std() > 0.01
    assert torch.allclose(scores, expected, atol=1e-6)
    assert {id(p) for p in encoder.head.parameters()} <= {id(p) for p in encoder.parameters()}


# Where each family keeps its blocks, and what must still be applied to the last one's output.
BLOCKS = {
    "xlmr": "encoder.layer", "bert": "encoder.layer", "roberta": "encoder.layer", "xphonebert": "encoder.layer",
    "distilbert": "transformer.layer", "modernbert": "layers", "xlm": "layer_norm2",
}  # fmt: skip


@pytest.mark.parametrize("family", MASKED_LM, indirect=True)
def test_layer_k_is_what_block_k_gives(request: pytest.FixtureRequest, family: Encoder) -> None:
    outputs: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: object, output: torch.Tensor | tuple) -> None:
        outputs.append(output if isinstance(output, torch.Tensor) else output[0])

    base: Any = base_model(family)
    name = request.node.callspec.params["family"]
    hooks = [block.register_forward_hook(keep) for block in base.get_submodule(BLOCKS[name])]
    ids = torch.tensor([[0, 5, 6, 7, 2]])
    with torch.no_grad():
        states = family(ids, torch.ones_like(ids).bool())
        last = base(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        outputs = outputs[:3]
        if name == "modernbert":  # a norm follows its last block, and only that
            outputs[-1] = base.final_norm(outputs[-1])
    for hook in hooks:
        hook.remove()
    assert len(states) == family.n_layers + 1 == 4
    for k in (1, 2, 3):
        assert torch.equal(states[k], outputs[k - 1])
    assert torch.equal(states[3], last)
    embedded = base.get_input_embeddings()(ids)
    assert states[0].shape == embedded.shape
    assert not torch.equal(states[0], states[1])


@pytest.mark.parametrize(
    ("family", "limit"),
    [("xlmr", 58), ("bert", 58), ("roberta", 58), ("canine", 512), ("xphonebert", 58), ("xlm", 58), ("distilbert", 58),
     ("modernbert", 58)],
    indirect=["family"],
)  # fmt: skip
def test_as_many_positions_as_the_model_has(family: Encoder, limit: int) -> None:
    """Embeddings with an offset, without one, and rotary positions, which end where the config says."""
    assert family.max_len == limit
    ids = torch.full((1, limit), 5)
    with torch.no_grad():
        family.model(input_ids=ids)
        if family.tokenizer.name_or_path.rsplit("/", 1)[-1] not in ("modernbert", "canine"):
            with pytest.raises((RuntimeError, IndexError)):
                family.model(input_ids=torch.full((1, limit + 1), 5))
    with pytest.raises(EncoderError, match=f"has positions for {limit} tokens"):
        Encoder(family.model, family.tokenizer, name="too long", max_len=limit + 1)


def test_canine_has_no_trained_head(family_folder: Callable[[str], Path]) -> None:
    with pytest.raises(EncoderError, match=r"no trained masked-LM head \(architectures: \['CanineModel'\]\)"):
        load_encoder(str(family_folder("canine")), with_head=True)
    with pytest.raises(EncoderError, match=r"no trained masked-LM head"):
        load_encoder(str(family_folder("canine")), with_head=True, new_head=True)


def test_weights_that_are_missing_are_not_made_up(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["roberta.encoder.layer.1.output.dense.weight"], weights["lm_head.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks 2 of the weights .*\(lm_head\.dense\.weight, \.\.\.\)"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pad_token": None}, "has no pad token"),
        ({"mask_token": None}, "has no mask token, which masked-LM training needs"),
        ({"pad_token": "<unk>"}, "positions from its padding id 1, but the pad token of its tokenizer has the id 3"),
    ],
)  # fmt: skip
def test_a_tokenizer_that_does_not_fit(
    family_folder: Callable[[str], Path], tmp_path: Path, change: dict, message: str
) -> None:
    model = AutoModelForMaskedLM.from_pretrained(family_folder("xlmr"))
    tokenizer: Any = AutoTokenizer.from_pretrained(family_folder("xlmr"))
    for token, value in change.items():
        setattr(tokenizer, token, value)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=message):
        load_encoder(str(tmp_path), with_head=True)


def test_special_ids_beyond_the_table_are_refused(family_folder: Callable[[str], Path]) -> None:
    """A tokenizer with holes in its ids: fewer tokens than rows, and one of them outside."""
    encoder = load_encoder(str(family_folder("xphonebert")))
    data = json.loads(encoder.tokenizer.backend_tokenizer.to_str())
    data["model"]["vocab"]["<mask>"] = 500
    data["added_tokens"] = [
        dict(token, id=500) if token["content"] == "<mask>" else token for token in data["added_tokens"]
    ]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(data)), bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip
    with pytest.raises(EncoderError, match="<mask> the id 500, its embedding table has"):
        Encoder(encoder.model, tokenizer, name="holes", max_len=20)


def test_a_tokenizer_without_edges_is_refused(xlmr: Encoder) -> None:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"a": 0, "<pad>": 1}, unk_token="a")), pad_token="<pad>"
    )
    with pytest.raises(EncoderError, match="no special tokens to open and close a text"):
        Encoder(xlmr.model, tokenizer, name="bare", max_len=20)


def test_a_tokenizer_that_needs_another_library(xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xlmr.save(tmp_path)
    message = "You need to install sacremoses to use XLMTokenizer."
    monkeypatch.setattr(
        "xl_encoders.model.load._open_tokenizer", lambda *_: (_ for _ in ()).throw(ImportError(message))
    )
    with pytest.raises(EncoderError, match="cannot be opened as an encoder: You need to install sacremoses"):
        load_encoder(str(tmp_path))


@given(st.one_of(st.text(max_size=8), st.text("ab-._/1é ", max_size=12), st.text("a", min_size=94, max_size=99)))
def test_names_that_the_hub_takes_are_those_that_its_library_takes(name: str) -> None:
    """Of ASCII alone: its older releases (1.5) let letters of any script pass, which the hub does not take."""
    if not name.isascii():
        assert not is_hub_id(name)
        return
    try:
        validate_repo_id(name)
    except HFValidationError:
        assert not is_hub_id(name)
    else:
        assert is_hub_id(name)


@pytest.mark.parametrize("name", ["my model", "]ew", "a--b", "-a"])
def test_a_name_that_is_neither_folder_nor_hub_id_is_told(name: str) -> None:
    for reads in (load_encoder, read_model_files, check_named):
        with pytest.raises(EncoderError, match="no such model folder, and no hub id"):
            reads(name)
