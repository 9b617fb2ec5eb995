"""A teacher's lessons: the part's losses against the pure functions on texts embedded one by one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.conftest import TEXTS
from tests.encoders.toy_parts import gradient, make_lessons
from tests.thinned import thinned
from torch import Tensor, nn

from xl_encoders import Encoder, EncoderError, Lessons, Share, TeacherPart, VectorTail
from xl_objectives import RetainConfig, TeachConfig, retain_loss, teach_loss


def ids_of(encoder: Encoder, text: str) -> tuple[int, ...]:
    """A text with its prompt, cut before its last special."""
    first, *content, last = encoder.tokenizer(encoder.prompt + text)["input_ids"]
    return (first, *content[: encoder.max_len - 2], last)


def texts_of(part: TeacherPart, encoder: Encoder, number: int = 0) -> list[str]:
    """Which texts a batch holds, from their ids; translations, of letters that are all unknown, left out."""
    batch = part.draw(number)
    known = {ids_of(encoder, text): text for text in TEXTS}
    return [known[tuple(row.tolist())] for row in batch.rows[: len(batch.targets)]]


def embedded(encoder: Encoder, texts: list[str], layer: int, pooling: str) -> Tensor:
    """Each text alone, as `embed` gives it."""
    return torch.tensor(np.concatenate([encoder.embed([text], layer=layer, pooling=pooling) for text in texts]))


@pytest.mark.parametrize("tokens", [8192, 20])
@pytest.mark.parametrize(("layer", "pooling"), thinned([(-1, "mean-all"), (1, "mean-content"), (0, "first")], 3))
def test_losses_of_texts_embedded_alone(xlmr: Encoder, layer: int, pooling: str, tokens: int) -> None:
    xlmr.eval()
    lessons = make_lessons(xlmr.width)
    assert lessons.pivots is not None
    options: dict[str, Any] = {"layer": layer, "pooling": pooling, "batch": 6, "tokens": tokens}
    settings = TeachConfig(pivot=0.7, contrast=0.5, distance="mse", distance_weight=2.0, temperature=0.3)
    part = TeacherPart(xlmr, lessons, "teach", settings, **options)
    losses, _ = gradient(xlmr, part, {"teach": 1.0}, number=1)
    texts = texts_of(part, xlmr, 1)
    numbers = [TEXTS.index(text) for text in texts]
    translations = [lessons.pivots[number] for number in numbers]
    rows = [tuple(row.tolist()) for row in part.draw(1).rows[6:]]
    assert rows == [ids_of(xlmr, text) for text in translations]
    vectors = torch.from_numpy(lessons.vectors)
    own = torch.from_numpy(lessons.rows[numbers])
    held = torch.from_numpy(np.unique(lessons.rows))  # each translation once, those that nobody has left out
    expected = teach_loss(
        embedded(xlmr, texts, layer, pooling), vectors[own], pivots=embedded(xlmr, translations, layer, pooling),
        bank=vectors[held], own=torch.searchsorted(held, own), text_ids=torch.stack([torch.tensor(numbers), own]),
        **settings.arguments,
    )  # fmt: skip
    assert torch.allclose(losses["teach"], expected, rtol=1e-4)

    alone = Lessons(texts=TEXTS, vectors=lessons.vectors, rows=np.arange(len(TEXTS)))
    part = TeacherPart(xlmr, alone, "retain", RetainConfig(), **options)
    losses, _ = gradient(xlmr, part, {"retain": 1.0})
    texts = texts_of(part, xlmr)
    expected = retain_loss(embedded(xlmr, texts, layer, pooling), vectors[[TEXTS.index(text) for text in texts]])
    assert torch.allclose(losses["retain"], expected, rtol=1e-4)


def test_texts_are_read_as_they_will_be_embedded(xlmr: Encoder) -> None:
    """With the prompt, its tokens left out of the mean, and through what stands behind pooling."""
    xlmr.eval()
    xlmr.prompt, xlmr.pools_prompt = "ba ", False
    dense = nn.Linear(xlmr.width, xlmr.width)
    xlmr.tail = VectorTail([dense, nn.Tanh()], layer=1, pooling="mean-all")
    vectors = np.random.default_rng(0).normal(size=(len(TEXTS), xlmr.width)).astype(np.float32)
    lessons = Lessons(texts=TEXTS, vectors=vectors, rows=np.arange(len(TEXTS)))
    part = TeacherPart(xlmr, lessons, "retain", RetainConfig(distance="mse"), layer=1, batch=len(TEXTS))
    losses, found = gradient(xlmr, part, {"retain": 1.0})
    texts = texts_of(part, xlmr)
    targets = torch.tensor(vectors[[TEXTS.index(text) for text in texts]])
    expected = retain_loss(embedded(xlmr, texts, 1, "mean-all"), targets, distance="mse")
    assert torch.allclose(losses["retain"], expected, rtol=1e-4)
    assert found
    assert not any(name.startswith("tail.") for name in found)


def test_every_text_an_epoch_and_shared_by_processes(xlmr: Encoder) -> None:
    lessons = make_lessons(xlmr.width)
    settings = TeachConfig(pivot=0.0)
    part = TeacherPart(xlmr, lessons, "teach", settings, batch=5, tokens=30)
    assert part.n_per_epoch == -(-len(TEXTS) // 5)
    drawn = [texts_of(part, xlmr, number) for number in range(2 * part.n_per_epoch)]
    assert all(len(set(batch)) == 5 for batch in drawn)  # the last one of a pass filled up, no text twice
    for batches in (drawn[: part.n_per_epoch], drawn[part.n_per_epoch :]):
        assert {text for batch in batches for text in batch} == set(TEXTS)
    again = TeacherPart(xlmr, lessons, "teach", settings, batch=5, tokens=30)
    assert [texts_of(again, xlmr, number) for number in (5, 0)] == [drawn[5], drawn[0]]
    batch = part.draw(0)
    slots = [
        int(s) for rank in range(3) for chunk in part.chunks(batch, Share(rank, 3), {"teach"}) for s in chunk.slots
    ]
    assert sorted(slots) == list(range(5))
    assert part.chunks(batch, Share(), {"mlm"}) == []


def test_mined_vectors_are_the_nearest_of_each(xlmr: Encoder) -> None:
    """The bank of a batch: its own translations, and the nearest two of each, each once."""
    lessons = make_lessons(xlmr.width)
    assert lessons.nearest is not None
    part = TeacherPart(xlmr, lessons, "teach", TeachConfig(bank=3, mined=2, pivot=0.0), batch=4)
    numbers = [TEXTS.index(text) for text in texts_of(part, xlmr)]
    own = lessons.rows[numbers]
    rows = sorted({*own.tolist(), *(int(row) for each in own for row in lessons.nearest[each][:2])})
    given = part.draw(0).given
    np.testing.assert_array_equal(given["bank"].numpy(), lessons.vectors[rows])
    assert [rows[place] for place in given["own"].tolist()] == own.tolist()
    assert len(rows) < len(np.unique(lessons.rows))


def test_pairs_that_the_teacher_sees_close_stand_together(xlmr: Encoder) -> None:
    """Of a ring of translations each batch of three holds neighbours, as far as these are left."""
    n = 12
    angles = 2 * np.pi * np.arange(n) / n
    nearest = np.stack([np.roll(np.arange(n), 1), np.roll(np.arange(n), -1)], axis=1)
    vectors = np.zeros((n, xlmr.width), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    texts = [f"{TEXTS[0]} {'a' * number}" for number in range(n)]
    lessons = Lessons(texts=texts, pivots=texts, vectors=vectors, rows=np.arange(n), nearest=nearest)
    settings = TeachConfig(together=3, pivot=0.0)
    part = TeacherPart(xlmr, lessons, "teach", settings, batch=3)
    seen: list[int] = []
    n_close = 0
    for number in range(part.n_per_epoch):
        own = part.draw(number).given["text_ids"][1].tolist()
        seen += own
        n_close += sum(min(abs(a - b), n - abs(a - b)) == 1 for a in own for b in own if a < b)
    assert sorted(seen) == list(range(n))
    assert n_close >= 6  # of 12 in four batches of three pairs, two of a batch's three being neighbours of the first
    parted = TeacherPart(xlmr, lessons, "teach", replace(settings, together=0), batch=3)
    assert seen != [i for number in range(4) for i in parted.draw(number).given["text_ids"][1].tolist()]


def test_what_does_not_fit_is_refused(xlmr: Encoder) -> None:
    lessons = make_lessons(xlmr.width)
    with pytest.raises(EncoderError, match=r"the teacher's vectors have 30 dimensions and those of .* 128"):
        TeacherPart(xlmr, make_lessons(30), "teach", TeachConfig())
    with pytest.raises(EncoderError, match="needs the translation of each text"):
        TeacherPart(xlmr, replace(lessons, pivots=None), "teach", TeachConfig())
    with pytest.raises(EncoderError, match="has no texts to read"):
        TeacherPart(xlmr, replace(lessons, texts=[], pivots=[], rows=lessons.rows[:0]), "teach", TeachConfig())
    with pytest.raises(EncoderError, match="stand against"):
        replace(lessons, texts=TEXTS[:-1])
    with pytest.raises(EncoderError, match="layer 9 is out of range"):
        TeacherPart(xlmr, lessons, "teach", TeachConfig(), layer=9)
