"""What the tests of the training engine share: a tiny encoder, one part of every kind, its gradient."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.encoders.conftest import TEXTS
from xl_encoders import (
    AttentionPart,
    Bitext,
    BitextPart,
    CorpusBatches,
    Encoder,
    LengthBatches,
    Lessons,
    MaskedBitextPart,
    ModelConfig,
    Part,
    Share,
    TeacherPart,
    TextPart,
    VectorPart,
    align_bitext,
    backward_batch,
    encode_pairs,
    new_encoder,
)
from xl_encoders.training.vector_part import TeacherWords
from xl_objectives import (
    AttentionConfig,
    DccaConfig,
    L2Config,
    MlmConfig,
    MseConfig,
    ObjectiveConfig,
    OtConfig,
    OtPairsConfig,
    RetainConfig,
    SentenceNceConfig,
    SeqConfig,
    TeachConfig,
    TeacherConfig,
    TlmConfig,
    WeamConfig,
    WordNceConfig,
)
from xl_objectives.settings.bitext import BitextConfig

ROMANISED = [text.swapcase() for text in TEXTS]
LEFT = [text.split() for text in TEXTS]
RIGHT = [text.upper().split()[::-1] for text in TEXTS]
WORDS = sorted({word for text in TEXTS for word in text.split()})

# What one stream can train: objectives with settings, by name of the whole.
KINDS: dict[str, dict[str, ObjectiveConfig]] = {
    "seq": {"seq": SeqConfig()},
    "mlm+seq+tlm": {"mlm": MlmConfig(weight=0.5), "seq": SeqConfig(weight=2.0, pooling="mean-all"), "tlm": TlmConfig()},
    "seq, projected": {"seq": SeqConfig(projector=150), "mlm": MlmConfig()},
    "seq+tlm, options": {
        "seq": SeqConfig(random_negatives=3, pooling="first", similarity="cosine", temperature=0.5),
        "tlm": TlmConfig(form="native", positions="reset"),
    },
    "dcca": {"dcca": DccaConfig(k=5)},
    "mse": {"mse": MseConfig(weight=10.0)},
    "ot": {"ot": OtConfig()},
    "ot, by sentence": {"ot": OtConfig(words="all", weights="idf", scope="sentence", drift_side="both")},
    "ot, sinkhorn": {"ot": OtConfig(words="mean", solver="sinkhorn", blur=0.5, drift_reduction="sum", drift=0.01)},
    "l2": {"l2": L2Config(identical=True)},
    "word-nce": {"word-nce": WordNceConfig(identical=True, drift=0.1)},
    "word-nce, projected": {"word-nce": WordNceConfig(identical=True, projector=9)},
    "sentence-nce": {"sentence-nce": SentenceNceConfig(drift=0.1)},
    "sentence-nce, projected": {"sentence-nce": SentenceNceConfig(projector=9)},
    "ot-pairs, projected": {"ot-pairs": OtPairsConfig(by="contrast", projector=9)},
    "teach": {"teach": TeachConfig()},
    "teach, mined": {"teach": TeachConfig(bank=1, mined=2, together=2, distance="mse", pivot=0.0, temperature=0.5)},
    "retain": {"retain": RetainConfig(weight=5.0)},
    "attention": {"attention": AttentionConfig()},
    "weam": {"weam": WeamConfig(mask_prob=0.4)},
}


_JOINED: dict[type, type] = {AttentionConfig: AttentionPart, WeamConfig: MaskedBitextPart}

# Kinds whose losses are sums over passes: no vectors to compare.
SUMS = ("attention", "weam")


def small_encoder(dropout: float = 0.1) -> Encoder:
    """An XLM-R shape of two blocks, in training mode."""
    return new_encoder(TEXTS, ModelConfig(size="tiny", pieces=120, max_len=24, dropout=dropout), seed=3).train()


def make_vectors(width: int) -> TeacherWords:
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), width)).astype(np.float32)
    return TeacherWords(words=WORDS, vectors=vectors, groups=np.zeros(len(WORDS), dtype=np.int64))


def make_lessons(width: int) -> Lessons:
    """Texts with translations, one of which several texts have, and a teacher's vectors of these."""
    generator = np.random.default_rng(1)
    rows = np.minimum(np.arange(len(TEXTS)), len(TEXTS) - 3)
    nearest = np.stack([generator.permutation([n for n in range(len(TEXTS)) if n != row]) for row in range(len(TEXTS))])
    return Lessons(
        texts=TEXTS,
        pivots=[ROMANISED[row] for row in rows],
        vectors=generator.normal(size=(len(TEXTS), width)).astype(np.float32),
        rows=rows,
        nearest=nearest,
    )


def make_part(encoder: Encoder, kind: str, *, batch: int = 8, tokens: int = 60, seed: int = 1) -> Part:
    """The part of KINDS that `kind` names, on the toy texts. tokens: most of a forward pass."""
    objectives = KINDS[kind]
    name, settings = next(iter(objectives.items()))
    if isinstance(settings, MlmConfig | SeqConfig | TlmConfig):
        corpus = encode_pairs(TEXTS, ROMANISED, encoder.tokenizer, encoder.max_len)
        batches = CorpusBatches(corpus, LengthBatches(corpus.lengths, batch=batch, seed=seed))
        return TextPart(encoder, batches, objectives, layer=1, tokens=tokens, seed=seed)
    if isinstance(settings, DccaConfig | MseConfig):
        vectors = make_vectors(30 if name == "dcca" else encoder.width)
        # Words are short: a quarter of the tokens makes about as many passes of them as of sentences.
        return VectorPart(encoder, vectors, name, settings, batch=batch, tokens=max(1, tokens // 4), seed=seed)
    if isinstance(settings, TeacherConfig):
        lessons = make_lessons(encoder.width)
        tokens = tokens if settings.encodes_pivots else max(1, tokens // 4)  # half as many rows
        return TeacherPart(encoder, lessons, name, settings, layer=1, batch=batch, tokens=tokens, seed=seed)
    bitext = Bitext(name="a-b", left=LEFT, right=RIGHT)
    short = Bitext(name="c-b", left=LEFT[:5], right=RIGHT[1:6])
    if settings.needs_alignments:
        bitext, short = (replace(one, alignments=align_bitext(encoder, one, layer=2)) for one in (bitext, short))
    kind: Any = BitextPart if isinstance(settings, BitextConfig) else _JOINED[type(settings)]
    return kind(encoder, [bitext, short], name, settings, batch=batch, tokens=tokens, seed=seed)


def weights_of(part: Part, kind: str) -> dict[str, float]:
    """Factor of each loss of a part, as the first step of a run has it."""
    return {name: term.factor * KINDS[kind][term.objective].weight for name, term in part.terms.items()}


def gradient(
    encoder: Encoder,
    part: Part,
    weights: Mapping[str, float],
    *,
    number: int = 0,
    share: Share | None = None,
    seed: int = 5,
    cached: bool = False,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Losses of batch `number` and the gradient that this process adds, by name of the parameter."""
    encoder.zero_grad(set_to_none=True)
    losses = backward_batch(
        part, part.draw(number), weights, share=share or Share(), seed=seed, cached=cached,
        backward=lambda loss: loss.backward(), autocast=nullcontext, width=encoder.width, device=encoder.device,
    )  # fmt: skip
    return losses, gradients_of(encoder)


def gradients_of(encoder: Encoder) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


def state_of(encoder: Encoder) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two models are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def assert_near(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], rel: float = 1e-5) -> None:
    """Equal to `rel` of each tensor's norm; a tenth of that of the norm of all, where a tensor is rounding alone."""
    assert ours.keys() == theirs.keys()
    total = torch.stack([tensor.norm() for tensor in theirs.values()]).norm()
    for name, tensor in theirs.items():
        distance = (ours[name] - tensor).norm()
        assert distance <= rel * (tensor.norm() + total / 10), (name, float(distance), float(tensor.norm()))
