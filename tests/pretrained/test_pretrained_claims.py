"""What other tests say of random weights, said again of a real encoder, whose states are far from random ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.pretrained.sentences import SENTENCES, TEXTS
from tests.token_embeddings import token_embeddings
from xl_analysis import cka_matrix
from xl_encoders import (
    Bitext,
    BitextPart,
    Encoder,
    EncoderError,
    FitConfig,
    align_bitext,
    encode_rows,
    extend_vocabulary,
    fit,
    frozen_copy,
    load_encoder,
    split_words,
)
from xl_objectives import L2Config, OtConfig
from xl_translit import Romanizer

# Of each language; lengths and scripts differ.
SOME = [text for texts in SENTENCES.values() for text in texts[:3]]
LAST: dict[str, Any] = {"layer": -1, "pooling": "mean-all"}


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_text_has_the_same_vector_alone_in_a_batch_and_packed(pretrained: Encoder) -> None:
    together = pretrained.embed(SOME, **LAST)
    alone = np.concatenate([pretrained.embed([text], **LAST) for text in SOME])
    # Of float32 sums over 12 blocks; the numbers are about 0.3.
    np.testing.assert_allclose(together, alone, atol=2e-5)
    rows = [torch.tensor(pretrained.tokenizer(text)["input_ids"]) for text in SOME]
    with torch.inference_mode():
        states = encode_rows(pretrained, rows, {12})
    packed = torch.stack([row.mean(0) for row in states.layers[12].split(states.row_lens.tolist())])
    np.testing.assert_allclose(packed.numpy(), alone, atol=2e-5)


def test_bfloat16_keeps_the_order_of_neighbours(pretrained: Encoder) -> None:
    """8 bits of mantissa move a vector by less than a hundredth of its length, and sentences are further apart."""
    full = unit(pretrained.embed(SOME, **LAST))
    half = unit(pretrained.embed(SOME, **LAST, precision="bf16"))
    assert (full * half).sum(1).min() > 0.999
    assert ((half @ full.T).argmax(1) == np.arange(len(SOME))).all()


def test_cka_of_translations_is_above_that_of_shuffled_sentences(pretrained: Encoder) -> None:
    """Debiased, so that shuffled sentences are at 0 whatever their number is."""
    views = {code: pretrained.embed(texts, **LAST) for code, texts in SENTENCES.items()}
    mixed = np.random.default_rng(0).permutation(16)
    n = len(views)
    shuffled = {f"{code} shuffled": vectors[mixed] for code, vectors in views.items()}
    _, matrix = cka_matrix({**views, **shuffled}, debiased=True)
    off = ~np.eye(n, dtype=bool)
    assert matrix[:n, :n][off].min() > matrix[:n, n:][off].max() + 0.2


# Words that have one translation and one place, by their numbers in sentences of SENTENCES.
GOLD = {
    0: {("cat", "Katze"), ("milk", "Milch"), ("kitchen", "Küche"), ("drinks", "trinkt")},
    7: {("violin", "Geige"), ("evening", "Abend"), ("plays", "spielt")},
    12: {("moon", "Mond"), ("smaller", "kleiner"), ("earth", "Erde")},
    15: {("fire", "Feuer"), ("forest", "Wald"), ("destroyed", "zerstört")},
}


def bitext(left: str, right: str) -> Bitext:
    sides = [[[text[a:b] for a, b in split_words(text)] for text in SENTENCES[code]] for code in (left, right)]
    return Bitext(name=f"{left}-{right}", left=sides[0], right=sides[1])


def test_words_are_aligned_with_their_translations(pretrained: Encoder) -> None:
    data = bitext("eng_Latn", "deu_Latn")
    pairs = align_bitext(pretrained, data, layer=8, words="mean")
    found = {
        (number, data.left[number][a], data.right[number][b]) for number, some in enumerate(pairs) for a, b in some
    }
    wanted = {(number, *pair) for number, gold in GOLD.items() for pair in gold}
    # Chance is about one in seven words.
    assert len(found & wanted) >= 0.75 * len(wanted), sorted(wanted - found)


def test_old_pieces_keep_their_ids_and_vectors_when_the_vocabulary_grows(pretrained_folder: Path) -> None:
    encoder = load_encoder(str(pretrained_folder))
    before = encoder.tokenizer.get_vocab()
    rows = token_embeddings(encoder.model).detach().clone()
    # Texts that romanisation leaves as they are can be cut into new pieces; those of other scripts cannot.
    others = [text for code in ("rus_Cyrl", "arb_Arab", "hin_Deva", "kor_Hang") for text in SENTENCES[code]]
    vectors = encoder.embed(others, **LAST)
    grown = extend_vocabulary(encoder, Romanizer().batch, "mean")
    after = encoder.tokenizer.get_vocab()
    assert len(after) > len(before) + 1000, grown
    assert {piece: after[piece] for piece in before} == before
    now = token_embeddings(encoder.model).detach()
    torch.testing.assert_close(now[: len(rows)], rows, atol=0, rtol=0)
    np.testing.assert_allclose(encoder.embed(others, **LAST), vectors, atol=2e-5)


def found_translations(encoder: Encoder, left: str, right: str) -> int:
    a, b = (unit(encoder.embed(SENTENCES[code], **LAST)) for code in (left, right))
    return int(((a @ b.T).argmax(1) == np.arange(16)).sum())


@pytest.mark.parametrize("name", ["ot", "l2"])
def test_a_few_steps_lower_the_loss_and_keep_retrieval(pretrained_folder: Path, name: str) -> None:
    encoder = load_encoder(str(pretrained_folder))
    data = bitext("ell_Grek", "eng_Latn")
    config = L2Config() if name == "l2" else OtConfig()
    if name == "l2":
        data = replace(data, alignments=align_bitext(encoder, data, layer=8, words="last"))
    part = BitextPart(encoder, [data], name, config, batch=16)
    losses: list[float] = []
    fit(
        encoder,
        [part],
        {name: config},
        n_steps=4,
        config=FitConfig(lr=2e-5, warmup=0),
        on_step=lambda record: losses.append(record.losses[name]),
    )
    assert losses[-1] < losses[0]
    assert found_translations(encoder.eval(), "ell_Grek", "eng_Latn") >= 15


def test_an_encoder_without_a_trained_head_is_refused_for_mlm(pretrained_folder: Path) -> None:
    with pytest.raises(EncoderError, match="no trained masked-LM head"):
        load_encoder(str(pretrained_folder), with_head=True)


def test_a_probe_knows_languages_better_than_the_majority(pretrained: Encoder) -> None:
    """Nearest mean of half of the sentences, 12 languages at layer 2: chance is one in twelve."""
    vectors = unit(pretrained.embed(TEXTS, layer=2, pooling="mean-content")).reshape(12, 16, -1)
    means = vectors[:, ::2].mean(1)
    held_out = vectors[:, 1::2]
    nearest = (held_out @ means.T).argmax(-1)
    assert (nearest == np.arange(12)[:, None]).mean() > 0.8


def test_a_frozen_copy_gives_the_same_vectors(pretrained: Encoder) -> None:
    np.testing.assert_array_equal(frozen_copy(pretrained).embed(SOME, **LAST), pretrained.embed(SOME, **LAST))
