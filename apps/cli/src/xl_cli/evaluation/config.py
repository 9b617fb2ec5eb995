"""What `xl eval` can be told. Imports nothing heavy."""

from dataclasses import dataclass

from xl_cli.cluster.config import ClusterConfig
from xl_cli.errors import UsageError
from xl_cli.recipe.config import ReadingConfig
from xl_objectives import setting
from xl_tasks.tuning.config import MODES

PROTOCOLS = ("zero-shot", "in-language", "translate-train", "mixed-language")
UNITS = ("subword", "character", "phonemes", "romanised")
SCORES = ("cosine", "csls")
MEANS = ("others", "all")
ROBUST = ("at", "rs-rp", "rs-da")


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(ReadingConfig, ClusterConfig):
    """Options of `xl eval`: which models, on which data, in which way."""

    model: tuple[str, ...] = setting(
        (),
        "run folder, save_pretrained folder or hub id; for bli and similarity also a folder of vectors "
        "LLL_Ssss.vec; repeat to compare with the first",
    )
    data: str = setting("", "folder that holds the data sets' folders, or one data set's own; without it from the hub")
    source: tuple[str, ...] = setting(
        (),
        "language trained on or searched with, any spelling; eng+tur trains on both together; repeat for "
        "more [default: the preset's, else English where it can be trained on; retrieval: all]",
    )
    target: tuple[str, ...] = setting(
        (), "language scored, any spelling; repeat for more; retrieval goes both ways [default: all that the data has]"
    )
    protocol: tuple[str, ...] = setting(
        (),
        " | ".join(PROTOCOLS) + "; repeat for more: zero-shot and mixed-language share one model "
        "[default: the preset's, else zero-shot]",
        choices=PROTOCOLS,
    )
    preset: str = setting("default", "a paper's settings, seeds, sources and means; see xl ls presets")
    group: str = setting(
        "",
        "of preset ppa: its sources and targets in maf, sea or all groups of languages [default: all where no TASK is "
        "named; else the preset's sources, and all targets that the data has]",
    )
    probe: bool = setting(False, "a linear model on frozen states instead of fine-tuning")
    lora: bool = setting(False, "low-rank updates instead of all weights")
    set: tuple[str, ...] = setting(
        (), "key=value of the tuning, e.g. lr=3e-5, or robust.eps_rel=0.1; repeat; see xl ls tuning"
    )
    grid: tuple[str, ...] = setting(
        (),
        "key=v1,v2: all are trained, the best on the source's dev set is scored; repeat; `preset` for the grid of the "
        "preset's paper",
    )
    seeds: int = setting(
        0,
        "models trained for each source, from the preset's first seed on [default: as many as the preset "
        "has; 1 without one]",
        low=0,
    )
    score: str = setting("cosine", "of retrieval: cosine | csls (less for hubs, 10 neighbours)", choices=SCORES)
    input: str = setting(
        "",
        f"what the model reads: {' | '.join(UNITS)} [default: what it was trained on]",
        choices=("", *UNITS, "phoneme", "romanized"),
    )
    noise: tuple[str, ...] = setting(
        (), "also score test texts with typos=RATE (share of the words) or drop-diacritics; repeat"
    )
    robust: tuple[str, ...] = setting(
        (),
        "also train with at (adversarial) | rs-rp (random perturbation) | rs-da (words replaced by neighbours); repeat",
        choices=ROBUST,
    )
    neighbours: str = setting("", "of rs-da: a table of neighbours, e.g. from xl static neighbours")
    train_on: str = setting("", "task whose training and dev examples are used instead")
    train_limit: int = setting(0, "most training examples of a language, drawn by their key's hash; 0 takes all", low=0)
    treebank: tuple[str, ...] = setting(
        (), "of udpos and uner: e.g. English-EWT; repeat [default: all of a language, joined]"
    )
    words: str = setting(
        "syntactic",
        "of udpos: syntactic | surface (multi-word tokens whole, as XTREME has them)",
        choices=("syntactic", "surface"),
    )
    tag_scheme: str = setting(
        "iob2",
        "of conll: iob2 | iob1 (entities begin with I- unless they touch one of their type)",
        choices=("iob1", "iob2"),
    )
    on_error: str = setting("stop", "a broken item: stop | skip (counted in the rows)", choices=("stop", "skip"))
    resamples: int = setting(
        1000,
        "bootstrap samples of items (and seeds) behind intervals and p, more where many differences are corrected "
        "for; 0 for none",
        low=0,
    )
    mean: str = setting(
        "",
        f"targets that a mean is over: {' | '.join(MEANS)}, without or with those trained on [default: as "
        "the preset's paper has it, else others]",
        choices=("", *MEANS),
    )
    save_models: bool = setting(False, "keep fine-tuned models in OUT/models")
    cell_processes: int = setting(
        1, "of --engine ray: processes that do it together, as torchrun starts them; --cell-cpus are for all", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_cluster()
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
