"""Exported folders against the libraries that open them: the same vectors as `Encoder.embed`, for every family."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from tests.encoders.conftest import FAMILIES, MASKED_LM, TEXTS, in_units
from tests.thinned import thinned
from transformers import AutoModel, AutoTokenizer

from xl_encoders import (
    POOLINGS,
    Encoder,
    EncoderError,
    cut_model,
    export_sentence_transformers,
    export_transformers,
    load_encoder,
)

# Families whose states pass another norm after the last block, or are not one a block.
NOT_EXACT = ("modernbert", "canine")
CUT = tuple(family for family in FAMILIES if family not in NOT_EXACT)

# Longer than every tiny model here reads, empty, of unknown tokens, with inner runs of spaces.
MORE = [*TEXTS, "", "a longer line " * 30, "白い家", "two  spaces", "A Capital"]


def opened(folder: Path) -> Any:
    """The folder as sentence-transformers opens it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at its first import
        library = pytest.importorskip("sentence_transformers", reason="the library whose folder is written")
        return library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def texts_for(encoder: Encoder, texts: list[str]) -> list[str]:
    return [in_units(encoder.name, text) for text in texts]


def vectors(folder: Path, texts: list[str]) -> np.ndarray:
    return opened(folder).encode(texts, batch_size=5, show_progress_bar=False)


@pytest.mark.parametrize("pooling", thinned(POOLINGS, 3))
@pytest.mark.parametrize(
    "family",
    thinned(MASKED_LM, 7),
    indirect=True,
)
def test_the_library_gives_the_encoders_vectors_at_every_layer(family: Encoder, pooling: str, tmp_path: Path) -> None:
    texts = texts_for(family, MORE)
    for layer in range(family.n_layers + 1):
        folder = tmp_path / str(layer)
        export_sentence_transformers(family, folder, layer=layer, pooling=pooling)
        wanted = family.embed(texts, layer=layer, pooling=pooling)
        np.testing.assert_allclose(vectors(folder, texts), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", thinned(CUT, 3), indirect=True)
def test_blocks_above_the_layer_and_the_head_are_gone(family: Encoder, tmp_path: Path) -> None:
    export_sentence_transformers(family, tmp_path / "out", layer=1, pooling="mean-all")
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        names = set(file.keys())
    alone = dict(family.model.base_model.named_parameters())
    assert names <= set(alone)
    assert sum(alone[name].numel() for name in names) < sum(parameter.numel() for parameter in alone.values())
    assert AutoModel.from_pretrained(tmp_path / "out").config.num_hidden_layers == 1
    assert [entry["path"] for entry in json.loads((tmp_path / "out" / "modules.json").read_text())] == ["", "1_Pooling"]


@pytest.mark.parametrize("family", ["modernbert"], indirect=True)
def test_a_family_with_a_last_norm_keeps_one_block_more(family: Encoder, tmp_path: Path) -> None:
    export_sentence_transformers(family, tmp_path / "out", layer=1)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 2
    names = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert names == ["1_WeightedLayerPooling", "2_WordWeights", "3_Pooling"]


@pytest.mark.parametrize("family", ["canine"], indirect=True)
def test_canine_is_refused(family: Encoder, tmp_path: Path) -> None:
    for layer, reason in ((0, "shortened to layer 0"), (2, "shortened to layer 2"), (-1, r"\(padding\)")):
        with pytest.raises(EncoderError, match=rf"^canine \(CanineModel\) cannot be exported .*{reason}; embed with"):
            export_sentence_transformers(family, tmp_path / "out", layer=layer)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("family", thinned(FAMILIES, 3), indirect=True)
def test_transformers_opens_the_cut_model(family: Encoder, tmp_path: Path) -> None:
    batch = family.batch(texts_for(family, TEXTS))
    with torch.inference_mode():
        states = family(batch.ids, batch.real)
    for layer in range(family.n_layers + 1):
        folder = tmp_path / str(layer)
        if family.name in NOT_EXACT and layer < family.n_layers:
            with pytest.raises(
                EncoderError, match=rf"cut at layer {layer} .*; take layer {family.n_layers} \(the last"
            ):
                export_transformers(family, folder, layer=layer)
            continue
        export_transformers(family, folder, layer=layer)
        model = AutoModel.from_pretrained(folder).eval()
        with torch.inference_mode():
            found = model(input_ids=batch.ids, attention_mask=batch.real.long()).last_hidden_state
        torch.testing.assert_close(found[batch.real], states[layer][batch.real], atol=1e-6, rtol=1e-5)
        again: Any = AutoTokenizer.from_pretrained(folder)
        assert again(texts_for(family, TEXTS))["input_ids"] == family.tokenizer(texts_for(family, TEXTS))["input_ids"]


def test_a_negative_layer_counts_from_the_end(bert: Encoder, tmp_path: Path) -> None:
    export_sentence_transformers(bert, tmp_path / "out", layer=-2, pooling="first")
    np.testing.assert_allclose(vectors(tmp_path / "out", TEXTS), bert.embed(TEXTS, layer=2, pooling="first"), atol=1e-5)
    assert load_encoder(str(tmp_path / "out")).n_layers == 2


@pytest.fixture(scope="module")
def both(family_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Any]:
    encoder = load_encoder(str(family_folder("xlmr")))
    folder = tmp_path_factory.mktemp("export") / "out"
    export_sentence_transformers(encoder, folder, layer=2)
    return encoder, opened(folder)


# The library strips texts in some of its releases, so none begins or ends with a space here.
free_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.strip)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        free_text | st.sampled_from(["<s>", "</s> a", "a <pad> b", "<mask>", "<unk>"]), min_size=1, max_size=6
    )
)
def test_any_texts_give_the_same_vectors(both: tuple[Encoder, Any], texts: list[str]) -> None:
    encoder, library = both
    found = library.encode(texts, batch_size=3, show_progress_bar=False)
    np.testing.assert_allclose(found, encoder.embed(texts, layer=2, pooling="mean-content"), atol=1e-5, rtol=1e-5)


def test_a_token_that_is_a_special_in_lower_case_counts(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.tokenizer.add_tokens(["</S>"])
    with torch.random.fork_rng():
        xlmr.model.resize_token_embeddings(len(xlmr.tokenizer), mean_resizing=False)
    export_sentence_transformers(xlmr, tmp_path / "out", layer=1)
    texts = ["</S>", "white </S> cat"]
    wanted = xlmr.embed(texts, layer=1)
    assert np.abs(wanted[0]).max() > 0
    np.testing.assert_allclose(vectors(tmp_path / "out", texts), wanted, atol=1e-5)


def test_a_tokenizer_without_specials_of_its_own_is_told_them(bert: Encoder, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    bert.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    bert.tokenizer.truncation_side = bert.tokenizer.padding_side = "left"
    export_sentence_transformers(bert, tmp_path / "out", layer=2, pooling="first")
    np.testing.assert_allclose(vectors(tmp_path / "out", MORE), bert.embed(MORE, layer=2, pooling="first"), atol=1e-5)
    assert bert.tokenizer.padding_side == "left"  # the encoder's own is left as it was


def test_a_tokenizer_that_cannot_be_told_is_refused(
    bert: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tokenizers.processors import TemplateProcessing

    bert.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    monkeypatch.setattr(type(bert.tokenizer), "is_fast", False)
    with pytest.raises(EncoderError, match=r"puts other special tokens around a text"):
        export_sentence_transformers(bert, tmp_path / "out")


def test_what_is_wrong_is_said_before_anything_is_written(bert: Encoder, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for layer, pooling, name, words in (
        (4, "first", "out", r"layer 4 is out of range: bert has 0 \(embeddings\) to 3"),
        (1, "median", "out", r"pooling is 'median'; choose one of mean-content"),
        (1, "first", "taken", r"taken exists already; name another folder\.$"),
    ):
        with pytest.raises(EncoderError, match=words):
            export_sentence_transformers(bert, tmp_path / name, layer=layer, pooling=pooling)
    with pytest.raises(EncoderError, match="exists already"):
        export_transformers(bert, tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("write", [export_sentence_transformers, export_transformers])
def test_the_folder_appears_whole_or_not_at_all(
    bert: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., None]
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "no space left on device"
        raise OSError(message)

    monkeypatch.setattr("xl_encoders.model.export._write_card", fail)
    with pytest.raises(OSError, match="no space left"):
        write(bert, tmp_path / "out", layer=1, card="# card\n")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    write(bert, tmp_path / "out", layer=1, card="# card\n")
    assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8") == "# card\n"


def test_the_encoder_and_the_random_state_are_left_as_they_were(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.train()
    before = {name: tensor.clone() for name, tensor in xlmr.state_dict().items()}
    random = torch.random.get_rng_state()
    export_sentence_transformers(xlmr, tmp_path / "one", layer=1)
    export_transformers(xlmr, tmp_path / "two", layer=1)
    export_transformers(xlmr, tmp_path / "three", layer=-1)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert xlmr.training
    assert xlmr.n_layers == 2
    assert all(torch.equal(tensor, before[name]) for name, tensor in xlmr.state_dict().items())


def test_a_pooler_stays_where_no_block_is_cut(family_folder: Callable[[str], Path]) -> None:
    from transformers import BertConfig, BertModel

    encoder = load_encoder(str(family_folder("bert")))
    config = encoder.model.config
    assert isinstance(config, BertConfig)
    with torch.random.fork_rng():
        encoder.model = BertModel(config).eval()
    assert cut_model(encoder, -1).pooler is not None
    assert cut_model(encoder, 2).pooler is None


@pytest.mark.parametrize("dtype", thinned([torch.bfloat16, torch.float16], 2))
def test_half_precision_stays_half(bert: Encoder, tmp_path: Path, dtype: torch.dtype) -> None:
    bert.model.to(dtype)
    export_sentence_transformers(bert, tmp_path / "out", layer=2)
    assert AutoModel.from_pretrained(tmp_path / "out").dtype == dtype
    wanted = bert.embed(TEXTS, layer=2)
    # eps of the dtype, times a few sums of values of order 1
    atol = 8 * torch.finfo(dtype).eps * float(np.abs(wanted).max())
    np.testing.assert_allclose(vectors(tmp_path / "out", TEXTS), wanted, atol=atol)
