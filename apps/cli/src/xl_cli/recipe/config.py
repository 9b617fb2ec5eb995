"""Settings that belong to a run as a whole: its data, its variants, its evaluation. Imports nothing heavy."""

from dataclasses import dataclass, field
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.recipe.objectives import that_read
from xl_encoders.config import POOLING_HELP, POOLINGS, FitConfig
from xl_objectives import check_fields, setting
from xl_objectives.symmetrization import SYMMETRIZATIONS

KINDS = ("names", "parallel", "text", "pairs", "vectors")
# kind -> keys of [[data]] that it reads
_OF_TEXTS = ("name", "kind", "optional", "languages", "held_out", "dev", "to", "temperature", "deduplicate", "limit")
_OF_FILES = ("files", "revision", "hub_files", "columns")
READ_BY = {
    "names": (*_OF_TEXTS, "pivot", "words"),
    "parallel": (*_OF_TEXTS, *_OF_FILES, "romanized", "pivot", "words"),
    "text": (*_OF_TEXTS, *_OF_FILES, "romanized", "language_column", "buffer", "share", "least", "seed"),
    "pairs": (
        "name",
        "kind",
        "optional",
        *_OF_FILES,
        "languages",
        "limit",
        "alignments",
        "reverse_alignments",
        "symmetrization",
        "words",
    ),
    "vectors": ("name", "kind", "optional", "files", "languages", "limit", "temperature"),
}
# The objectives that read sentence pairs, as help texts and messages list them.
PAIRING = " and ".join(", ".join(that_read("pairs")).rsplit(", ", 1))
TARGETS = ("latn", "ipa", "phonemes")
WORDS = ("", "spaces", "unicode")
SPLITS = ("test", "dev")
TRANSFORMS = ("center", "whiten", "outliers")
# What select.targets may say in the place of languages.
TRAINED = "trained"
SELECTION_TASKS = ("retrieval", "mlm", "last")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """One corpus that a run trains on, and what of it is kept for scoring."""

    name: str = setting("", "what objectives and --set call it; empty takes its kind")
    kind: str = setting(
        "parallel",
        "names (of places, languages, ... in the babel library) | parallel (translations of one another) | "
        "text (any text, no translations) | "
        f"pairs (two files line by line, for {', '.join(that_read('pairs'))}) | "
        f"vectors (word2vec files, for {', '.join(that_read('vectors'))})",
        choices=KINDS,
    )
    files: tuple[str, ...] = setting(
        (),
        "folders, files or globs: LLL_Ssss.txt, SIB-200, Tatoeba or Bible *.tsv.gz; text, parallel: also *.parquet, "
        "*.arrow, *.jsonl (text piece by piece); pairs: left and pivot in turn, *.tsv or those; vectors: LLL.vec",
    )
    revision: str = setting("", "of a data set of the hub (OWNER/NAME) in files, which has to be given: commit or tag")
    hub_files: str = setting(
        "", "of a data set of the hub: pattern of its files, as tr/*.parquet [empty: all *.parquet, *.arrow, *.jsonl]"
    )
    languages: tuple[str, ...] = setting(
        (), "languages to read, any spelling; none takes all; of pairs: those of both sides of each bitext, in turn"
    )
    held_out: float = setting(
        0.2,
        "share of the items kept for the final score, in [0, 1); of names, parallel and text",
        low=0,
        below=1,
        wanted="a share in [0, 1)",
    )
    dev: float = setting(
        0.1,
        "share of the items kept for choosing settings, in [0, 1); of names, parallel and text",
        low=0,
        below=1,
        wanted="a share in [0, 1)",
    )
    to: str = setting("latn", "what texts are paired with: latn (romanised) | ipa | phonemes", choices=TARGETS)
    romanized: tuple[str, ...] = setting(
        (),
        "files or folders that `xl translit --pairs --out` made of data.files, read in the place of transliterating "
        "again; their manifests must name the same texts",
    )
    temperature: float = setting(
        1.0, "languages are drawn in proportion to n^(1/T): 1 as they are, 3 flatter, inf all alike", above=0
    )
    share: float = setting(
        1.0,
        "share of each language's texts that is read, in (0, 1], drawn by the hash of the text, whatever the order of "
        "files and lines, of those to train on (held_out and dev are taken out first); temperature and limit act on "
        "what is drawn",
        above=0,
    )
    least: int = setting(0, "texts of each language to train on at least, as far as there are so many", low=0)
    seed: int = setting(0, "which texts data.share draws", low=0)
    deduplicate: bool = setting(True, "false trains on a text as often as it occurs")
    limit: int = setting(
        0,
        "most texts, sentence pairs or words of each language to train on, the first ones (of *.parquet "
        "and *.arrow: in all); 0 takes all",
    )
    optional: bool = setting(
        False, "where no files are given, the objectives that read nothing else are left out, which a note says"
    )
    columns: tuple[str, ...] = setting(
        ("text",),
        "of *.parquet, *.arrow and *.jsonl: the text's and its transliteration's; the second by default what "
        "`xl translit --pairs` writes (romanized, ipa, phonemes), and made here where it is missing; of pairs: the "
        "sentence's and its translation's; of parallel: the languages' [parallel: all called after a language]",
    )
    language_column: str = setting(
        "", "of *.parquet and *.arrow: tells each text's language; empty: data.languages does"
    )
    buffer: int = setting(100_000, "texts of *.parquet and *.arrow that are shuffled together, in memory")
    pivot: str = setting("eng_Latn", f"language of parallel data that {PAIRING} pair the others with")
    alignments: tuple[str, ...] = setting((), "of pairs: a file of word alignments i-j (Pharaoh) for each two files")
    reverse_alignments: tuple[str, ...] = setting(
        (),
        "of pairs: for each file of data.alignments that of the other direction (fast_align -r), also as left-right",
    )
    symmetrization: str = setting(
        "",
        "of both directions: intersection (as Cao et al.) | union | grow-diag | grow-diag-final | grow-diag-final-and "
        "[empty: intersection]",
        choices=("", *SYMMETRIZATIONS),
    )
    words: str = setting(
        "",
        "words of a sentence: spaces | unicode [empty: spaces where there are alignments, else unicode]",
        choices=WORDS,
    )

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"data.{name}", UsageError)
        if self.kind == "names" and self.files:
            message = "data.files is given but data.kind is names, which reads none; give data.kind parallel or text."
            raise UsageError(message)
        if self.share > 1:
            message = f"data.share is {self.share}; give a share above 0 and at most 1."
            raise UsageError(message)
        if self.share < 1 and self.kind != "text":
            message = f"data.share is {self.share}, but data.kind is {self.kind}; shares are taken of kind text."
            raise UsageError(message)
        if self.limit < 0 or self.buffer < 1:
            message = f"data.limit is {self.limit} and data.buffer {self.buffer}; give 0 or more, and 1 or more."
            raise UsageError(message)
        if self.alignments and self.kind != "pairs":
            message = f"data.alignments is given, but data.kind is {self.kind}; alignments belong to kind pairs."
            raise UsageError(message)
        if self.reverse_alignments and len(self.reverse_alignments) != len(self.alignments):
            message = (
                f"data.reverse_alignments has {len(self.reverse_alignments)} files and data.alignments "
                f"{len(self.alignments)}; give the other direction of each."
            )
            raise UsageError(message)
        if self.symmetrization and not self.reverse_alignments:
            message = (
                f"data.symmetrization is {self.symmetrization}, but there is one direction alone; give the other in "
                "data.reverse_alignments."
            )
            raise UsageError(message)
        if len(self.columns) not in (1, 2) and self.kind != "parallel":
            message = (
                f"data.columns is {list(self.columns)}; name the text's column, or that and the transliteration's."
            )
            raise UsageError(message)
        if self.held_out + self.dev >= 1:
            message = f"data.held_out {self.held_out} and data.dev {self.dev} leave nothing to train on."
            raise UsageError(message)

    @property
    def is_given(self) -> bool:
        """Whether there is anything to read: a dry run, and a recipe that calls it optional, may go without."""
        return self.kind == "names" or bool(self.files)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(FitConfig):
    """How training runs, and which mixes of the objectives are trained, each from the same start."""

    variants: tuple[str, ...] = setting(
        ("mlm+seq+tlm",), "mixes to train, e.g. mlm and mlm+seq+tlm, for as many steps each; the last one is kept"
    )
    only: str = setting(
        "all",
        "which weights are trained: all | embeddings (of tokens) | new (of the pieces that [vocabulary] adds); with "
        "train.lora_rank beside its updates, and all means these alone",
        choices=("all", "embeddings", "new"),
    )
    lora_rank: int = setting(
        0,
        "rank of low-rank updates of the attention that are trained in the place of all weights, say 8; 0: none",
        low=0,
    )
    lora_alpha: float = setting(16.0, "of low-rank updates: their scale is alpha over rank", above=0)
    lora_dropout: float = setting(0.1, "of low-rank updates: dropout in front of them, in [0, 1)", low=0, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.variants:
            message = "train.variants is empty; give at least one mix, e.g. mlm+seq+tlm."
            raise UsageError(message)
        for name, default in (("lora_alpha", 16.0), ("lora_dropout", 0.1)):
            if not self.lora_rank and getattr(self, name) != default:
                message = f"train.{name} is {getattr(self, name)}, but train.lora_rank is 0: give a rank, say 8."
                raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """What is scored after training: retrieval of translations among the items held out, or in other data."""

    data: str = setting("", "folder of parallel text to score on; empty: the items held out")
    split: str = setting("test", "test, or dev: the slice on which settings are chosen", choices=SPLITS)
    sources: tuple[str, ...] = setting((), "query languages; none takes all")
    targets: tuple[str, ...] = setting((), "candidate languages; none takes all")
    pivot: str = setting("", "score each language with this one, in both directions; empty: all pairs of languages")
    limit: int = setting(1000, "most items scored, drawn by their key's hash; 0 scores all", low=0)
    resamples: int = setting(
        0,
        "bootstrap samples of the items behind intervals, and behind differences of each variant from the start, item "
        "by item, say 1000; 0: neither",
        low=0,
    )
    new: tuple[str, ...] = setting(
        (),
        "languages that the encoder is to learn, which xl report shows apart from the others [empty: those taught]",
    )
    tasks: tuple[str, ...] = setting(
        (), "tasks of xl eval that the start and the end are scored on besides, such as sib200 (xl ls tasks)"
    )
    options: tuple[str, ...] = setting(
        (), 'of eval.tasks: options of xl eval, such as ["data=DATA", "probe", "source=eng", "target=bod"]'
    )
    string_match: bool = setting(True, "also score character n-grams of the romanised text, without any encoder")

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"eval.{name}", UsageError)
        if self.pivot and (self.sources or self.targets):
            message = "eval.pivot pairs it with every language, both ways; leave eval.sources and eval.targets out."
            raise UsageError(message)
        if self.options and not self.tasks:
            message = "eval.options is given, but eval.tasks names no task that would read them."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class SelectConfig:
    """Scoring while training: the best state is kept as the model, and training may end early."""

    every: int = setting(0, "steps between two scores; 0 keeps the last state unscored", low=0)
    task: str = setting(
        "retrieval",
        "retrieval (of translations) | mlm (minus the loss on the dev slice) | last (nothing is scored: the later, "
        "the better)",
        choices=SELECTION_TASKS,
    )
    data: str = setting("", "folder of parallel text to score on; empty: the dev slice of the run's own data")
    metric: str = setting(
        "top10", "of retrieval, mean over all pairs: top1 | top5 | top10", choices=("top1", "top5", "top10")
    )
    optional: bool = setting(
        False,
        "where select.data is not there, or has no language of the run's text, keep the last state, which a note says; "
        "false once a key of [select] but keep is set by hand",
    )
    sources: tuple[str, ...] = setting((), "query languages; none takes all")
    targets: tuple[str, ...] = setting(
        (), "candidate languages; none takes all, trained those of the run's text that are there"
    )
    limit: int = setting(500, "most items scored, drawn by their key's hash; 0 scores all", low=0)
    patience: int = setting(0, "scores without a better one after which training ends; 0 never", low=0)
    keep: int = setting(
        1, "best states that stay in the run folder, the best one as its model; 0 keeps all that were scored", low=0
    )

    @property
    def other_data(self) -> str:
        """The folder that is scored on in the place of the run's own data; "" where none is."""
        return self.data if self.every and self.task == "retrieval" else ""

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"select.{name}", UsageError)
        if self.patience and not self.every:
            message = f"select.patience is {self.patience}, but select.every is 0, so nothing is ever scored."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class ReadingConfig:
    """How an encoder is read: where its vectors are taken, and of which items."""

    layer: tuple[str, ...] = setting(
        (),
        "hidden_states index, 0 = embeddings, negative from the end, or last, or all; repeat for more "
        "[default: the run's own; of a sentence encoder what its modules.json says, else two thirds of the depth "
        "(8 of 12, as published)]",
    )
    pooling: str = setting(
        "",
        f"{POOLING_HELP} [default: the run's own, else what its modules.json says, else mean-all, as published]",
        choices=("", *POOLINGS),
        joined=",",
    )
    prompt: str | None = setting(
        None,
        "put in front of every text that is embedded, e.g. 'query: ', or the name of one of the model's "
        "own prompts; '' for none [default: the model's default prompt]",
    )
    transform: tuple[str, ...] = setting(
        (),
        "center (each language's own mean taken away) | whiten | outliers (rogue dimensions set to 0); "
        "fitted on the scored items, the last two on all languages together; repeat for more, in order",
        choices=TRANSFORMS,
    )
    revision: str = setting("", "commit or tag of a hub model")
    max_len: int = setting(
        0, "longest input in tokens; 0 takes the model's limit, at most 512; of fitted tasks the preset's"
    )
    split: str = setting("", "train, dev, test or all [default: test where the data has splits, else all]")
    limit: int = setting(
        -1, "most items scored, drawn by their key's hash; 0 scores all [default: 500 of the Bible, else all]"
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.split not in ("", "train", "dev", "test", "all"):
            message = f"--split is {self.split!r}; choose train, dev, test or all."
            raise UsageError(message)
        if self.limit < -1 or self.max_len < 0:
            message = f"--limit is {self.limit} and --max-len is {self.max_len}; give 0 or more."
            raise UsageError(message)
        for layer in self.layer:
            if layer not in ("all", "last") and not layer.lstrip("-").isdigit():
                message = f"--layer is {layer!r}; give a hidden_states index such as 8 or -1, last, or all."
                raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class ParallelConfig(ReadingConfig):
    """Parallel text, which of its languages, and how it is embedded."""

    data: str = field(metadata={"help": "folder or file of parallel text: SIB-200, Tatoeba, Bible, LLL_Ssss.txt"})
    source: tuple[str, ...] = setting((), "language, any spelling; repeat for more")
    target: tuple[str, ...] = setting((), "language, any spelling; repeat for more")


@dataclass(frozen=True, kw_only=True)
class OneLayerConfig:
    """How an encoder is read at one layer, by the commands that are given texts and no data set."""

    layer: str = setting(
        "",
        "hidden_states index, negative from the end, or last [default: the run's own; of a sentence encoder what its "
        "modules.json says, else two thirds of the depth]",
    )
    pooling: str = setting(
        "",
        f"{POOLING_HELP} [default: the run's own, else what its modules.json says, else mean-all]",
        choices=("", *POOLINGS),
        joined=",",
    )
    prompt: str | None = setting(
        None,
        "put in front of every text, e.g. 'query: ', or the name of one of the model's own prompts; '' for none "
        "[default: the model's default prompt]",
    )
    max_len: int = setting(0, "longest input in tokens; 0 takes the model's limit, at most 512", low=0)
    revision: str = setting("", "commit or tag of a hub model")

    def __post_init__(self) -> None:
        check_options(self)
        if self.layer and self.layer != "last" and not self.layer.lstrip("-").isdigit():
            message = f"--layer is {self.layer!r}; give a hidden_states index such as 8 or -1, or last."
            raise UsageError(message)

    @property
    def read(self) -> dict[str, Any]:
        """What `open_model` takes of these."""
        layer = (self.layer,) if self.layer else ()
        given = {name: getattr(self, name) for name in ("pooling", "prompt", "max_len", "revision")}
        return {"layer": layer, **given}


@dataclass(frozen=True, kw_only=True)
class CoverageConfig:
    """What `xl analyze coverage` reads."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id; its tokenizer is measured"})
    data: str = field(
        metadata={"help": "folder or file of text, parallel or not: SIB-200, Tatoeba, Bible, LLL_Ssss.txt"}
    )
    compare: str = setting("", "second model, whose tokenizer stands beside the first one's, with the difference")
    language: tuple[str, ...] = setting((), "language, any spelling; repeat for more [default: all there are]")
    revision: str = setting("", "commit or tag of a hub model")
    split: str = setting("", "train, dev, test or all [default: test where the data has splits, else all]")
    limit: int = setting(0, "most texts a language, drawn by their key's hash; 0 takes all")

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose tokenizers are measured."""
        return (self.model, *([self.compare] if self.compare else []))

    def __post_init__(self) -> None:
        if self.split not in ("", "train", "dev", "test", "all"):
            message = f"--split is {self.split!r}; choose train, dev, test or all."
            raise UsageError(message)
        if self.limit < 0:
            message = f"--limit is {self.limit}; give 0 or more."
            raise UsageError(message)
