"""Sums of states against `Encoder.forward`, token by token; the protocol of xl_staticemb."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from tests.encoders.conftest import FAMILIES, TEXTS
from tests.thinned import thinned

from xl_encoders import EncoderError, StaticTeacher, load_encoder
from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.model.static_teacher import static_layer
from xl_encoders.reading.tokens import encode_content, wrap_rows
from xl_staticemb import X2StaticConfig, extract

FIELDS = ("content", "n_content", "special", "n_special", "spans", "n_tokens", "ends")


def words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+", text)]


def forward(encoder, text: str, layer: int) -> np.ndarray:
    """(len, width) states of one text alone, specials included."""
    rows, _ = encode_content(encoder.tokenizer, [text], encoder.max_len)
    batch = encoder.pad(wrap_rows(rows, encoder.tokenizer))
    with torch.inference_mode(), evaluation_mode(encoder):
        return encoder(batch.ids, batch.real)[layer][batch.real].numpy()


@pytest.mark.parametrize("layer", [0, 1, -1])
def test_sums_are_those_of_the_states(xlmr, layer):
    teacher = StaticTeacher(xlmr, layer, max_len=24)
    spans = [[*words(text), (0, len(text))] for text in TEXTS]
    found = teacher(TEXTS, spans)
    place = 0
    for i, text in enumerate(TEXTS):
        states = forward(xlmr, text, xlmr.resolve_layer(layer))
        assert found.n_content[i] == len(states) - 2
        assert found.n_special[i] == 2
        assert found.ends[i] == len(text)
        np.testing.assert_allclose(found.content[i], states[1:-1].sum(0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.special[i], states[[0, -1]].sum(0), rtol=1e-4, atol=1e-4)
        own = xlmr.word_vectors([text], layer=layer, how="mean", words=[words(text)])[0]
        n = len(own.vectors)
        assert found.n_tokens[place : place + n].tolist() == own.n_tokens.tolist()
        means = found.spans[place : place + n] / found.n_tokens[place : place + n, None]
        np.testing.assert_allclose(means, own.vectors, rtol=1e-4, atol=1e-4)
        place += n + 1
    assert place == len(found.spans)


@pytest.mark.parametrize("family", thinned(FAMILIES, 3))
def test_every_family_gives_the_sums_of_its_states(family_folder, family):
    encoder = load_encoder(str(family_folder(family)))
    teacher = StaticTeacher(encoder)
    text = "white cat"
    found = teacher([text, "the mat"], [[(0, 5), (0, len(text))], []])
    states = forward(encoder, text, teacher.layer)
    np.testing.assert_allclose(found.content[0] + found.special[0], states.sum(0), rtol=1e-3, atol=1e-3)
    assert found.spans.shape == (2, encoder.width)
    assert 0 < found.n_tokens[0] < found.n_tokens[1] <= found.n_content[0]


def test_without_spans_the_sums_are_the_same(xlmr):
    teacher = StaticTeacher(xlmr, max_len=24)
    bare, full = (teacher(TEXTS, [part(text) for text in TEXTS]) for part in (lambda _: [], words))
    for name in ("content", "n_content", "special", "n_special", "ends"):
        np.testing.assert_allclose(getattr(bare, name), getattr(full, name), rtol=1e-5, atol=1e-6)
    assert len(bare.spans) == 0


def test_a_long_text_is_read_to_its_last_whole_word(xlmr):
    text = TEXTS[-1]
    whole = StaticTeacher(xlmr, max_len=24)([text], [words(text)])
    for room in range(1, int(whole.n_content[0])):
        teacher = StaticTeacher(xlmr, max_len=room + 2)
        cut = teacher([text], [words(text)])
        assert cut.n_content[0] == room
        read = np.cumsum(whole.n_tokens) <= room
        n_read = int(read.sum())
        assert cut.ends[0] == (words(text)[n_read - 1][1] if n_read else 0)
        assert (cut.n_tokens[read] == whole.n_tokens[read]).all()
        assert cut.n_tokens.sum() == room
        assert teacher([text], [[]]).ends[0] == cut.ends[0]


def test_no_texts_give_no_sums(xlmr):
    found = StaticTeacher(xlmr)([], [])
    assert [len(getattr(found, name)) for name in FIELDS] == [0] * 7


def test_layer_by_default_is_six_of_twelve_or_half():
    assert [static_layer(n) for n in (1, 2, 4, 6, 11, 12, 24)] == [1, 1, 2, 3, 5, 6, 6]


def test_what_there_is_not_is_refused(xlmr):
    with pytest.raises(EncoderError, match="layer 9 is out of range"):
        StaticTeacher(xlmr, 9)
    with pytest.raises(EncoderError, match="max_len is 1000"):
        StaticTeacher(xlmr, max_len=1000)
    with pytest.raises(EncoderError, match="fp16, which needs a GPU"):
        StaticTeacher(xlmr, precision="fp16")
    with pytest.raises(EncoderError, match="1 lists of spans for 2 texts"):
        StaticTeacher(xlmr)(["a", "b"], [[]])


def test_fingerprint_tells_layer_length_and_weights(xlmr):
    first = StaticTeacher(xlmr, 1).fingerprint
    assert StaticTeacher(xlmr, 1).fingerprint == first
    others = [StaticTeacher(xlmr, 2).fingerprint, StaticTeacher(xlmr, 1, max_len=10).fingerprint]
    with torch.no_grad():
        next(xlmr.parameters()).add_(1e-3)
    others.append(StaticTeacher(xlmr, 1).fingerprint)
    assert len({first, *others}) == 4


def test_bf16_is_close_and_the_result_float32(xlmr):
    full = StaticTeacher(xlmr)(TEXTS, [words(text) for text in TEXTS])
    half = StaticTeacher(xlmr, precision="bf16")(TEXTS, [words(text) for text in TEXTS])
    assert half.content.dtype == np.float32
    assert 0 < np.abs(full.content - half.content).max() < 0.05 * np.abs(full.content).max()


@pytest.mark.parametrize("context", thinned(["all", "exclude_target", "no_special"], 3))
def test_contexts_of_an_encoder_are_means_of_its_states(xlmr, context, tmp_path):
    config = X2StaticConfig(context=context, min_count=1, epochs=1, subsample=0)
    lines = [text for text in TEXTS if len(text.split()) > 1]
    teacher = StaticTeacher(xlmr, 1, max_len=24)
    assert extract(lines, teacher, config, folder=tmp_path / "c") is not None
    from safetensors.numpy import load_file

    part = load_file(tmp_path / "c" / "part-000000.safetensors")
    vocabulary = [line.split("\t")[0] for line in (tmp_path / "c" / "words.tsv").read_text("utf-8").splitlines()]
    for word, row, unit in zip(part["words"], part["rows"], part["units"], strict=True):
        line = lines[unit]
        states = forward(xlmr, line, 1)
        if context == "exclude_target":
            start = line.lower().split().index(vocabulary[word])
            if line.lower().split().count(vocabulary[word]) > 1:
                continue
            place = words(line)[start]
            sums = teacher([line], [[place]])
            states = (states.sum(0) - sums.spans[0])[None] / (len(states) - sums.n_tokens[0])
        elif context == "no_special":
            states = states[1:-1]
        np.testing.assert_allclose(part["vectors"][row].astype(np.float32), states.mean(0), rtol=2e-3, atol=2e-3)


def test_settings_stay_as_they_were(xlmr):
    xlmr.train()
    StaticTeacher(xlmr)(["white cat"], [[]])
    assert xlmr.training
    assert dataclasses.is_dataclass(StaticTeacher(xlmr)(["white cat"], [[]]))


@pytest.mark.gpu
def test_sums_on_a_gpu_are_those_of_the_cpu(xlmr):
    spans = [words(text) for text in TEXTS]
    cpu = StaticTeacher(xlmr)(TEXTS, spans)
    gpu = StaticTeacher(xlmr.to("cuda"))(TEXTS, spans)
    np.testing.assert_allclose(cpu.spans, gpu.spans, rtol=1e-3, atol=1e-3)
