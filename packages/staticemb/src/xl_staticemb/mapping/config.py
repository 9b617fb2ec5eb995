"""What a mapping does and does not do: the options of VecMap's framework, and its presets by name."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.descent.config import BALLS, DescentOptions

ACTIONS = ("unit", "center", "unitdim", "centeremb")
DICTIONARIES = ("pairs", "identical", "numerals", "unsupervised", "adversarial")
WITHOUT_PAIRS = ("unsupervised", "adversarial")  # starts from the vectors alone
MAPS = ("advanced", "orthogonal", "unconstrained", "rcsls")
DIRECTIONS = ("union", "mutual", "forward", "backward")
PRECISIONS = ("float32", "bfloat16")
SIDES = ("none", "src", "trg")

# told while a mapping is learnt: iteration, objective, probability that a score is kept, best objective so far; during
# an adversarial start the steps so far, the last epoch's criterion, nan, the best criterion
Progress = Callable[[int, float, float, float], None]


@dataclass(frozen=True, kw_only=True)
class MappingConfig(DescentOptions):
    """Options of `learn_mapping`; `preset` gives the published combinations. Raises StaticembError for senseless ones.

    Sources: Artetxe et al. 2018 (AAAI), the multi-step framework; Artetxe et al. 2018 (ACL), self-learning with a
    stochastic dictionary and the unsupervised start; Conneau et al. 2018, CSLS and the adversarial start; Joulin et al.
    2018, RCSLS.
    """

    normalization: tuple[str, ...] = field(
        default=("unit", "center", "unit"),
        metadata={
            "help": "actions on both vocabularies before anything else, in order: unit, center, unitdim, centeremb"
        },
    )
    dictionary: str = field(
        default="pairs",
        metadata={"help": "first dictionary: pairs (that are given), identical, numerals, unsupervised or adversarial"},
    )
    unsupervised_words: int = field(
        default=4000, metadata={"help": "most frequent words of each side that the unsupervised start compares, >= 1"}
    )
    unsupervised_precision: str = field(
        default="float32", metadata={"help": "float32 or float64: precision of the unsupervised start's products"}
    )
    map: str = field(default="advanced", metadata={"help": "final map: advanced, orthogonal, unconstrained or rcsls"})
    whiten: bool = field(default=True, metadata={"help": "advanced: decorrelate both sides before they are rotated"})
    src_reweight: float = field(default=0.5, metadata={"help": "advanced: exponent of the singular values, source"})
    trg_reweight: float = field(default=0.5, metadata={"help": "advanced: exponent of the singular values, target"})
    src_dewhiten: str = field(
        default="src", metadata={"help": "advanced: whose whitening is undone on the source side: src, trg or none"}
    )
    trg_dewhiten: str = field(
        default="trg", metadata={"help": "advanced: whose whitening is undone on the target side: src, trg or none"}
    )
    width: int = field(
        default=0, metadata={"help": "advanced: dimensions of the shared space that are kept, 0 for all"}
    )
    ridge: float = field(
        default=-1.0,
        metadata={
            "help": "whitening: share of the mean squared singular value added to each, >= 0; "
            "-1 adds nothing unless the dictionary is too small for its width"
        },
    )
    self_learning: bool = field(
        default=False, metadata={"help": "induce the dictionary again from each map until nothing improves"}
    )
    cutoff: int = field(
        default=20_000,
        metadata={
            "help": "self-learning, neighbours of rcsls, and scores of a map onto a pivot: most frequent words of each "
            "side, 0 for all"
        },
    )
    csls: int = field(default=10, metadata={"help": "self-learning and rcsls: neighbours of CSLS, 0 for plain cosines"})
    direction: str = field(
        default="union",
        metadata={
            "help": "self-learning: pairs of the search forward, backward, or of both: their union, or the mutual ones"
        },
    )
    keep: float = field(
        default=0.1, metadata={"help": "self-learning: probability at first that a score is kept, in (0, 1]"}
    )
    keep_factor: float = field(
        default=2.0, metadata={"help": "self-learning: growth of that probability when nothing improves, > 1"}
    )
    interval: int = field(
        default=50, metadata={"help": "self-learning: iterations without improvement before it grows, >= 1"}
    )
    threshold: float = field(default=1e-6, metadata={"help": "self-learning: least gain that is an improvement, >= 0"})
    max_iterations: int = field(default=0, metadata={"help": "self-learning: iterations at most, 0 for no limit"})
    precision: str = field(
        default="float32",
        metadata={"help": "self-learning: float32, or bfloat16 to find candidates, which are then scored in float32"},
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "normalization", tuple(self.normalization))
        for action in self.normalization:
            _known("normalization", action, ACTIONS)
        _known("dictionary", self.dictionary, DICTIONARIES)
        _known("unsupervised_precision", self.unsupervised_precision, ("float32", "float64"))
        _known("map", self.map, MAPS)
        _known("src_dewhiten", self.src_dewhiten, SIDES)
        _known("trg_dewhiten", self.trg_dewhiten, SIDES)
        _known("direction", self.direction, DIRECTIONS)
        _known("precision", self.precision, PRECISIONS)
        _require(self.unsupervised_words >= 1, f"unsupervised_words must be at least 1, not {self.unsupervised_words}")
        _require(self.width >= 0, f"width must be at least 0, not {self.width}")
        _require(self.ridge == -1 or self.ridge >= 0, f"ridge must be at least 0, or -1, not {self.ridge}")
        for option in ("src_reweight", "trg_reweight"):
            value = getattr(self, option)
            _require(0 <= value < float("inf"), f"{option} must be a number of at least 0, not {value}")
        _require(self.cutoff >= 0, f"cutoff must be at least 0, not {self.cutoff}")
        _require(self.csls >= 0, f"csls must be at least 0, not {self.csls}")
        _require(0 < self.keep <= 1, f"keep must lie in (0, 1], not {self.keep}")
        _require(self.keep_factor > 1, f"keep_factor must be above 1, not {self.keep_factor}")
        _require(self.interval >= 1, f"interval must be at least 1, not {self.interval}")
        _require(self.threshold >= 0, f"threshold must be at least 0, not {self.threshold}")
        _require(self.max_iterations >= 0, f"max_iterations must be at least 0, not {self.max_iterations}")
        self._check_descent()
        self._check_together()

    def _check_descent(self) -> None:
        _known("ball", self.ball, BALLS)
        for option in ("rcsls_rate", "adversarial_rate"):
            value = getattr(self, option)
            _require(0 < value < float("inf"), f"{option} must be a number above 0, not {value}")
        for option in (
            "rcsls_steps",
            "adversarial_words",
            "adversarial_epochs",
            "adversarial_steps",
            "adversarial_batch",
            "discriminator_steps",
            "discriminator_width",
        ):
            value = getattr(self, option)
            _require(value >= 1, f"{option} must be at least 1, not {value}")
        _require(
            0 <= self.discriminator_dropout < 1,
            f"discriminator_dropout must lie in [0, 1), not {self.discriminator_dropout}",
        )
        _require(0 <= self.smoothing < 0.5, f"smoothing must lie in [0, 0.5), not {self.smoothing}")
        _require(0 <= self.beta < float("inf"), f"beta must be a number of at least 0, not {self.beta}")
        _require(self.map != "rcsls" or self.csls >= 1, "rcsls needs neighbours; set csls to 1 or more")

    def _check_together(self) -> None:
        dewhitens = "none" not in (self.src_dewhiten, self.trg_dewhiten) or self.src_dewhiten != self.trg_dewhiten
        if self.map != "advanced":
            _require(self.width == 0, f"width reduces the advanced map only, not map {self.map!r}; leave it at 0")
            _require(
                not self.whiten and not dewhitens and not (self.src_reweight or self.trg_reweight),
                f"whiten, reweight and dewhiten belong to the advanced map, not to map {self.map!r}; "
                "set whiten off, both exponents to 0 and both dewhiten to none",
            )
        _require(
            self.whiten or not dewhitens,
            "dewhiten undoes a whitening; set whiten, or both src_dewhiten and trg_dewhiten to none",
        )
        _require(self.whiten or self.ridge <= 0, "ridge acts on the whitening; set whiten, or leave ridge at -1")
        _require(
            self.dictionary not in WITHOUT_PAIRS or self.self_learning,
            f"an {self.dictionary} start gives a poor dictionary that only self-learning mends; set self_learning",
        )

    @classmethod
    def preset(cls, name: str, **overrides: object) -> "MappingConfig":
        """The published combination `name`, with some of its options replaced.

        supervised, semi_supervised, identical, numerals, unsupervised (= acl2018), orthogonal and unconstrained
        (supervised, another final map); rcsls (Joulin et al. 2018); muse (Conneau et al. 2018, without a dictionary:
        the adversarial start and five Procrustes maps on mutual CSLS neighbours); aaai2018, acl2017, acl2017_seed,
        emnlp2016: those years' papers.
        """
        _known("preset", name, tuple(PRESETS))
        names = {each.name for each in dataclasses.fields(cls)}
        for option in overrides:
            _require(option in names, f"a mapping has no option {option!r}; it has {', '.join(sorted(names))}")
        return cls(**{**PRESETS[name], **overrides})  # ty: ignore[invalid-argument-type]


_ROTATE = {
    "whiten": False,
    "src_reweight": 0.0,
    "trg_reweight": 0.0,
    "src_dewhiten": "none",
    "trg_dewhiten": "none",
}
_UNIT_CENTER = ("unit", "center")
_ACL2017 = {
    **_ROTATE,
    "normalization": _UNIT_CENTER,
    "map": "orthogonal",
    "self_learning": True,
    "csls": 0,
    "cutoff": 0,
    "direction": "forward",
    "keep": 1.0,
    "interval": 1,
}

# name -> what differs from the defaults
PRESETS: dict[str, dict[str, object]] = {
    "supervised": {},
    "semi_supervised": {"self_learning": True},
    "identical": {"dictionary": "identical", "self_learning": True},
    "numerals": {"dictionary": "numerals", "self_learning": True},
    "unsupervised": {"dictionary": "unsupervised", "self_learning": True},
    "acl2018": {"dictionary": "unsupervised", "self_learning": True},
    "aaai2018": {"normalization": _UNIT_CENTER, "src_reweight": 0.0, "trg_reweight": 1.0},
    "acl2017": {**_ACL2017, "dictionary": "numerals"},
    "acl2017_seed": _ACL2017,
    "emnlp2016": {**_ROTATE, "normalization": _UNIT_CENTER, "map": "orthogonal"},
    "orthogonal": {**_ROTATE, "map": "orthogonal"},
    "unconstrained": {**_ROTATE, "map": "unconstrained"},
    "rcsls": {**_ROTATE, "map": "rcsls", "cutoff": 200_000},
    "muse": {
        **_ROTATE,
        "dictionary": "adversarial",
        "map": "orthogonal",
        "self_learning": True,
        "cutoff": 15_000,
        "direction": "mutual",
        "keep": 1.0,
        "max_iterations": 4,  # each induces a dictionary; the last map is the fifth
    },
}


def _known(option: str, value: str, values: tuple[str, ...]) -> None:
    _require(value in values, f"{option} {value!r} is not known; it can be {', '.join(values)}")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise StaticembError(message)
