"""Static word vectors: the part's losses against the pure functions on words embedded one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.encoders.toy_parts import WORDS, gradient, make_vectors
from tests.thinned import thinned

from xl_encoders import Encoder, EncoderError, Share, VectorPart
from xl_encoders.training.vector_part import TeacherWords
from xl_objectives import DccaConfig, MseConfig, dcca_loss, mse_loss


def embedded(encoder: Encoder, words: list[str], layer: int, pooling: str) -> torch.Tensor:
    """Each word alone, without any batch."""
    return torch.tensor(np.concatenate([encoder.embed([word], layer=layer, pooling=pooling) for word in words]))


def words_of(part: VectorPart, encoder: Encoder, number: int = 0) -> list[str]:
    """Which words a batch holds, from their ids."""
    known = {tuple(encoder.tokenizer(word)["input_ids"]): word for word in WORDS}
    return [known[tuple(row.tolist())] for row in part.draw(number).rows]


def targets_of(words: TeacherWords, chosen: list[str]) -> torch.Tensor:
    """Their vectors, of length 1."""
    vectors = torch.tensor(words.vectors[[WORDS.index(word) for word in chosen]])
    return vectors / vectors.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("tokens", [8192, 20])
@pytest.mark.parametrize(("layer", "pooling"), thinned([(-1, "mean-content"), (1, "mean-all"), (0, "first")], 3))
def test_dcca_of_words_encoded_alone(xlmr: Encoder, layer: int, pooling: str, tokens: int) -> None:
    xlmr.eval()
    vectors = make_vectors(30)
    plain = DccaConfig(layer=layer, pooling=pooling, precision="float64", k=5)
    classic = replace(plain, variant="classic", k=0, r1=0.1, r2=0.2)
    for settings in (plain, classic, replace(plain, variant="legacy", k=3)):
        part = VectorPart(xlmr, vectors, "dcca", settings, batch=12, tokens=tokens)
        losses, _ = gradient(xlmr, part, {"dcca": 1.0}, number=1)
        chosen = words_of(part, xlmr, 1)
        expected = dcca_loss(
            embedded(xlmr, chosen, layer, pooling), targets_of(vectors, chosen), precision="float64",
            k=settings.k or None, variant=settings.variant, r1=settings.r1, r2=settings.r2,
        )  # fmt: skip
        assert torch.allclose(losses["dcca"], expected.float(), rtol=1e-4)


@pytest.mark.parametrize("scale", ["match_norm", "unit"])
def test_mse_of_words_encoded_alone(xlmr: Encoder, scale: str) -> None:
    """The targets have length 1, or the mean length of all words before training."""
    vectors = make_vectors(xlmr.width)
    part = VectorPart(xlmr.train(), vectors, "mse", MseConfig(scale=scale, layer=1), batch=6, tokens=20)
    assert xlmr.training
    xlmr.eval()
    chosen = words_of(part, xlmr)
    ours, _ = gradient(xlmr, part, {"mse": 1.0})
    norm = embedded(xlmr, WORDS, 1, "mean-content").norm(dim=1).mean() if scale == "match_norm" else 1.0
    targets = norm * targets_of(vectors, chosen)
    expected = (embedded(xlmr, chosen, 1, "mean-content") - targets).square().mean()
    assert torch.allclose(ours["mse"], expected, rtol=1e-5)
    with torch.no_grad():  # the length is that of the start, wherever the encoder goes
        for parameter in xlmr.model.get_submodule("roberta.encoder.layer.0").parameters():
            parameter *= 1.5
    later, _ = gradient(xlmr, part, {"mse": 1.0})
    moved = embedded(xlmr, chosen, 1, "mean-content")
    assert torch.allclose(later["mse"], (moved - targets).square().mean(), rtol=1e-5)
    pure = mse_loss(moved, targets, scale=scale, norm=float(norm) if scale == "match_norm" else None)
    assert torch.allclose(later["mse"], pure, rtol=1e-5)


def test_targets_have_length_one_and_no_gradient(xlmr: Encoder) -> None:
    vectors = make_vectors(30)
    vectors.vectors[3] = 0.0
    part = VectorPart(xlmr, vectors, "dcca", DccaConfig(k=2), batch=len(WORDS))
    batch = part.draw(0)
    chosen = words_of(part, xlmr)
    norms = batch.targets.norm(dim=1)
    expected = torch.tensor([0.0 if word == WORDS[3] else 1.0 for word in chosen])
    assert torch.allclose(norms, expected, atol=1e-6)
    assert not batch.targets.requires_grad


def test_every_word_an_epoch_and_shared_by_processes(xlmr: Encoder) -> None:
    """The last batch of a pass is filled up with words of the next one."""
    part = VectorPart(xlmr, make_vectors(30), "dcca", DccaConfig(k=2), batch=7, tokens=9)
    assert part.n_per_epoch == -(-len(WORDS) // 7)
    drawn = [words_of(part, xlmr, number) for number in range(2 * part.n_per_epoch)]
    assert {len(batch) for batch in drawn} == {7}
    for batches in (drawn[: part.n_per_epoch], drawn[part.n_per_epoch :]):
        words = [word for batch in batches for word in batch]
        assert sorted(set(words)) == WORDS
    batch = part.draw(0)
    slots = [int(s) for rank in range(3) for chunk in part.chunks(batch, Share(rank, 3), {"dcca"}) for s in chunk.slots]
    assert sorted(slots) == list(range(7))
    assert part.chunks(batch, Share(), {"mlm"}) == []


def test_long_words_are_cut_and_counted(xlmr: Encoder) -> None:
    vectors = make_vectors(30)
    lengths = [len(xlmr.tokenizer(word)["input_ids"]) for word in WORDS]
    part = VectorPart(xlmr, vectors, "dcca", DccaConfig(k=2, max_len=4), batch=5)
    assert part.n_cut == sum(length > 4 for length in lengths) > 0
    assert max(len(row) for n in range(part.n_per_epoch) for row in part.draw(n).rows) == 4


def test_languages_are_drawn_with_a_temperature(xlmr: Encoder) -> None:
    """Three words of one language against the rest: at a high temperature both have about as many draws."""
    groups = np.array([0] * 3 + [1] * (len(WORDS) - 3))
    vectors = TeacherWords(words=WORDS, vectors=make_vectors(30).vectors, groups=groups)
    part = VectorPart(xlmr, vectors, "dcca", DccaConfig(k=2), batch=6, temperature=1000.0)
    drawn = [word in WORDS[:3] for n in range(part.n_per_epoch) for word in words_of(part, xlmr, n)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.1)


def test_vectors_of_another_width_are_refused_by_mse_alone(xlmr: Encoder) -> None:
    with pytest.raises(EncoderError, match=r"the vectors have 30 dimensions and .* 128; take dcca"):
        VectorPart(xlmr, make_vectors(30), "mse", MseConfig())
    with pytest.raises(EncoderError, match="layer 9 is out of range"):
        VectorPart(xlmr, make_vectors(30), "dcca", DccaConfig(layer=9))
