"""Whether two readings agree, by closed forms and slow loops; and that what is wrong is found."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tests.encoders.toy_parts import small_encoder

from xl_encoders import Encoder
from xl_encoders.agreement.measures import agreement, cache_difference
from xl_encoders.agreement.ways import alone, by_sentence_transformers, exported, packed
from xl_encoders.config import POOLINGS

TEXTS = ["dog", "a cat and a dog", "", "the bird sees the cat", "Dog!", "cat cat cat cat cat cat cat"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return small_encoder(dropout=0.1)


def by_hand(states: np.ndarray, content: np.ndarray, pooling: str) -> np.ndarray:
    """Pooling of one text token by token: (len, width) and (len,) -> (width,)."""
    if pooling == "max":
        return np.array([max(column) for column in states.T])
    total, weight = np.zeros(states.shape[1]), 0.0
    for place, state in enumerate(states, 1):
        counted = {
            "mean-content": bool(content[place - 1]), "mean-all": 1, "mean-sqrt": 1, "mean-weighted": place,
            "first": place == 1, "last": place == len(states),
        }[pooling]  # fmt: skip
        total += counted * state
        weight += counted
    return total / (np.sqrt(weight) if pooling == "mean-sqrt" else max(weight, 1))


def test_agreement_is_what_it_says() -> None:
    reference = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    turned = np.array([[5.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    found = agreement(reference, turned)
    assert (found.n, found.worst) == (4, 2)
    assert found.least_cosine == pytest.approx(np.sqrt(0.5))
    assert found.difference == pytest.approx(2 * np.sin(np.pi / 8))  # the chord of 45 degrees
    # nearest others before: 2, 2, 0 or 1, any; after: 2, any of three (all 0), 0, any
    assert found.same_nearest == pytest.approx(0.75)
    assert agreement(reference, 3 * reference).difference == pytest.approx(0, abs=1e-12)
    spoiled = reference.copy()
    spoiled[1, 0] = np.nan
    assert np.isnan(agreement(reference, spoiled).difference)


@pytest.mark.parametrize("pooling", [*POOLINGS, "max,mean-all,last"])
def test_all_ways_give_the_vectors_of_one_text_a_pass(encoder: Encoder, pooling: str, tmp_path: Path) -> None:
    reference = alone(encoder, TEXTS, layer=1, pooling=pooling)
    slow = []
    for text in TEXTS:
        encoded = encoder.tokenizer(
            text, return_tensors="pt", return_special_tokens_mask=True, truncation=True, max_length=encoder.max_len
        )
        content = ~encoded.pop("special_tokens_mask")[0].bool()  # an unknown piece is content
        with torch.no_grad():
            encoder.eval()
            states = encoder.model.base_model(**encoded, output_hidden_states=True).hidden_states[1][0]
        slow.append(np.concatenate([by_hand(states.numpy(), content.numpy(), name) for name in pooling.split(",")]))
    assert reference == pytest.approx(np.stack(slow), abs=1e-6)
    others = [
        encoder.embed(TEXTS, layer=1, pooling=pooling),
        packed(encoder, TEXTS, layer=1, pooling=pooling),
        exported(encoder, TEXTS, tmp_path / "out", layer=1, pooling=pooling, prompts={}),
        by_sentence_transformers(tmp_path / "out", TEXTS, prompt="", device="cpu"),
        SentenceTransformer(str(tmp_path / "out"), device="cpu").encode(TEXTS, show_progress_bar=False),
    ]
    for other in others:
        assert other is not None
        assert agreement(reference, other).difference < 1e-4


def test_the_cache_is_found_right_and_a_wrong_one_wrong(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{text} {n}" for n in range(4) for text in TEXTS]
    others = [text.upper() for text in texts]
    apart, n_passes = cache_difference(encoder, texts, others)
    assert n_passes > 2
    assert apart < 1e-4
    assert all(each.grad is None for each in encoder.parameters())

    from xl_encoders.agreement import measures

    right = measures.backward_batch

    def other_dropout(*given: object, cached: bool, seed: int, **more: object) -> object:
        return right(*given, cached=cached, seed=seed + cached, **more)  # ty: ignore[invalid-argument-type]

    monkeypatch.setattr(measures, "backward_batch", other_dropout)
    assert cache_difference(encoder, texts, others)[0] > 0.05
