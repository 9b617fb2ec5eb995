"""Settings of the objectives: schedules against a slow description, checks that speak of their keys, the defaults."""

import math
from dataclasses import fields
from importlib import import_module
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_objectives import (
    OBJECTIVES,
    DccaConfig,
    L2Config,
    MlmConfig,
    MseConfig,
    ObjectiveConfig,
    ObjectiveError,
    OtConfig,
    OtPairsConfig,
    SeqConfig,
    TextConfig,
    TlmConfig,
    WordNceConfig,
)

KINDS = {
    "mlm": MlmConfig,
    "seq": SeqConfig,
    "tlm": TlmConfig,
    "dcca": DccaConfig,
    "mse": MseConfig,
    "ot": OtConfig,
    "ot-pairs": OtPairsConfig,
    "l2": L2Config,
    "word-nce": WordNceConfig,
}


@given(
    n_steps=st.integers(1, 60),
    shares=st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)),
    weight=st.floats(0, 10),
    every=st.integers(1, 7),
)
def test_the_weight_of_every_step(n_steps: int, shares: tuple[int, int, int], weight: float, every: int) -> None:
    """Shares in twentieths, so that where a step lies between them can be said in whole numbers."""
    begin, end, warmup = shares
    if not begin < end or warmup > end - begin:
        with pytest.raises(ObjectiveError):
            ObjectiveConfig(begin=begin / 20, end=end / 20, warmup=warmup / 20)
        return
    config = ObjectiveConfig(weight=weight, begin=begin / 20, end=end / 20, warmup=warmup / 20, every=every)
    for step in range(n_steps):
        ours = config.weight_at(step, n_steps)
        takes_part = step % every == 0 and begin * n_steps <= 20 * step < end * n_steps
        if not takes_part:
            assert ours == 0.0
            continue
        n_climbing = warmup / 20 * n_steps
        since = step + 1 - begin / 20 * n_steps
        climbed = 1.0 if since >= n_climbing + 1 else since / (n_climbing + 1)
        assert ours == pytest.approx(weight * climbed, rel=1e-9)


def test_edges_of_a_schedule() -> None:
    """A share of the steps: of 8 steps, from a quarter to a half are the steps 2 and 3."""
    config = ObjectiveConfig(weight=3.0, begin=0.25, end=0.5)
    assert [config.weight_at(step, 8) for step in range(8)] == [0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    climbing = ObjectiveConfig(weight=4.0, begin=0.25, warmup=0.375)  # over 3 of 8 steps, never from nothing
    assert [climbing.weight_at(step, 8) for step in range(8)] == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0]
    assert [ObjectiveConfig(every=3).weight_at(step, 7) for step in range(7)] == [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    assert ObjectiveConfig().weight_at(0, 1) == 1.0
    assert ObjectiveConfig(begin=0.1, end=0.3, warmup=0.2).weight_at(9, 10) == 0.0  # 0.3 - 0.1 is rounded
    assert ObjectiveConfig(weight=0.0).weight_at(0, 1) == 0.0


@pytest.mark.parametrize("name", KINDS)
def test_checks_speak_of_their_keys(name: str) -> None:
    kind = KINDS[name]
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"weight": -1.0}, r"weight is -1.0; give 0 or more"),
        ({"weight": math.nan}, r"weight is nan; give 0 or more"),
        ({"every": 0}, r"every is 0; give 1 or more"),
        ({"batch": -1}, r"batch is -1; give 0 or more"),
        ({"begin": 0.5, "end": 0.5}, rf"begin is 0.5 and objective\.{name}\.end is 0.5; give shares with"),
        ({"end": 1.5}, r"begin is 0.0 and"),
        ({"begin": -0.1}, r"begin is -0.1 and"),
        ({"begin": 0.8, "warmup": 0.3}, r"warmup is 0.3; give a share of at most end - begin"),
    )
    for arguments, words in cases:
        with pytest.raises(ObjectiveError, match=rf"objective\.{name}\.{words}"):
            kind(**arguments)
    assert kind.key("weight") == f"objective.{name}.weight"


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("mlm", {"text": "left"}, "text is 'left'; choose one of both, original, romanised"),
        ("mlm", {"mask_prob": 0.0}, "mask_prob is 0.0; give a probability above 0"),
        ("mlm", {"mask_prob": 1.5}, "mask_prob is 1.5"),
        ("mlm", {"block": 7, "text": "original"}, "block is 7; give 8 tokens or more"),
        ("mlm", {"block": 128}, "block joins texts, so no romanisation belongs to a block; give text = original"),
        ("seq", {"similarity": "l2"}, "similarity is 'l2'; choose one of dot, cosine"),
        ("seq", {"temperature": 0.0}, "temperature is 0.0; give a number above 0"),
        ("seq", {"temperature": math.nan}, "temperature is nan"),
        ("seq", {"factor": -0.5}, "factor is -0.5; give a number above 0"),
        ("seq", {"pooling": "last"}, "pooling is 'last'"),
        ("tlm", {"truncate": "left"}, "truncate is 'left'; choose one of longest_first, right"),
        ("dcca", {"variant": "deep"}, "variant is 'deep'; choose one of subspace, classic, legacy"),
        ("dcca", {"center": "row"}, "center is 'row'; choose one of column, none, legacy"),
        ("dcca", {"precision": "float16"}, "precision is 'float16'"),
        ("dcca", {"k": -1}, "k is -1; give 0 or more"),
        ("dcca", {"r1": -1e-3}, "r1 is -0.001"),
        ("dcca", {"r2": -1e-3}, "r2 is -0.001"),
        ("dcca", {"max_len": 2}, "max_len is 2; give 3 or more"),
        ("mse", {"pooling": "max"}, "pooling is 'max'"),
        ("mse", {"scale": "none"}, "scale is 'none'; choose one of match_norm, unit"),
        ("ot", {"p": 3}, "p is 3; choose one of 1, 2"),
        ("ot-pairs", {"p": 3}, "p is 3; choose one of 1, 2"),
        ("ot", {"blur": 0.0}, "blur is 0.0; give a number above 0"),
        ("ot", {"scope": "pair"}, "scope is 'pair'; choose one of batch, sentence"),
        ("ot", {"solver": "emd"}, "solver is 'emd'; choose one of exact, sinkhorn, geomloss"),
        ("ot", {"cost": "cosine"}, "cost is 'cosine'; choose one of euclidean, gromov"),
        ("ot", {"weights": "tfidf"}, "weights is 'tfidf'; choose one of uniform, idf"),
        ("ot", {"cost": "gromov", "solver": "sinkhorn"}, "cost gromov needs solver exact, not sinkhorn"),
        ("ot", {"words": "longest"}, "words is 'longest'; choose one of last, first, mean, all"),
        ("ot", {"drift": -1.0}, "drift is -1.0; give 0 or more"),
        ("ot", {"drift_reduction": "max"}, "drift_reduction is 'max'; choose one of mean, sum"),
        ("ot", {"drift_side": "left"}, "drift_side is 'left'; choose one of pivot, both"),
        ("l2", {"words": "all"}, "words is all, but alignments name words; choose last, first or mean"),
        ("l2", {"reduction": "max"}, "reduction is 'max'; choose one of mean, sum"),
        ("word-nce", {"words": "all"}, "words is all"),
        ("word-nce", {"temperature": 0.0}, "temperature is 0.0; give a number above 0"),
        ("word-nce", {"similarity": "l2"}, "similarity is 'l2'; choose one of dot, cosine"),
        ("word-nce", {"negatives": "none"}, "negatives is 'none'; choose one of across, all"),
    ],
)
def test_each_setting_is_checked(name: str, arguments: dict, words: str) -> None:
    with pytest.raises(ObjectiveError) as caught:
        KINDS[name](**arguments)
    assert str(caught.value).startswith(f"objective.{name}.{words}")
    assert "\n" not in str(caught.value)


def test_the_defaults_are_those_that_were_decided() -> None:
    """The design's decisions 2, 3, 5 and 8, and the defaults column of the reference's tables of discrepancies."""
    seq = SeqConfig()
    assert (seq.factor, seq.similarity, seq.temperature, seq.pooling) == (0.5, "dot", 1.0, "mean-content")
    assert (seq.false_negatives, seq.layer) == (False, None)  # equal texts masked; the layer is the model's
    assert (MlmConfig().mask_prob, MlmConfig().text, MlmConfig().block) == (0.15, "both", 0)
    assert TlmConfig().truncate == "longest_first"
    dcca = DccaConfig()
    assert (dcca.variant, dcca.k, dcca.center, dcca.r1, dcca.r2) == ("subspace", 10, "", 1e-3, 1e-3)
    assert (dcca.layer, dcca.pooling, dcca.max_len) == (-1, "mean-content", 20)  # specials are no part of a word
    assert MseConfig().scale == "match_norm"
    ot = OtConfig()
    assert (ot.scope, ot.words, ot.layer, ot.p, ot.blur, ot.weights) == ("batch", "last", -1, 2, 0.05, "uniform")
    assert (ot.drift, ot.drift_reduction, ot.drift_side) == (1.0, "mean", "pivot")
    l2 = L2Config()
    assert (l2.identical, l2.one_to_one, l2.align_layer, l2.words) == (False, True, None, "last")
    assert all(kind().weight == 1.0 for kind in KINDS.values())


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_has_a_help_text(name: str) -> None:
    for field in fields(KINDS[name]):
        assert field.metadata["help"], field.name


def test_answers_that_training_would_stumble_over() -> None:
    class Silent(SeqConfig):
        contrasts: ClassVar[bool] = False

    class Strange(SeqConfig):
        takes: ClassVar[tuple[str, ...]] = ("temperatur",)

    class Nowhere(SeqConfig):
        loss: ClassVar[str] = "xl_objectives.seq:no_such_loss"

    for objective in OBJECTIVES:
        module, name = OBJECTIVES[objective].split(":")
        getattr(import_module(module), name)().check_answers()
    with pytest.raises(ObjectiveError, match="Silent models no view and contrasts nothing"):
        Silent().check_answers()
    with pytest.raises(ObjectiveError, match=r"Strange\.takes names temperatur, which seq has no setting for"):
        Strange().check_answers()
    with pytest.raises(ObjectiveError, match="names no loss"):
        TextConfig().check_answers()
    with pytest.raises(ObjectiveError, match=r"'xl_objectives\.seq:no_such_loss', which is not there"):
        Nowhere.loss_function()
