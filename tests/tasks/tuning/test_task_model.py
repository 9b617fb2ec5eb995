"""Backbones under new heads: against the Auto classes of transformers, opened from the same folder."""

import copy
import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from tests.encoders.conftest import FAMILIES, family, family_folder, loaded  # noqa: F401
from tests.tasks.tuning_toys import ToyTagging, classification, toy_encoder, toy_sentences, toy_texts
from tests.thinned import thinned
from transformers import AutoTokenizer

from xl_encoders import Encoder, load_encoder
from xl_tasks import TaskError
from xl_tasks.tuning.collate import collate
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.delta import adding, delta_point, delta_width
from xl_tasks.tuning.problem import Feature
from xl_tasks.tuning.task_model import TaskModel, mean_embedding_norm

AUTO = {
    "classification": transformers.AutoModelForSequenceClassification,
    "tagging": transformers.AutoModelForTokenClassification,
    "answering": transformers.AutoModelForQuestionAnswering,
}


def stub(kind: str) -> Any:
    """The part of a problem that a head is built from."""
    labels = () if kind == "answering" else ("O", "B-PER", "I-PER")
    return SimpleNamespace(kind=kind, labels=labels, n_outputs=len(labels) or 2)


def features_of(encoder, texts=("the white cat", "x", "a cat sat on the mat"), types=True) -> list[Feature]:
    rows = [encoder.tokenizer(text) for text in texts]
    return [
        Feature(
            ids=row["input_ids"],
            content=[False, *[True] * (len(row["input_ids"]) - 2), False],
            types=row.get("token_type_ids") if types else None,
            example=i,
        )
        for i, row in enumerate(rows)
    ]


def logits_of(out) -> torch.Tensor:
    return out.logits if "logits" in out else torch.stack([out.start_logits, out.end_logits], -1)


@pytest.mark.parametrize("kind", AUTO)
@pytest.mark.parametrize("family", thinned(FAMILIES, 4), indirect=True)
def test_logits_are_those_of_the_auto_class(family, kind, family_folder, request):  # noqa: F811
    folder = family_folder(request.node.callspec.params["family"])
    ours = TaskModel.of(family, stub(kind), seed=4).eval()
    options = {} if kind == "answering" else {"num_labels": 3}
    theirs = AUTO[kind].from_pretrained(folder, use_safetensors=True, **options).eval()
    # Their head is random in another way: ours is put there. Everything else comes from the folder.
    backbone = f"{theirs.base_model_prefix}."
    head = {k: v for k, v in ours.model.state_dict().items() if not k.startswith(backbone)}
    assert head
    pooler = {k: v for k, v in ours.model.state_dict().items() if ".pooler." in k}
    if request.node.callspec.params["family"] == "bert":  # saved with its LM head, and therefore without a pooler
        head |= pooler
    result = theirs.load_state_dict(head, strict=False)
    assert not result.unexpected_keys
    batch = ours.collate(features_of(family))
    inputs = {"input_ids": batch.ids, "attention_mask": batch.real.long()}
    if getattr(theirs.config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = batch.types
    with torch.no_grad():
        found, expected = ours(batch), logits_of(theirs(**inputs))
    assert found.shape == expected.shape
    if found.ndim == 3:
        found, expected = found[batch.real], expected[batch.real]
    assert torch.allclose(found, expected, atol=1e-6)
    assert ours.model.config.num_labels == stub(kind).n_outputs


@pytest.mark.parametrize("kind", AUTO)
@pytest.mark.parametrize("family", thinned(["xlmr", "bert", "canine", "xphonebert"], 4), indirect=True)
def test_saved_folder_opens_with_the_auto_class(family, kind, tmp_path):  # noqa: F811
    ours = TaskModel.of(family, stub(kind), seed=4).eval()
    ours.save(tmp_path / "model")
    assert not list((tmp_path / "model").glob("*.bin"))
    theirs, report = AUTO[kind].from_pretrained(tmp_path / "model", use_safetensors=True, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "model")
    features = features_of(family)
    assert [tokenizer(t)["input_ids"] for t in ("the white cat", "x")] == [f.ids for f in features[:2]]
    if kind != "answering":
        assert theirs.config.id2label == {0: "O", 1: "B-PER", 2: "I-PER"}
        assert theirs.config.label2id["I-PER"] == 2
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, ours.model.state_dict()[name]), name


@pytest.mark.parametrize("family", ["bert", "canine"], indirect=True)
def test_pretrained_pooler_is_taken_from_the_folder(family, tmp_path):  # noqa: F811
    """BERT's is dropped where an encoder is opened with its LM head."""
    if family.model.config.model_type == "bert":
        transformers.BertForPreTraining(family.model.config).save_pretrained(tmp_path)
        opened = transformers.BertForMaskedLM.from_pretrained(tmp_path)
    else:
        transformers.CanineModel(family.model.config).save_pretrained(tmp_path)
        opened = transformers.CanineModel.from_pretrained(tmp_path)
    encoder = Encoder(opened, family.tokenizer, name="with a pooler", max_len=32)
    ours = TaskModel.of(encoder, stub("classification"), seed=1).model.base_model.state_dict()
    saved = {k[k.index("pooler.") :]: v for k, v in load_file(tmp_path / "model.safetensors").items() if "pooler." in k}
    assert sorted(saved) == ["pooler.dense.bias", "pooler.dense.weight"]
    assert all(torch.equal(ours[name], tensor) for name, tensor in saved.items())


@pytest.mark.parametrize("family", ["bert"], indirect=True)
def test_missing_pooler_comes_from_the_seed(family, tmp_path, caplog):  # noqa: F811
    """transformers fills up what a folder lacks, with numbers of no seed; those must not get into the model."""
    caplog.set_level("INFO", "xl_tasks")
    model = transformers.BertModel(family.model.config)
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("pooler.")}
    model.save_pretrained(tmp_path, state_dict=state)
    states = []
    for _ in range(2):
        opened = transformers.BertModel.from_pretrained(tmp_path)
        encoder = Encoder(opened, family.tokenizer, name="without a pooler", max_len=32)
        states.append(TaskModel.of(encoder, stub("classification"), seed=1).model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert "has no pretrained pooler" in caplog.text


def test_head_depends_on_the_seed_alone_and_leaves_the_global_stream():
    encoder = toy_encoder()
    before = {k: v.clone() for k, v in encoder.model.state_dict().items()}
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    a = TaskModel.of(encoder, stub("tagging"), seed=5).model.get_parameter("classifier.weight")
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    b = TaskModel.of(encoder, stub("tagging"), seed=5).model.get_parameter("classifier.weight")
    c = TaskModel.of(encoder, stub("tagging"), seed=6).model.get_parameter("classifier.weight")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    model = TaskModel.of(encoder, stub("tagging"), seed=5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(v, before[k]) for k, v in encoder.model.state_dict().items())


@pytest.mark.parametrize("family", ["xlmr", "bert", "canine", "modernbert"], indirect=True)
def test_padding_and_neighbours_do_not_matter(family):  # noqa: F811
    model = TaskModel.of(family, stub("tagging"), seed=1).eval()
    features = features_of(family)
    with torch.no_grad():
        together = model(model.collate(features))
        for row, feature in zip(together, features, strict=True):
            alone = model(model.collate([feature]))[0]
            n = len(feature.ids)
            assert torch.allclose(row[:n], alone[:n], atol=1e-6)


def test_token_types_reach_the_families_that_have_them(family_folder):  # noqa: F811
    for name, has in (("bert", True), ("xlmr", False), ("distilbert", False)):
        encoder = load_encoder(str(family_folder(name)))
        model = TaskModel.of(encoder, stub("classification"), seed=1).eval()
        [feature] = features_of(encoder, ["the cat"], types=False)
        found = []
        for number in (0, 1):
            types = [number] * len(feature.ids)
            typed = Feature(ids=feature.ids, content=feature.content, types=types, example=0)
            with torch.no_grad():
                found.append(model(model.collate([typed])))
        assert torch.allclose(*found, atol=1e-7) != has, name


def test_collate_pads_on_the_right():
    features = [
        Feature(ids=[5, 6, 7], content=[False, True, False], types=[0, 1, 1], example=0),
        Feature(ids=[8], content=[True], types=[1], example=1),
    ]
    batch = collate(features, pad_id=9, multiple=4)
    assert batch.ids.tolist() == [[5, 6, 7, 9], [8, 9, 9, 9]]
    assert batch.real.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert batch.content.tolist() == [[False, True, False, False], [True, False, False, False]]
    assert batch.types is not None
    assert batch.types.tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert batch.padded
    assert not collate(features[:1], pad_id=9).padded


def test_unknown_family_is_one_sentence():
    encoder = copy.deepcopy(toy_encoder())

    kind = type(encoder.model.config)
    encoder.model.config.__class__ = type("Strange", (kind,), {"model_type": "strange"})
    with pytest.raises(TaskError, match=r"strange model, for which transformers has no AutoModelForTokenClass.*probe"):
        TaskModel.of(encoder, stub("tagging"), seed=1)


@pytest.mark.parametrize("layer", [0, 1, 3])
@pytest.mark.parametrize("family", thinned(FAMILIES, 4), indirect=True)
def test_delta_moves_embeddings_or_block_outputs(family, layer, request):  # noqa: F811
    """Against a change of the embedding table, and against the hidden states."""
    name = request.node.callspec.params["family"]
    model = TaskModel.of(family, stub("tagging"), seed=1).eval()
    batch = model.collate(features_of(family))
    if name == "canine" and layer:
        with pytest.raises(TaskError, match="perturb its layer 0"):
            model(batch, torch.zeros(1), layer)
        return
    width = delta_width(model.model, layer)
    delta = torch.randn(*batch.ids.shape, width, generator=torch.Generator().manual_seed(1)) * batch.content[..., None]
    with torch.no_grad():
        plain = model(batch)
        assert torch.equal(model(batch, torch.zeros_like(delta), layer), plain)
        moved = model(batch, delta, layer)
        assert torch.equal(model(batch), plain)  # the hook is gone
    assert not torch.allclose(moved[batch.real], plain[batch.real], atol=1e-4)
    inputs = {"input_ids": batch.ids, "attention_mask": batch.real.long(), "output_hidden_states": True}
    if layer:
        with torch.no_grad():
            before = model.model.base_model(**inputs).hidden_states
            with adding(delta_point(model.model, layer), delta):
                after = model.model.base_model(**inputs).hidden_states
        assert all(torch.equal(a, b) for a, b in zip(before[:layer], after[:layer], strict=True))
        if layer == 1:
            assert not torch.allclose(after[2][batch.real], before[2][batch.real], atol=1e-3)
        elif name != "modernbert":  # which norms its last state once more
            with torch.no_grad():
                expected = model.model.get_submodule("classifier")(before[layer] + delta)
            assert torch.allclose(moved[batch.real], expected[batch.real], atol=1e-5)
    elif name not in ("canine", "xlm"):
        words = model.model.get_input_embeddings()(batch.ids) + delta
        extra = {"token_type_ids": batch.types} if name == "bert" else {}
        with torch.no_grad():
            expected = model.model(inputs_embeds=words, attention_mask=batch.real.long(), **extra).logits
        if name in ("xlmr", "roberta", "xphonebert"):  # which count positions from the ids, unless they are given
            positions = batch.real.long().cumsum(1) * batch.real + 1
            with torch.no_grad():
                expected = model.model(
                    inputs_embeds=words, attention_mask=batch.real.long(), position_ids=positions
                ).logits
        assert torch.allclose(moved[batch.real], expected[batch.real], atol=1e-5)


def test_delta_has_a_gradient():
    encoder = toy_encoder(dropout=0.0)
    config = TuningConfig(max_len=48)
    problem = classification(encoder, config)
    model = TaskModel.of(encoder, problem, seed=1)
    features = problem.features(toy_texts(4), "eng_Latn", training=True)
    batch = model.collate(features)
    delta = torch.zeros(*batch.ids.shape, delta_width(model.model, 0), requires_grad=True)
    [slope] = torch.autograd.grad(problem.loss(model(batch, delta), problem.targets(features, 0)), [delta])
    assert (slope[batch.real].norm(dim=1) > 0).all()
    assert (slope[~batch.real] == 0).all()


@pytest.mark.parametrize("family", ["xlmr", "bert", "canine"], indirect=True)
def test_mean_embedding_norm(family, request):  # noqa: F811
    found = mean_embedding_norm(family)
    if request.node.callspec.params["family"] == "canine":
        embeddings = family.model.base_model.char_embeddings
        ids = torch.arange(4000)[None]
        with torch.no_grad():
            rows = embeddings._embed_hash_buckets(ids, 16, 2, 512)[0]
        # Hashed rows of 4000 characters against what is expected of the tables as a whole.
        assert found == pytest.approx(float(rows.square().sum(1).mean().sqrt()), rel=0.05)
        return
    table = family.model.get_input_embeddings().weight.detach().numpy()
    rows = [row for i, row in enumerate(table) if i != family.tokenizer.pad_token_id]
    assert found == pytest.approx(np.mean([np.sqrt((row**2).sum()) for row in rows]), rel=1e-5)


def test_forward_signature_of_the_hook():
    """Part of the interface that robust training is written against."""
    assert list(inspect.signature(TaskModel.forward).parameters)[1:] == ["batch", "delta", "layer"]


def test_toy_tagging_is_a_problem():
    encoder = toy_encoder()
    features = ToyTagging(encoder.tokenizer).features(toy_sentences(3), "eng_Latn", training=True)
    assert all(len(f.ids) == len(f.target) == len(f.content) for f in features)
