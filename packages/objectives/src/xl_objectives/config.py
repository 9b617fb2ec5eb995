"""Settings of the objectives: the only place where a default and its help text stand. Imports nothing heavy."""

from dataclasses import dataclass, field

from xl_objectives.errors import ObjectiveError

SIMILARITIES = ("dot", "cosine")
TRUNCATIONS = ("longest_first", "right")
VIEWS = ("both", "original", "romanised")
ROW_POOLINGS = ("mean-content", "mean-all", "first")
WORD_POOLINGS = ("last", "first", "mean", "all")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What every objective has: its weight and schedule, its own batches, the data it reads."""

    weight: float = field(default=1.0, metadata={"help": "factor of this loss in the sum, >= 0"})
    begin: float = field(default=0.0, metadata={"help": "share of the steps after which it joins in, in [0, 1)"})
    end: float = field(default=1.0, metadata={"help": "share of the steps after which it is left out, in (begin, 1]"})
    warmup: float = field(
        default=0.0, metadata={"help": "share of the steps, from begin on, over which its weight climbs from 0"}
    )
    every: int = field(default=1, metadata={"help": "steps between two uses of it"})
    batch: int = field(default=0, metadata={"help": "items a batch of it; 0 takes train.batch"})
    data: tuple[str, ...] = field(
        default=(), metadata={"help": "names of the [[data]] it reads; none takes all of a kind it can read"}
    )

    def __post_init__(self) -> None:
        _at_least(self.key("weight"), self.weight, 0)
        _at_least(self.key("batch"), self.batch, 0)
        _at_least(self.key("every"), self.every, 1)
        if not 0.0 <= self.begin < self.end <= 1.0:
            message = (
                f"{self.key('begin')} is {self.begin} and {self.key('end')} is {self.end}; "
                f"give shares with 0 <= begin < end <= 1."
            )
            raise ObjectiveError(message)
        if not 0.0 <= self.warmup <= self.end - self.begin:
            message = f"{self.key('warmup')} is {self.warmup}; give a share of at most end - begin."
            raise ObjectiveError(message)

    @classmethod
    def key(cls, name: str) -> str:
        """How errors and `--set` call the setting `name` of this objective."""
        return f"objective.{cls.__name__.removesuffix('Config').lower()}.{name}"

    def weight_at(self, step: int, n_steps: int) -> float:
        """The weight in step `step` (from 0) of `n_steps`: 0 where the objective takes no part."""
        place = step / n_steps
        if step % self.every or not self.begin <= place < self.end:
            return 0.0
        climb = self.warmup * n_steps
        climbed = step - self.begin * n_steps + 1
        return self.weight * min(1.0, climbed / (climb + 1)) if climb else self.weight


@dataclass(frozen=True, kw_only=True)
class MlmConfig(ObjectiveConfig):
    """Masked language modelling on the text and on its romanisation."""

    text: str = field(
        default="both", metadata={"help": "which side is modelled: both (the sum of two means) | original | romanised"}
    )
    mask_prob: float = field(
        default=0.15, metadata={"help": "chance that a token is picked, in (0, 1]; seq and tlm mask alike"}
    )
    block: int = field(
        default=0, metadata={"help": "texts run on in blocks of so many tokens, specials included; 0: a text a row"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("text"), self.text, VIEWS)
        if self.block and self.block < 8:
            message = f"{self.key('block')} is {self.block}; give 8 tokens or more, or 0 for a text a row."
            raise ObjectiveError(message)
        if self.block and self.text != "original":
            message = f"{self.key('block')} joins texts, so no romanisation belongs to a block; give text = original."
            raise ObjectiveError(message)
        if not 0.0 < self.mask_prob <= 1.0:
            message = f"{self.key('mask_prob')} is {self.mask_prob}; give a probability above 0 and at most 1."
            raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class SeqConfig(ObjectiveConfig):
    """Sentence contrast: a text and its romanisation find each other among the others of the batch."""

    similarity: str = field(default="dot", metadata={"help": "dot (raw product, as published) | cosine"})
    temperature: float = field(
        default=1.0, metadata={"help": "the similarities are divided by it, > 0; with cosine about 0.05"}
    )
    factor: float = field(default=0.5, metadata={"help": "constant before the mean, as in the authors' code, > 0"})
    false_negatives: bool = field(
        default=False, metadata={"help": "true keeps equal texts of a batch as negatives, as published"}
    )
    layer: int | None = field(
        default=None, metadata={"help": "hidden_states index that is pooled; left out: model.layer"}
    )
    pooling: str = field(
        default="mean-content", metadata={"help": "mean-content (no specials, <mask> counts) | mean-all | first"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("similarity"), self.similarity, SIMILARITIES)
        _one_of(self.key("pooling"), self.pooling, ROW_POOLINGS)
        _positive(self, "temperature", "factor")


@dataclass(frozen=True, kw_only=True)
class TlmConfig(ObjectiveConfig):
    """Translation language modelling on a text joined with its romanisation, in random order."""

    truncate: str = field(
        default="longest_first",
        metadata={"help": "how a pair is cut to max_len: longest_first (both sides stay) | right (as published)"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("truncate"), self.truncate, TRUNCATIONS)


@dataclass(frozen=True, kw_only=True)
class WordVectorConfig(ObjectiveConfig):
    """What dcca and mse share: words, each encoded alone, against their static vectors."""

    layer: int = field(default=-1, metadata={"help": "hidden_states index of the words, negative from the end"})
    pooling: str = field(
        default="mean-content",
        metadata={"help": "mean-content | mean-all (specials too, as the released code) | first"},
    )
    max_len: int = field(default=20, metadata={"help": "longest word in tokens, specials included, >= 3"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("pooling"), self.pooling, ROW_POOLINGS)
        _at_least(self.key("max_len"), self.max_len, 3)


@dataclass(frozen=True, kw_only=True)
class DccaConfig(WordVectorConfig):
    """Canonical correlation of words encoded alone with their static vectors, of any dimension."""

    variant: str = field(
        default="subspace",
        metadata={
            "help": "subspace (the loss goes from -k, nothing shared, to -1.41 k) | classic (Andrew et al. 2013; "
            "from 0 to -k) | legacy (the released code)"
        },
    )
    k: int = field(default=10, metadata={"help": "directions compared; 0 takes all that both views have"})
    r1: float = field(default=1e-3, metadata={"help": "ridge of classic on the encoder's side, >= 0"})
    r2: float = field(default=1e-3, metadata={"help": "ridge of classic on the side of the static vectors, >= 0"})
    center: str = field(default="", metadata={"help": "column | none | legacy; empty takes the variant's own (column)"})
    precision: str = field(default="float32", metadata={"help": "of the decompositions: float32 | float64"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("variant"), self.variant, ("subspace", "classic", "legacy"))
        _one_of(self.key("center"), self.center, ("", "column", "none", "legacy"))
        _one_of(self.key("precision"), self.precision, ("float32", "float64"))
        for name in ("k", "r1", "r2"):
            _at_least(self.key(name), getattr(self, name), 0)


@dataclass(frozen=True, kw_only=True)
class MseConfig(WordVectorConfig):
    """Mean squared error of words encoded alone to their static vectors, which need the encoder's width."""

    scale: str = field(
        default="match_norm",
        metadata={"help": "match_norm (targets as long as the words are before training) | unit (as published)"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("scale"), self.scale, ("match_norm", "unit"))


@dataclass(frozen=True, kw_only=True)
class BitextConfig(ObjectiveConfig):
    """What ot, l2 and word-nce share: words of sentences and of their translations, held near the frozen start."""

    layer: int = field(default=-1, metadata={"help": "hidden_states index of the words, negative from the end"})
    words: str = field(
        default="last", metadata={"help": "a word is its last (as published) | first | mean sub-word, or all of them"}
    )
    drift: float = field(
        default=1.0, metadata={"help": "factor of the squared distance to the frozen start, >= 0 (lambda of the paper)"}
    )
    drift_reduction: str = field(
        default="mean", metadata={"help": "over the words of each bitext, which add up: mean | sum (as printed)"}
    )
    drift_side: str = field(default="pivot", metadata={"help": "which words are held: pivot | both"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("words"), self.words, WORD_POOLINGS)
        _one_of(self.key("drift_reduction"), self.drift_reduction, ("mean", "sum"))
        _one_of(self.key("drift_side"), self.drift_side, ("pivot", "both"))
        _at_least(self.key("drift"), self.drift, 0)


@dataclass(frozen=True, kw_only=True)
class OtConfig(BitextConfig):
    """Optimal transport between the words of sentences and those of their translations."""

    p: int = field(default=2, metadata={"help": "cost: 2 (half the squared distance) | 1 (the distance)"})
    blur: float = field(default=0.05, metadata={"help": "entropic blur in units of the vectors, > 0; not of exact"})
    scope: str = field(
        default="batch", metadata={"help": "words of the whole batch are one cloud (batch) or each pair's (sentence)"}
    )
    solver: str = field(
        default="exact", metadata={"help": "exact (fastest) | sinkhorn (to 1 %) | geomloss (what the paper ran; lower)"}
    )
    cost: str = field(default="euclidean", metadata={"help": "euclidean | gromov (distances within each side; exact)"})
    weights: str = field(default="uniform", metadata={"help": "mass of a word: uniform | idf (of its language)"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("scope"), self.scope, ("batch", "sentence"))
        _one_of(self.key("solver"), self.solver, ("exact", "sinkhorn", "geomloss"))
        _one_of(self.key("cost"), self.cost, ("euclidean", "gromov"))
        _one_of(self.key("weights"), self.weights, ("uniform", "idf"))
        _positive(self, "blur")
        if self.p not in (1, 2):
            message = f"{self.key('p')} is {self.p}; choose 1 or 2."
            raise ObjectiveError(message)
        if self.cost == "gromov" and self.solver != "exact":
            message = f"{self.key('cost')} gromov needs solver exact, not {self.solver}."
            raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class AlignedConfig(BitextConfig):
    """What l2 and word-nce share: which words belong together."""

    align_layer: int | None = field(
        default=None,
        metadata={
            "help": "hidden_states index of our own aligner, for data without alignments; left out: two thirds of the "
            "depth (8 of 12)"
        },
    )
    identical: bool = field(default=False, metadata={"help": "true keeps pairs of words that are spelled alike"})
    one_to_one: bool = field(default=True, metadata={"help": "false keeps words that are aligned more than once"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.words == "all":
            message = f"{self.key('words')} is all, but alignments name words; choose last, first or mean."
            raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class L2Config(AlignedConfig):
    """Squared distance between aligned words of sentences and their translations (Cao et al. 2020)."""

    reduction: str = field(default="mean", metadata={"help": "over the word pairs: mean | sum (as published)"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("reduction"), self.reduction, ("mean", "sum"))


@dataclass(frozen=True, kw_only=True)
class WordNceConfig(AlignedConfig):
    """Contrast of aligned words: each finds its partner among the words of the batch."""

    similarity: str = field(default="cosine", metadata={"help": "cosine | dot (raw product)"})
    temperature: float = field(default=0.1, metadata={"help": "the similarities are divided by it, > 0"})
    negatives: str = field(
        default="across", metadata={"help": "words of the other side (across, weak) | of both sides (all, strong)"}
    )
    false_negatives: bool = field(default=False, metadata={"help": "true keeps equal words as negatives"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self.key("similarity"), self.similarity, SIMILARITIES)
        _one_of(self.key("negatives"), self.negatives, ("across", "all"))
        _positive(self, "temperature")

    @classmethod
    def key(cls, name: str) -> str:
        """As for every objective; its name has a hyphen."""
        return f"objective.word-nce.{name}"


def _at_least(key: str, value: float, low: float) -> None:
    if not value >= low:
        message = f"{key} is {value}; give {low} or more."
        raise ObjectiveError(message)


def _positive(config: ObjectiveConfig, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            message = f"{config.key(name)} is {getattr(config, name)}; give a number above 0."
            raise ObjectiveError(message)


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{key} is {value!r}; choose one of {', '.join(filter(None, choices))}."
        raise ObjectiveError(message)
