"""Rows without padding: the same states and gradients as padded passes of the library itself, row by row."""

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.thinned import thinned
from tokenizers import Tokenizer, models
from torch import Tensor
from torch.nn import functional
from transformers import (
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    CamembertConfig,
    CamembertForMaskedLM,
    CanineConfig,
    CanineModel,
    CanineTokenizer,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMConfig,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaXLConfig,
    XLMRobertaXLForMaskedLM,
    XLMWithLMHeadModel,
)

from xl_encoders import Encoder, EncoderError, encode_rows, supports_packing
from xl_encoders.model import packed_attention

_PIECES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz0123456789"]
_SHAPE: dict[str, Any] = {
    "vocab_size": len(_PIECES), "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 40, "max_position_embeddings": 64, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip

# Four places to each side, and every third layer without a window.
_WINDOWS: dict[str, Any] = {"local_attention": 8, "global_attn_every_n_layers": 3}
_XLM_IDS: dict[str, Any] = {"pad_index": 1}

PACKED: dict[str, Callable[[], PreTrainedModel]] = {
    "xlm-roberta": lambda: XLMRobertaForMaskedLM(XLMRobertaConfig(**_SHAPE)),
    "roberta": lambda: RobertaForMaskedLM(RobertaConfig(**_SHAPE, type_vocab_size=1)),
    "camembert": lambda: CamembertForMaskedLM(CamembertConfig(**_SHAPE)),
    "xlm-roberta-xl": lambda: XLMRobertaXLForMaskedLM(XLMRobertaXLConfig(**_SHAPE)),
    "bert": lambda: BertForMaskedLM(BertConfig(**_SHAPE)),
    "electra": lambda: ElectraForMaskedLM(ElectraConfig(**_SHAPE, embedding_size=16)),
    "distilbert": lambda: DistilBertForMaskedLM(
        DistilBertConfig(
            vocab_size=len(_PIECES),
            dim=32,
            n_layers=3,
            n_heads=4,
            hidden_dim=40,
            max_position_embeddings=64,
            pad_token_id=1,
        )
    ),
    "modernbert": lambda: ModernBertForMaskedLM(ModernBertConfig(**_SHAPE, **_WINDOWS, cls_token_id=0, sep_token_id=2)),
}
PADDED: dict[str, Callable[[], PreTrainedModel]] = {
    "xlm": lambda: XLMWithLMHeadModel(
        XLMConfig(vocab_size=len(_PIECES), emb_dim=32, n_layers=3, n_heads=4, max_position_embeddings=64, **_XLM_IDS)
    ),
    "canine": lambda: CanineModel(
        CanineConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=40,
            num_hash_functions=2,
            max_position_embeddings=512,
            num_hash_buckets=512,
            local_transformer_stride=16,
        )
    ),
}
LENGTHS = (7, 19, 3, 32, 0, 19, 18, 42, 1, 5, 31, 17, 14, 19)


def make_encoder(family: str) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = {**PACKED, **PADDED}[family]().eval()
        for parameter in model.parameters():  # no bias is zero, no scale one: each matters
            parameter.data += 0.05 * torch.randn_like(parameter)
    if family == "canine":
        return Encoder(model, CanineTokenizer(), name=family, max_len=500)
    names = {piece.strip("</>"): piece for piece in _PIECES[:5]}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({p: i for i, p in enumerate(_PIECES)}, unk_token="<unk>")),
        bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", unk_token="<unk>",
        pad_token=names["pad"], mask_token=names["mask"],
    )  # fmt: skip
    return Encoder(model, tokenizer, name=family, max_len=48)


def make_rows(lengths: Sequence[int] = LENGTHS, seed: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, len(_PIECES), (n,), generator=generator) for n in lengths]


def one_by_one(encoder: Encoder, rows: Sequence[Tensor], layer: int) -> Tensor:
    """The library's own forward on each row alone, without padding and without a mask."""
    states = [encoder(row[None], torch.ones(1, len(row), dtype=torch.bool))[layer][0] for row in rows if len(row)]
    return torch.cat(states)


def gradients(encoder: Encoder, loss: Tensor) -> dict[str, Tensor]:
    encoder.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


def weighted(states: Mapping[int, Tensor]) -> Tensor:
    """A scalar to which every state of every layer counts, each with a weight of its own."""
    generator = torch.Generator().manual_seed(9)
    parts = [(x.float() * torch.randn(x.shape, generator=generator)).sum() for x in states.values()]
    return torch.stack(parts).sum()


def assert_same_gradients(a: dict[str, Tensor], b: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    assert a.keys() == b.keys()
    for name, gradient in a.items():
        scale = max(1.0, float(gradient.abs().max()))  # sums over some hundred tokens reach tens
        assert (gradient - b[name]).abs().max() <= tolerance * scale, name


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("family", thinned(PACKED, 4))
def test_states_and_gradients_equal_the_library_row_by_row(family: str, packed: bool) -> None:
    encoder, rows = make_encoder(family), make_rows()
    assert supports_packing(encoder)
    layers = range(encoder.n_layers + 1)
    read = encode_rows(encoder, rows, layers, packed=packed)
    assert read.row_lens.tolist() == list(LENGTHS)
    expected = {layer: one_by_one(encoder, rows, layer) for layer in layers}
    for layer in layers:
        assert torch.allclose(read.layers[layer], expected[layer], atol=1e-5)  # float32
    assert_same_gradients(gradients(encoder, weighted(expected)), gradients(encoder, weighted(read.layers)))


def test_a_padding_id_within_a_row_counts_as_the_library_counts_it() -> None:
    """Masking may draw any id. The RoBERTa family gives a padding id no position of its own."""
    encoder, rows = make_encoder("xlm-roberta"), make_rows((6, 9))
    rows[0][2] = rows[1][0] = rows[1][4] = 1
    for packed in (True, False):
        read = encode_rows(encoder, rows, [3], packed=packed)
        assert torch.allclose(read.layers[3], one_by_one(encoder, rows, 3), atol=1e-5)


@pytest.mark.parametrize("family", PADDED)
def test_families_without_a_packed_way_are_read_padded(family: str) -> None:
    lengths = (7, 130, 1, 200) if family == "canine" else [n for n in LENGTHS if n]
    encoder, rows = make_encoder(family), make_rows(lengths)
    assert not supports_packing(encoder)
    layers = range(encoder.n_layers + 1)
    read = encode_rows(encoder, rows, layers)
    for layer in layers:
        if family == "canine":  # depends on the length of its padding, so each row is padded as it is alone
            alone = [encoder.pad([row]) for row in rows]
            expected = torch.cat([encoder(one.ids, one.real)[layer][one.real] for one in alone])
        else:
            expected = one_by_one(encoder, rows, layer)
        assert torch.allclose(read.layers[layer], expected, atol=1e-5)
    with pytest.raises(EncoderError, match=rf"{family} \(.*\) cannot read packed rows; leave packed at None or False"):
        encode_rows(encoder, rows, [1], packed=True)


def test_a_decoder_is_not_packed() -> None:
    encoder = make_encoder("bert")
    encoder.model.config.is_decoder = True
    assert not supports_packing(encoder)


@settings(max_examples=25, deadline=None)
@example([2, 1, 3], "bert", random.Random(1))  # going back is the same exchange of tokens, and yet not nothing
@given(st.lists(st.integers(0, 46), max_size=9), st.sampled_from(["bert", "modernbert", "xlm-roberta"]), st.randoms())
def test_any_lengths_in_any_order(lengths: list[int], family: str, shuffler: random.Random) -> None:
    encoder, rows = _cached(family), make_rows(lengths, seed=len(lengths))
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    with torch.no_grad():
        read = encode_rows(encoder, rows, [-1, 0])
        shuffled = encode_rows(encoder, [rows[i] for i in order], [-1])
    assert list(read.layers) == [0, 3]
    assert read.row_lens.tolist() == lengths
    assert len(read.layers[0]) == sum(lengths)
    parts = read.layers[3].split(lengths) if lengths else []
    for i, part in zip(order, shuffled.layers[3].split([lengths[i] for i in order]) if lengths else [], strict=True):
        assert torch.allclose(part, parts[i], atol=1e-5)
    if sum(lengths):
        assert torch.allclose(read.layers[3], one_by_one(encoder, rows, 3).detach(), atol=1e-5)


_ENCODERS: dict[str, Encoder] = {}


def _cached(family: str) -> Encoder:
    if family not in _ENCODERS:
        _ENCODERS[family] = make_encoder(family)
    return _ENCODERS[family]


@pytest.mark.parametrize("packed", [True, False])
def test_no_rows_and_rows_of_no_tokens(packed: bool) -> None:
    encoder = make_encoder("bert")
    for rows in ([], make_rows((0, 0))):
        read = encode_rows(encoder, rows, [0, 2], packed=packed)
        assert read.row_lens.tolist() == [0] * len(rows)
        assert {layer: states.shape for layer, states in read.layers.items()} == {0: (0, 32), 2: (0, 32)}
    assert encode_rows(encoder, make_rows((1,)), [1], packed=packed).layers[1].shape == (1, 32)
    assert encode_rows(encoder, make_rows((4,)), [], packed=packed).layers == {}


@pytest.mark.parametrize("packed", [True, False])
def test_rows_that_are_too_long_are_named(packed: bool) -> None:
    with pytest.raises(EncoderError, match="row 1 has 63 tokens, but xlm-roberta has positions for 62"):
        encode_rows(make_encoder("xlm-roberta"), make_rows((3, 63)), [1], packed=packed)


def test_layers_out_of_range_are_refused() -> None:
    with pytest.raises(EncoderError, match="layer 4 is out of range"):
        encode_rows(make_encoder("bert"), make_rows(), [4])


def test_grad_mode_is_the_callers() -> None:
    encoder, rows = make_encoder("bert"), make_rows()
    assert encode_rows(encoder, rows, [3]).layers[3].requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            states = encode_rows(encoder, rows, [3]).layers[3]
        assert not states.requires_grad
        assert torch.allclose(states, one_by_one(encoder, rows, 3), atol=1e-5)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_the_models_own_attention_is_left_as_it_was(implementation: str, tmp_path: Path) -> None:
    encoder, other, rows = make_encoder("bert"), make_encoder("roberta"), make_rows()
    encoder.model.set_attn_implementation(implementation)
    ids = rows[1][None]
    before = encoder.model(input_ids=ids).logits
    kept = encode_rows(encoder, rows, [3])
    encode_rows(other, rows, [3])
    assert encoder.model.config._attn_implementation == implementation
    assert torch.equal(encoder.model(input_ids=ids).logits, before)
    kept.layers[3].sum().backward()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    block = encoder.model.base_model.get_submodule("encoder.layer.1")
    handle = block.register_forward_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        encode_rows(encoder, rows, [3])
    handle.remove()
    assert encoder.model.config._attn_implementation == implementation

    def save(*_: object) -> None:
        assert encoder.model.config._attn_implementation == packed_attention.NAME
        encoder.model.save_pretrained(tmp_path)

    handle = block.register_forward_hook(save)
    encode_rows(encoder, rows, [3])  # saved in the middle of a packed pass
    handle.remove()
    assert packed_attention.NAME not in (tmp_path / "config.json").read_text()
    assert AutoModel.from_pretrained(tmp_path).config._attn_implementation == "sdpa"


def test_attention_without_a_layout_says_what_to_do() -> None:
    encoder = make_encoder("bert")
    encoder.model.config._attn_implementation = packed_attention.NAME
    with pytest.raises(EncoderError, match="needs the rows' layout"):
        encoder.model(input_ids=make_rows((4,))[0][None])


def test_autocast_computes_in_half_precision() -> None:
    encoder, rows = make_encoder("xlm-roberta"), make_rows()
    exact = encode_rows(encoder, rows, [3]).layers[3]
    seen = []
    query = encoder.model.base_model.get_submodule("encoder.layer.0.attention.self.query")
    with torch.autocast("cpu", torch.bfloat16):
        handle = query.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
        packed = encode_rows(encoder, rows, [3]).layers[3]
        handle.remove()
        padded = encode_rows(encoder, rows, [3], packed=False).layers[3]
    assert seen == [torch.bfloat16]
    noise = (padded.float() - exact).abs().mean()
    assert noise > 0
    # As near to float32 as the library's own pass under autocast is, up to the chance of rounding.
    assert (packed.float() - exact).abs().mean() < 1.25 * noise
    packed.float().sum().backward()


def test_autocast_gradients_are_as_near_as_the_librarys() -> None:
    encoder, rows = make_encoder("xlm-roberta"), make_rows()
    exact = gradients(encoder, weighted(encode_rows(encoder, rows, [3]).layers))
    errors = {}
    for packed in (True, False):
        with torch.autocast("cpu", torch.bfloat16):
            loss = weighted(encode_rows(encoder, rows, [3], packed=packed).layers)
        own = gradients(encoder, loss)
        errors[packed] = sum(float((own[name] - exact[name]).square().sum()) for name in exact) ** 0.5
    assert errors[True] < 1.25 * errors[False]


@pytest.mark.parametrize("family", thinned(["xlm-roberta", "modernbert", "distilbert", "bert"], 4))
@pytest.mark.parametrize("reentrant", [False, True])
def test_recomputed_activations_give_the_same_gradients(family: str, reentrant: bool) -> None:
    """The second computation happens in the backward pass, with the same attention and the same dropout."""
    encoder, rows = make_encoder(family), make_rows()
    encoder.train()
    found = []
    for checkpointing in (False, True):
        if checkpointing:
            # The method's older name gives a warning where the newer one exists.
            model = encoder.model
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable({"use_reentrant": reentrant})
        functions = [getattr(m, "_gradient_checkpointing_func", None) for m in encoder.model.modules()]
        torch.manual_seed(3)
        loss = weighted(encode_rows(encoder, rows, [3]).layers)
        assert [getattr(m, "_gradient_checkpointing_func", None) for m in encoder.model.modules()] == functions
        found.append(gradients(encoder, loss))
        assert encoder.model.config._attn_implementation == "sdpa"
    plain, recomputed = found
    assert_same_gradients(plain, recomputed)


def only_attention_dropout(probability: float) -> Encoder:
    encoder = make_encoder("bert")
    for name, module in encoder.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = probability if name.endswith("attention.self.dropout") else 0.0
    return encoder.train()


def test_attention_dropout_acts_in_training_and_only_there() -> None:
    encoder, rows = only_attention_dropout(0.3), make_rows()

    def states(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return encode_rows(encoder, rows, [3]).layers[3].detach()

    assert torch.equal(states(1), states(1))
    assert not torch.allclose(states(1), states(2), atol=1e-3)
    encoder.eval()
    assert torch.equal(states(1), states(2))


@pytest.mark.parametrize("half", [False, True])
def test_dropout_of_one_row_is_the_librarys_own(half: bool) -> None:
    encoder, rows = only_attention_dropout(0.3), make_rows((17,))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        torch.manual_seed(4)
        packed = encode_rows(encoder, rows, [3]).layers[3].float()
        torch.manual_seed(4)
        library = one_by_one(encoder, rows, 3).float()
        torch.manual_seed(5)
        other = one_by_one(encoder, rows, 3).float()
    assert torch.allclose(packed, library, atol=0.06 if half else 1e-5)  # bfloat16 has three digits
    assert (packed - library).abs().mean() < 0.2 * (packed - other).abs().mean()


def slow_attention(query: Tensor, key: Tensor, value: Tensor, row_lens: Sequence[int], window: int | None) -> Tensor:
    """Softmax attention by loops over rows and heads; (tokens, heads, head_width) each."""
    outs, first = [], 0
    for n in row_lens:
        q, k, v = (x[first : first + n].double() for x in (query, key, value))
        near = torch.tensor([[window is None or abs(i - j) < window for j in range(n)] for i in range(n)])
        heads = [
            ((0.3 * q[:, h] @ k[:, h].T).masked_fill(~near, -torch.inf)).softmax(-1) @ v[:, h]
            for h in range(q.shape[1])
        ]
        outs.append(torch.stack(heads, 1))
        first += n
    return torch.cat(outs)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=8).map(lambda ns: sorted(ns, reverse=True)),
    st.sampled_from([None, 2, 4]),
    st.booleans(),
)
def test_attention_equals_a_loop_over_rows(row_lens: list[int], window: int | None, half: bool) -> None:
    torch.manual_seed(len(row_lens))
    dtype = torch.bfloat16 if half else torch.float32
    q, k, v = states = [torch.randn(1, 2, sum(row_lens), 4).to(dtype).requires_grad_() for _ in range(3)]
    layout = packed_attention.row_layout(row_lens, torch.device("cpu"))
    out, _ = packed_attention.packed_attention(
        torch.nn.Identity(), q, k, v, None, scaling=0.3, sliding_window=window, xl_layout=layout
    )
    tokens = [x.detach()[0].transpose(0, 1).requires_grad_() for x in states]
    expected = slow_attention(*tokens, row_lens, window)
    tolerance = 0.04 if half else 1e-5  # bfloat16: 2^-8 of values up to 4, twice rounded
    assert torch.allclose(out[0].double(), expected, atol=tolerance)
    weights = torch.randn(expected.shape, dtype=torch.float64)
    (out[0].double() * weights).sum().backward()
    (expected * weights).sum().backward()
    for ours, slow in zip(states, tokens, strict=True):
        assert ours.grad is not None
        assert slow.grad is not None
        assert torch.allclose(ours.grad[0].transpose(0, 1).double(), slow.grad.double(), atol=5 * tolerance)


def test_rows_come_in_few_blocks_with_little_padding() -> None:
    row_lens = sorted((torch.arange(200) % 120 + 8).tolist(), reverse=True)
    layout = packed_attention.row_layout(row_lens, torch.device("cpu"))
    assert sum(layout.sizes) == sum(row_lens)
    assert len(layout.blocks) <= 12  # 120 different lengths
    assert sum(block.n_rows * block.length for block in layout.blocks) < 1.2 * sum(row_lens)
    assert layout.row_starts.tolist() == [0, *torch.tensor(row_lens).cumsum(0).tolist()]
    assert [b.real for b in packed_attention.row_layout([5] * 7, torch.device("cpu")).blocks] == [None]


def test_the_variable_length_kernel_gets_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CUDA would be called with, here answered by a loop: row starts, scale, window on both sides."""
    calls = []

    def varlen(q: Tensor, k: Tensor, v: Tensor, starts_q: Tensor, starts_k: Tensor, max_q: int, max_k: int, **options):
        assert starts_q.dtype == starts_k.dtype == torch.int32
        assert q.shape == k.shape == v.shape
        calls.append(options["window_size"])
        row_lens = starts_q.diff().tolist()
        assert max_q == max_k == max(row_lens)
        outs = []
        for part in zip(*(x.split(row_lens) for x in (q, k, v)), strict=True):
            places = torch.arange(len(part[0]))
            left, right = options["window_size"]
            distance = places[:, None] - places
            mask = (distance <= left) & (-distance <= right) if left >= 0 else None
            q_row, k_row, v_row = (x.transpose(0, 1)[None] for x in part)
            outs.append(
                functional.scaled_dot_product_attention(q_row, k_row, v_row, attn_mask=mask, scale=options["scale"])
            )
        return torch.cat([out[0].transpose(0, 1) for out in outs])

    encoder, rows = make_encoder("modernbert"), make_rows()
    expected = encode_rows(encoder, rows, [3]).layers[3]
    monkeypatch.setattr(packed_attention, "_varlen", lambda query, dropout: varlen)
    assert torch.allclose(encode_rows(encoder, rows, [3]).layers[3], expected, atol=1e-5)
    assert calls == [(-1, -1), (4, 4), (4, 4)]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler looks, nobody asked for it
@pytest.mark.slow
def test_compiled_blocks_give_the_same_states() -> None:
    encoder, rows = make_encoder("xlm-roberta"), make_rows()
    compiled = copy.deepcopy(encoder)
    for layer in compiled.model.base_model.get_submodule("encoder.layer").children():
        layer.compile(backend="eager", dynamic=True)
    expected = gradients(encoder, weighted(encode_rows(encoder, rows, [3]).layers))
    found = gradients(compiled, weighted(encode_rows(compiled, rows, [3]).layers))
    assert_same_gradients(expected, found)


@pytest.mark.gpu
@pytest.mark.parametrize("family", PACKED)
@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_on_cuda(family: str, precision: torch.dtype | None) -> None:
    encoder, rows = make_encoder(family), make_rows()
    exact = {layer: states.detach() for layer, states in encode_rows(encoder, rows, [3]).layers.items()}
    encoder.to("cuda")
    errors = []
    for packed in (True, False):
        with torch.autocast("cuda", precision or torch.bfloat16, enabled=precision is not None):
            states = encode_rows(encoder, rows, [3], packed=packed).layers[3]
        assert states.device.type == "cuda"
        states.float().square().sum().backward()
        assert all(p.grad.isfinite().all() for p in encoder.parameters() if p.grad is not None)
        errors.append(float((states.float().cpu() - exact[3]).abs().mean()))
    assert errors[0] < 1.5 * errors[1] + 1e-4
