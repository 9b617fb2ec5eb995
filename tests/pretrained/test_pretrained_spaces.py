"""What the spaces of a real encoder show, with nothing trained: layers, transport, static words, mining, export."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pretrained.sentences import SENTENCES, TEXTS
from tests.pretrained.test_pretrained_claims import GOLD, unit
from xl_analysis import linear_cka
from xl_encoders import Encoder, StaticTeacher, TeacherWords, VectorPart, export_transformers, load_encoder, split_words
from xl_objectives import DccaConfig, MseConfig, ot_loss
from xl_staticemb import X2StaticConfig, extract
from xl_tasks import EmbeddingCache
from xl_tasks.scoring.margin import mine

N = 16


@pytest.fixture(scope="module")
def layers(pretrained: Encoder) -> dict[int, np.ndarray]:
    """(12, 16, 384) vectors of all sentences, by layer: embeddings, two thirds of the depth, the last."""
    asked = (0, 8, 12)
    found = EmbeddingCache().embed(pretrained, TEXTS, layers=asked, pooling="mean-all")
    return {layer: vectors.reshape(12, N, -1) for layer, vectors in zip(asked, found, strict=True)}


def test_the_last_layer_of_a_sentence_encoder_is_best(layers: dict[int, np.ndarray]) -> None:
    """Over all 132 directions, in how many of 16 the translation is nearest: chance is one."""
    found = {}
    for layer, vectors in layers.items():
        sides = [unit(side) for side in vectors]
        hits = [(a @ b.T).argmax(1) == np.arange(N) for a in sides for b in sides if a is not b]
        found[layer] = float(np.mean(hits))
    assert found[12] > 0.95
    assert found[12] > found[8] > found[0] + 0.1, found


def test_cka_sees_no_rotation_of_real_states(layers: dict[int, np.ndarray]) -> None:
    vectors = layers[12][0].astype(np.float64)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(384, 384)))[0]
    assert linear_cka(vectors, 3 * vectors @ turn + 5) == pytest.approx(1, abs=1e-9)
    # The directions of real states are far from evenly long, so that centring is most of the work.
    assert linear_cka(vectors, layers[12][1]) < 0.999


def test_mining_finds_the_pairs_among_sentences_without_a_partner(layers: dict[int, np.ndarray]) -> None:
    """Twelve sentences a side, eight of them translations of one another, at every margin above the rest."""
    codes = list(SENTENCES)
    for one, other in (("eng_Latn", "fra_Latn"), ("kor_Hang", "ell_Grek"), ("hin_Deva", "rus_Cyrl")):
        first, second = (layers[12][codes.index(code)] for code in (one, other))
        pairs = mine(first[:12], second[4:], k=4)
        best = {(int(a), int(b) + 4) for a, b in zip(pairs.first[:8], pairs.second[:8], strict=True)}
        assert len(best & {(row, row) for row in range(4, 12)}) >= 7, (one, other)


def words_of(encoder: Encoder, text: str) -> tuple[list[str], torch.Tensor]:
    """Words of a text and the means of their pieces at layer 8, by the tokenizer's own offsets."""
    spans = split_words(text)
    encoded = encoder.tokenizer(text, return_offsets_mapping=True)
    with torch.inference_mode():
        [states] = encoder.model(torch.tensor([encoded["input_ids"]]), output_hidden_states=True).hidden_states[8]
    members = [
        [place for place, (a, b) in enumerate(encoded["offset_mapping"]) if b > start and a < end and b > a]
        for start, end in spans
    ]
    return [text[a:b] for a, b in spans], torch.stack([states[places].mean(0) for places in members])


@pytest.mark.parametrize("p", [1, 2])
def test_the_plan_puts_words_on_their_translations(pretrained: Encoder, p: int) -> None:
    """And its value is POT's; of a side with itself it is 0, and both ways it is one."""
    ot = pytest.importorskip("ot")
    found, wanted = set(), {(number, *pair) for number, gold in GOLD.items() for pair in gold}
    for number in GOLD:
        (left, x), (right, y) = (words_of(pretrained, SENTENCES[code][number]) for code in ("eng_Latn", "deu_Latn"))
        masks = [torch.ones(1, len(side), dtype=torch.bool) for side in (x, y)]
        value, plan = ot_loss(x[None], y[None], *masks, p=p, scope="sentence", return_plan=True)
        best = plan[0].argmax(1)
        found |= {(number, word, right[int(place)]) for word, place in zip(left, best, strict=True)}
        distances = torch.cdist(x.double(), y.double()).numpy()
        costs = distances if p == 1 else distances**2 / 2
        exact = ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), costs)
        assert float(value) == pytest.approx(exact, rel=1e-4)
        assert float(ot_loss(y[None], x[None], *masks[::-1], p=p)) == pytest.approx(exact, rel=1e-4)
        assert float(ot_loss(x[None], x[None], masks[0], masks[0], p=p)) == pytest.approx(0, abs=1e-4)
    # Chance is about one in seven words.
    assert len(found & wanted) >= 0.75 * len(wanted), sorted(wanted - found)


@pytest.fixture(scope="module")
def static(pretrained: Encoder) -> dict[str, dict[str, np.ndarray]]:
    """Means of the states of each word at layer 8, of either language by itself."""
    settings = X2StaticConfig(method="aggregate", min_count=1, lower="none")
    found = {}
    for code in ("eng_Latn", "deu_Latn"):
        done = extract(list(SENTENCES[code]), StaticTeacher(pretrained, 8), settings, words=split_words)
        assert done is not None
        found[code] = dict(zip(done.vectors.words, unit(done.vectors.matrix), strict=True))
    return found


def test_static_words_have_their_translations_as_neighbours(static: dict[str, dict[str, np.ndarray]]) -> None:
    """Among some eighty German words, without any mapping: those of an encoder lie in one space already."""
    words = list(static["deu_Latn"])
    assert len(words) > 60
    matrix = np.stack([static["deu_Latn"][word] for word in words])
    pairs = [pair for gold in GOLD.values() for pair in gold]
    nearest = {word: words[int((matrix @ static["eng_Latn"][word]).argmax())] for word, _ in pairs}
    assert sum(nearest[word] == other for word, other in pairs) >= 0.6 * len(pairs), nearest


@pytest.mark.parametrize("name", ["dcca", "mse"])
def test_static_vectors_pull_a_real_encoder(
    pretrained_folder: Path, static: dict[str, dict[str, np.ndarray]], name: str
) -> None:
    """The loss is that of the states that `transformers` gives, in its bounds, and a step down its slope lowers it."""
    encoder = load_encoder(str(pretrained_folder))
    words = list(static["eng_Latn"])[:40]
    vectors = np.stack([static["eng_Latn"][word] for word in words])
    k = 5
    settings = DccaConfig(layer=8, k=k, precision="float64") if name == "dcca" else MseConfig(layer=8, scale="unit")
    data = TeacherWords(words=words, vectors=vectors, groups=np.zeros(len(words), dtype=np.int64))
    part = VectorPart(encoder, data, name, settings, batch=len(words))
    before = loss_of(encoder, part, name)
    batch = part.draw(0)
    with torch.inference_mode():
        states = torch.stack([
            encoder.model(row[None], output_hidden_states=True).hidden_states[8][0, 1:-1].mean(0) for row in batch.rows
        ])  # fmt: skip
    if name == "mse":
        wanted = float((states - batch.targets).square().mean())
    else:
        bases = [np.linalg.svd(side - side.mean(0), full_matrices=False)[0][:, :k]
                 for side in (states.double().numpy(), batch.targets.double().numpy())]  # fmt: skip
        wanted = -float(np.linalg.svd(np.concatenate(bases, 1), compute_uv=False)[:k].sum())
        assert -k * 2**0.5 <= before <= -k
    assert before == pytest.approx(wanted, rel=1e-4)
    with torch.no_grad():
        weights = [p for p in encoder.parameters() if p.grad is not None]
        size = torch.stack([p.grad.norm() for p in weights if p.grad is not None]).norm()
        for parameter in weights:
            assert parameter.grad is not None
            parameter -= 0.02 * parameter.grad / size
    assert loss_of(encoder, part, name) < before


def loss_of(encoder: Encoder, part: VectorPart, name: str) -> float:
    from tests.encoders.toy_parts import gradient

    return float(gradient(encoder, part, {name: 1.0})[0][name])


def test_an_exported_layer_gives_the_same_vectors_when_it_is_opened_again(
    pretrained: Encoder, layers: dict[int, np.ndarray], tmp_path: Path
) -> None:
    export_transformers(pretrained, tmp_path / "out", layer=8)
    again = load_encoder(str(tmp_path / "out"))
    assert again.n_layers == 8
    np.testing.assert_allclose(again.embed(TEXTS[:N], layer=-1, pooling="mean-all"), layers[8][0], atol=2e-5)
