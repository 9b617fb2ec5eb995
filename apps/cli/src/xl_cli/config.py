"""Settings that belong to a run as a whole: its data, its variants, its evaluation. Imports nothing heavy."""

from dataclasses import dataclass, field

from xl_cli.errors import UsageError
from xl_encoders.config import POOLINGS, FitConfig

KINDS = ("names", "parallel", "text")
SPLITS = ("test", "dev")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """One corpus that a run trains on, and what of it is kept for scoring."""

    kind: str = field(
        default="parallel",
        metadata={
            "help": "names (of places, languages, ... in the babel library) | parallel (translations of one another) | "
            "text (any text, no translations)"
        },
    )
    files: tuple[str, ...] = field(
        default=(), metadata={"help": "folders, files or globs: LLL_Ssss.txt, SIB-200, Tatoeba or Bible *.tsv.gz"}
    )
    languages: tuple[str, ...] = field(default=(), metadata={"help": "languages to read, any spelling; none takes all"})
    held_out: float = field(default=0.2, metadata={"help": "share of the items kept for the final score, in [0, 1)"})
    dev: float = field(default=0.1, metadata={"help": "share of the items kept for choosing settings, in [0, 1)"})

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            message = f"data.kind is {self.kind!r}; choose one of {', '.join(KINDS)}."
            raise UsageError(message)
        if self.kind == "names" and self.files:
            message = "data.files is given but data.kind is names, which reads none; give data.kind parallel or text."
            raise UsageError(message)
        if self.kind != "names" and not self.files:
            message = f"data.kind is {self.kind} but data.files is empty; name a folder, files or a glob."
            raise UsageError(message)
        for name in ("held_out", "dev"):
            if not 0 <= getattr(self, name) < 1:
                message = f"data.{name} is {getattr(self, name)}; give a share in [0, 1)."
                raise UsageError(message)
        if self.held_out + self.dev >= 1:
            message = f"data.held_out {self.held_out} and data.dev {self.dev} leave nothing to train on."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(FitConfig):
    """How training runs, and which mixes of the objectives are trained, each from the same start."""

    variants: tuple[str, ...] = field(
        default=("mlm+seq+tlm",),
        metadata={"help": "mixes to train, e.g. mlm and mlm+seq+tlm, for as many steps each; the last one is kept"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.variants:
            message = "train.variants is empty; give at least one mix, e.g. mlm+seq+tlm."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """What is scored after training: retrieval of translations among the items held out, or in other data."""

    data: str = field(default="", metadata={"help": "folder of parallel text to score on; empty: the items held out"})
    split: str = field(default="test", metadata={"help": "test, or dev: the slice on which settings are chosen"})
    sources: tuple[str, ...] = field(default=(), metadata={"help": "query languages; none takes all"})
    targets: tuple[str, ...] = field(default=(), metadata={"help": "candidate languages; none takes all"})
    limit: int = field(default=1000, metadata={"help": "most items scored, drawn by their key's hash; 0 scores all"})
    string_match: bool = field(
        default=True, metadata={"help": "also score character n-grams of the romanised text, without any encoder"}
    )

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            message = f"eval.split is {self.split!r}; choose one of {', '.join(SPLITS)}."
            raise UsageError(message)
        if self.limit < 0:
            message = f"eval.limit is {self.limit}; give 0 or more."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """What `xl eval retrieval` and `xl analyze` read and how they embed it."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    data: str = field(metadata={"help": "folder or file of parallel text: SIB-200, Tatoeba, Bible, LLL_Ssss.txt"})
    source: tuple[str, ...] = field(default=(), metadata={"help": "language, any spelling; repeat for more"})
    target: tuple[str, ...] = field(default=(), metadata={"help": "language, any spelling; repeat for more"})
    layer: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "hidden_states index, 0 = embeddings, negative from the end, or all; repeat for more "
            "[default: the run's own, else two thirds of the depth (8 of 12, as published)]"
        },
    )
    pooling: str = field(
        default="",
        metadata={
            "help": "mean-content (no specials) | mean-all (specials too, as published) | first "
            "[default: the run's own, else mean-all]"
        },
    )
    revision: str = field(default="", metadata={"help": "commit or tag of a hub model"})
    max_len: int = field(
        default=0, metadata={"help": "longest input in tokens; 0 takes the model's limit, at most 512"}
    )
    split: str = field(
        default="", metadata={"help": "train, dev, test or all [default: test where the data has splits, else all]"}
    )
    limit: int = field(
        default=-1,
        metadata={
            "help": "most items scored, drawn by their key's hash; 0 scores all [default: 500 of the Bible, else all]"
        },
    )

    def __post_init__(self) -> None:
        if self.pooling not in ("", *POOLINGS):
            message = f"--pooling is {self.pooling!r}; choose one of {', '.join(POOLINGS)}."
            raise UsageError(message)
        if self.split not in ("", "train", "dev", "test", "all"):
            message = f"--split is {self.split!r}; choose train, dev, test or all."
            raise UsageError(message)
        if self.limit < -1 or self.max_len < 0:
            message = f"--limit is {self.limit} and --max-len is {self.max_len}; give 0 or more."
            raise UsageError(message)
        for layer in self.layer:
            if layer != "all" and not layer.lstrip("-").isdigit():
                message = f"--layer is {layer!r}; give a hidden_states index such as 8 or -1, or all."
                raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class CoverageConfig:
    """What `xl analyze coverage` reads."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id; its tokenizer is measured"})
    data: str = field(
        metadata={"help": "folder or file of text, parallel or not: SIB-200, Tatoeba, Bible, LLL_Ssss.txt"}
    )
    language: tuple[str, ...] = field(
        default=(), metadata={"help": "language, any spelling; repeat for more [default: all there are]"}
    )
    revision: str = field(default="", metadata={"help": "commit or tag of a hub model"})
    split: str = field(
        default="", metadata={"help": "train, dev, test or all [default: test where the data has splits, else all]"}
    )
    limit: int = field(default=0, metadata={"help": "most texts a language, drawn by their key's hash; 0 takes all"})

    def __post_init__(self) -> None:
        if self.split not in ("", "train", "dev", "test", "all"):
            message = f"--split is {self.split!r}; choose train, dev, test or all."
            raise UsageError(message)
        if self.limit < 0:
            message = f"--limit is {self.limit}; give 0 or more."
            raise UsageError(message)
