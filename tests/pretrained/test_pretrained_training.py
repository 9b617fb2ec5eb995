"""Training by transliteration on a real encoder: its losses by slow formulas, and that steps lower all of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from tests.encoders.toy_parts import gradient
from tests.encoders.training.test_text_part import JOINED, LATIN, ORIGINAL, Fixed, library_loss, losses_of
from tests.pretrained.sentences import ROMANISED, SENTENCES
from tests.pretrained.test_pretrained_claims import bitext, unit
from tests.token_embeddings import token_embeddings
from xl_encoders import BitextPart, Encoder, FitConfig, TextPart, encode_pairs, fit, load_encoder
from xl_encoders.training.text_part import MaskedRows
from xl_objectives import MlmConfig, OtConfig, SeqConfig, TlmConfig

# Sentences that are trained on; the others are held out.
N = 4
GREEK = SENTENCES["ell_Grek"]


@pytest.fixture
def headed(pretrained_folder: Path) -> Encoder:
    """With a masked-LM head tied to the embeddings, as the encoder had one before it was made one of sentences."""
    base = load_encoder(str(pretrained_folder))
    config = base.model.config
    assert isinstance(config, BertConfig)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForMaskedLM(config)
    model.bert.load_state_dict({name: value for name, value in base.model.state_dict().items() if "pooler" not in name})
    model.tie_weights()
    with torch.no_grad():
        torch.nn.init.eye_(model.cls.predictions.transform.dense.weight)
    return Encoder(model.eval(), base.tokenizer, name="headed")


def slow_seq(encoder: Encoder, batch: MaskedRows) -> float:
    """Equation 1 of Xhelili et al. 2024 by two loops in float64, over rows that are read one at a time."""
    specials = torch.tensor([encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id])
    vectors: list[np.ndarray] = []
    for view, row in zip(batch.views, batch.rows, strict=True):
        if view != JOINED:
            with torch.inference_mode():
                [states] = encoder.model.base_model(row[None]).last_hidden_state
            vectors.append(states[~torch.isin(row, specials)].double().mean(0).numpy())
    total = 0.0
    for i, vector in enumerate(vectors):
        partner = (i + N) % (2 * N)
        others = [np.exp(vector @ other) for j, other in enumerate(vectors) if j != i]
        total -= vector @ vectors[partner] - np.log(sum(others))
    return 0.5 * total / (2 * N)


def own_and_others(encoder: Encoder) -> tuple[float, float]:
    """Of held-out sentences: how often the transliteration is nearest, and how much nearer it is than others are."""
    sides = [unit(encoder.embed(texts[N:], layer=-1, pooling="mean-content")) for texts in (GREEK, ROMANISED)]
    cosines = sides[0] @ sides[1].T
    own = np.diag(cosines)
    return float((cosines.argmax(1) == np.arange(len(own))).mean()), float((own - cosines.mean(1)).mean())


def test_steps_of_mlm_seq_and_tlm(headed: Encoder) -> None:
    """Held-out sentences come nearer to their transliterations too; random weights only learn what they are shown."""
    objectives = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}
    pairs = encode_pairs(GREEK[:N], ROMANISED[:N], headed.tokenizer, headed.max_len)
    part = TextPart(headed, Fixed(pairs.batch(range(N))), objectives, layer=12)
    batch = part.draw(0)
    before = {name: float(loss) for name, loss in losses_of(headed, part).items()}
    with torch.inference_mode():
        sides = [float(library_loss(headed, batch, view)) for view in (ORIGINAL, LATIN, JOINED)]
    assert before["mlm"] == pytest.approx(sides[0] + sides[1], rel=1e-4)
    assert before["tlm"] == pytest.approx(sides[2], rel=1e-4)
    assert before["seq"] == pytest.approx(slow_seq(headed, batch), rel=1e-4)
    found, margin = own_and_others(headed)
    assert found >= 0.4  # chance is one in twelve: the encoder has read romanised Greek before
    fit(headed, [part], objectives, n_steps=3, config=FitConfig(lr=5e-5, warmup=0))
    headed.eval()
    after = {name: float(loss) for name, loss in losses_of(headed, part).items()}
    assert all(after[name] < before[name] for name in objectives), (before, after)
    found_then, margin_then = own_and_others(headed)
    assert found_then >= found
    assert margin_then > margin


def test_states_know_the_word_that_is_masked(pretrained: Encoder) -> None:
    """At layer 8 the embedding of the masked piece scores above most others of the text's pieces; random weights cannot
    tell, so that its place is the middle of them. The last layer, made for whole sentences, has forgotten half of it.
    """
    text = " ".join(SENTENCES["eng_Latn"][:5])
    ids = torch.tensor(pretrained.tokenizer(text)["input_ids"])
    n = len(ids) - 2
    masked = ids.repeat(n, 1)
    masked[torch.arange(n), torch.arange(1, n + 1)] = pretrained.tokenizer.mask_token_id
    with torch.inference_mode():
        states = pretrained(masked, torch.ones_like(masked, dtype=torch.bool))[8]
    states = states[torch.arange(n), torch.arange(1, n + 1)]
    pieces, gold = ids[1:-1].unique(return_inverse=True)
    rows = token_embeddings(pretrained.model).detach()[pieces]
    scores = (states - states.mean(0)) @ (rows - rows.mean(0)).T
    better = (scores > scores[torch.arange(n), gold][:, None]).float().mean(1)
    assert float(better.mean()) < 0.35


def test_drift_is_nothing_before_training(pretrained_folder: Path) -> None:
    """Also of real states, of which no coordinate is near 0; transport between languages is far from nothing."""
    encoder = load_encoder(str(pretrained_folder))
    part = BitextPart(encoder, [bitext("ell_Grek", "eng_Latn")], "ot", OtConfig(), batch=2)
    losses, _ = gradient(encoder, part, {"ot": 1.0, "ot-drift": 1.0})
    assert float(losses["ot-drift"]) == pytest.approx(0, abs=1e-8)
    assert float(losses["ot"]) > 1
    with torch.no_grad():
        token_embeddings(encoder.model).mul_(1.01)
    assert float(gradient(encoder, part, {"ot": 1.0, "ot-drift": 1.0})[0]["ot-drift"]) > 1e-6
