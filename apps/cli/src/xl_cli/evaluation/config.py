"""What `xl eval` can be told. Imports nothing heavy."""

from dataclasses import dataclass, field

from xl_cli.errors import UsageError
from xl_cli.recipe.config import ReadingConfig
from xl_tasks.tuning.config import MODES

PROTOCOLS = ("zero-shot", "in-language", "translate-train", "mixed-language")
UNITS = ("subword", "character", "phonemes", "romanised")
SCORES = ("cosine", "csls")
MEANS = ("others", "all")
ROBUST = ("at", "rs-rp", "rs-da")


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(ReadingConfig):
    """Options of `xl eval`: which models, on which data, in which way."""

    model: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "run folder, save_pretrained folder or hub id; for bli and similarity also a folder of vectors "
            "LLL_Ssss.vec; repeat to compare with the first"
        },
    )
    data: str = field(
        default="",
        metadata={"help": "folder that holds the data sets' folders, or one data set's own; without it from the hub"},
    )
    source: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "language trained on or searched with, any spelling; eng+tur trains on both together; repeat for "
            "more [default: the preset's, else English where it can be trained on; retrieval: all]"
        },
    )
    target: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "language scored, any spelling; repeat for more; retrieval goes both ways [default: all that the "
            "data has]"
        },
    )
    protocol: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": " | ".join(PROTOCOLS) + "; repeat for more: zero-shot and mixed-language share one model "
            "[default: the preset's, else zero-shot]"
        },
    )
    preset: str = field(
        default="default", metadata={"help": "a paper's settings, seeds, sources and means; see xl ls presets"}
    )
    probe: bool = field(default=False, metadata={"help": "a linear model on frozen states instead of fine-tuning"})
    lora: bool = field(default=False, metadata={"help": "low-rank updates instead of all weights"})
    set: tuple[str, ...] = field(
        default=(),
        metadata={"help": "key=value of the tuning, e.g. lr=3e-5, or robust.eps_rel=0.1; repeat; see xl ls tuning"},
    )
    grid: tuple[str, ...] = field(
        default=(),
        metadata={"help": "key=v1,v2: all are trained, the best on the source's dev set is scored; repeat"},
    )
    seeds: int = field(
        default=0,
        metadata={
            "help": "models trained for each source, from the preset's first seed on [default: as many as the preset "
            "has; 1 without one]"
        },
    )
    score: str = field(
        default="cosine", metadata={"help": "of retrieval: cosine | csls (less for hubs, 10 neighbours)"}
    )
    input: str = field(
        default="",
        metadata={"help": f"what the model reads: {' | '.join(UNITS)} [default: what it was trained on]"},
    )
    noise: tuple[str, ...] = field(
        default=(),
        metadata={"help": "also score test texts with typos=RATE (share of the words) or drop-diacritics; repeat"},
    )
    robust: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "also train with at (adversarial) | rs-rp (random perturbation) | rs-da (words replaced by "
            "neighbours); repeat"
        },
    )
    neighbours: str = field(
        default="", metadata={"help": "of rs-da: a table of neighbours, e.g. from xl static neighbours"}
    )
    train_on: str = field(default="", metadata={"help": "task whose training and dev examples are used instead"})
    train_limit: int = field(
        default=0, metadata={"help": "most training examples of a language, drawn by their key's hash; 0 takes all"}
    )
    treebank: tuple[str, ...] = field(
        default=(),
        metadata={"help": "of udpos and uner: e.g. English-EWT; repeat [default: all of a language, joined]"},
    )
    words: str = field(
        default="syntactic",
        metadata={"help": "of udpos: syntactic | surface (multi-word tokens whole, as XTREME has them)"},
    )
    tag_scheme: str = field(
        default="iob2",
        metadata={"help": "of conll: iob2 | iob1 (entities begin with I- unless they touch one of their type)"},
    )
    on_error: str = field(default="stop", metadata={"help": "a broken item: stop | skip (counted in the rows)"})
    resamples: int = field(
        default=1000, metadata={"help": "bootstrap samples of items (and seeds) behind intervals and p; 0 for none"}
    )
    mean: str = field(
        default="",
        metadata={
            "help": f"targets that a mean is over: {' | '.join(MEANS)}, without or with those trained on [default: as "
            "the preset's paper has it, else others]"
        },
    )
    save_models: bool = field(default=False, metadata={"help": "keep fine-tuned models in OUT/models"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model:
            message = "no --model; name a run folder, a save_pretrained folder or a hub id."
            raise UsageError(message)
        for name, known in (
            ("score", SCORES), ("words", ("syntactic", "surface")),
            ("mean", ("", *MEANS)), ("tag_scheme", ("iob1", "iob2")), ("on_error", ("stop", "skip")),
            ("input", ("", *UNITS, "phoneme", "romanized")),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                shown = ", ".join(filter(None, known))
                message = f"--{name.replace('_', '-')} is {getattr(self, name)!r}; choose one of {shown}."
                raise UsageError(message)
        for name, known in (("robust", ROBUST), ("protocol", PROTOCOLS)):
            for value in getattr(self, name):
                if value not in known:
                    message = f"--{name} is {value!r}; choose one of {', '.join(known)}."
                    raise UsageError(message)
        for name, low in (("train_limit", 0), ("seeds", 0), ("resamples", 0)):
            if getattr(self, name) < low:
                message = f"--{name.replace('_', '-')} is {getattr(self, name)}; give {low} or more."
                raise UsageError(message)
        if "in-language" in self.protocol and len(set(self.protocol)) > 1:
            message = "--protocol in-language trains in every target, not on a source; ask for it in a call of its own."
            raise UsageError(message)
        if self.probe and self.lora:
            message = "--probe and --lora are two ways of fitting; give one."
            raise UsageError(message)
        if self.probe and self.robust:
            message = "--robust trains the encoder, which --probe leaves as it is; give one of them."
            raise UsageError(message)
        if "rs-da" in self.robust and not self.neighbours:
            message = "--robust rs-da needs --neighbours FILE; make one with xl static neighbours."
            raise UsageError(message)
        if self.neighbours and "rs-da" not in self.robust:
            message = "--neighbours is read by --robust rs-da alone; add that, or leave it out."
            raise UsageError(message)

    @property
    def mode(self) -> str:
        """How models are fitted, one of MODES."""
        return MODES[2] if self.probe else MODES[1] if self.lora else MODES[0]
