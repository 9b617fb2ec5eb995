"""Presets as published, and combinations that make no sense."""

import pytest

from xl_staticemb import MappingConfig, StaticembError
from xl_staticemb.mapping.config import PRESETS


def test_presets_are_those_of_the_papers() -> None:
    supervised = MappingConfig.preset("supervised")
    assert supervised == MappingConfig()
    assert (supervised.src_reweight, supervised.trg_reweight, supervised.whiten) == (0.5, 0.5, True)
    assert (supervised.src_dewhiten, supervised.trg_dewhiten, supervised.self_learning) == ("src", "trg", False)
    unsupervised = MappingConfig.preset("unsupervised")
    assert unsupervised == MappingConfig.preset("acl2018")
    learning = (unsupervised.cutoff, unsupervised.csls, unsupervised.direction, unsupervised.keep)
    assert learning == (20_000, 10, "union", 0.1)
    assert (unsupervised.keep_factor, unsupervised.interval, unsupervised.threshold) == (2.0, 50, 1e-6)
    aaai = MappingConfig.preset("aaai2018")
    assert (aaai.normalization, aaai.src_reweight, aaai.trg_reweight) == (("unit", "center"), 0, 1)
    acl = MappingConfig.preset("acl2017")
    assert (acl.dictionary, acl.map, acl.direction, acl.keep, acl.interval) == (
        "numerals", "orthogonal", "forward", 1, 1)  # fmt: skip
    assert MappingConfig.preset("acl2017_seed").dictionary == "pairs"
    assert MappingConfig.preset("emnlp2016").normalization == ("unit", "center")
    assert {MappingConfig.preset(name).self_learning for name in ("identical", "numerals", "semi_supervised")} == {True}
    assert {MappingConfig.preset(name).map for name in PRESETS} == {"advanced", "orthogonal", "unconstrained", "rcsls"}
    rcsls, muse = MappingConfig.preset("rcsls"), MappingConfig.preset("muse")
    assert (rcsls.dictionary, rcsls.csls, rcsls.cutoff, rcsls.ball) == ("pairs", 10, 200_000, "none")
    assert (muse.discriminator_width, muse.smoothing, muse.beta, muse.adversarial_words) == (2048, 0.1, 0.001, 75_000)
    assert (muse.direction, muse.keep, muse.map, muse.csls) == ("mutual", 1, "orthogonal", 10)


def test_an_option_replaces_that_of_the_preset() -> None:
    assert MappingConfig.preset("unsupervised", cutoff=0, normalization=["unit"]).normalization == ("unit",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"map": "affine"}, "map 'affine' is not known; it can be advanced, orthogonal, unconstrained, rcsls"),
        ({"normalization": ("unit", "centre")}, "normalization 'centre' is not known"),
        ({"map": "orthogonal"}, "belong to the advanced map, not to map 'orthogonal'"),
        ({"whiten": False}, "dewhiten undoes a whitening"),
        (
            {"whiten": False, "src_dewhiten": "none", "trg_dewhiten": "none", "ridge": 0.1},
            "ridge acts on the whitening",
        ),
        ({"dictionary": "unsupervised"}, "set self_learning"),
        ({"dictionary": "adversarial"}, "an adversarial start gives a poor dictionary"),
        ({"ball": "unit"}, "ball 'unit' is not known; it can be none, spectral"),
        ({"rcsls_rate": 0.0}, "rcsls_rate must be a number above 0"),
        ({"rcsls_steps": 0}, "rcsls_steps must be at least 1"),
        ({"smoothing": 0.5}, r"smoothing must lie in \[0, 0.5\), not 0.5"),
        ({"discriminator_dropout": 1.0}, r"discriminator_dropout must lie in \[0, 1\)"),
        ({"beta": float("nan")}, "beta must be a number of at least 0"),
        ({"width": -1}, "width must be at least 0, not -1"),
        ({"ridge": -0.5}, "ridge must be at least 0, or -1"),
        ({"trg_reweight": -1.0}, "trg_reweight must be a number of at least 0, not -1.0"),
        ({"keep": 0.0}, r"keep must lie in \(0, 1\]"),
        ({"keep_factor": 1.0}, "keep_factor must be above 1"),
        ({"interval": 0}, "interval must be at least 1"),
        ({"csls": -1}, "csls must be at least 0"),
        ({"precision": "float16"}, "precision 'float16' is not known"),
        ({"threshold": float("nan")}, "threshold must be at least 0"),
    ],
)
def test_senseless_options_are_refused(options: dict, words: str) -> None:
    with pytest.raises(StaticembError, match=words):
        MappingConfig(**options)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(StaticembError, match="preset 'acl2019' is not known; it can be supervised"):
        MappingConfig.preset("acl2019")
    with pytest.raises(StaticembError, match="no option 'batch'"):
        MappingConfig.preset("supervised", batch=1)
    with pytest.raises(StaticembError, match="width reduces the advanced map only"):
        MappingConfig.preset("orthogonal", width=3)
    with pytest.raises(StaticembError, match="rcsls needs neighbours"):
        MappingConfig.preset("rcsls", csls=0)
