"""What `xl embed` reads, how, and what it writes. Imports nothing heavy."""

from dataclasses import dataclass, field
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere, revision_row
from xl_encoders.config import POOLING_HELP, POOLINGS, PRECISIONS
from xl_objectives import setting

UNITS = ("sentence", "word")
WORD_POOLINGS = ("mean", "last", "first")
SUFFIXES = ("parquet", "safetensors")
_INPUTS = ("text", "tsv", "jsonl", "parquet")


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """How texts become vectors, where, and in which form they are written."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    unit: str = setting(
        "sentence",
        "what gets a vector: sentence (each text) | word (each word of each text, in its context, with its place; one "
        "a type is xl static extract)",
        choices=UNITS,
    )
    layer: tuple[str, ...] = setting(
        (),
        "hidden_states index, 0 = embeddings, negative from the end, or last, or all; repeat for more "
        "[default: the run's own; of a sentence encoder what its modules.json says, else two thirds of the depth "
        "(8 of 12)]",
    )
    pooling: str = setting(
        "",
        f"of sentences: {POOLING_HELP} [default: the run's own, else what its modules.json says, else mean-all]; of a "
        "word's tokens: mean | last | first [default: mean]",
        choices=("", *POOLINGS, WORD_POOLINGS[0]),
        joined=",",
    )
    prompt: str | None = setting(
        None,
        "put in front of every text, e.g. 'query: ', or the name of one of the model's own prompts; '' for none "
        "[default: the model's default prompt]",
    )
    normalize: bool | None = setting(
        None, "vectors of length 1 [default: where modules.json of a sentence encoder says so]", by_preset=True
    )
    max_len: int = setting(
        0, "longest input in tokens, what is behind is cut; of words it is read in a pass of its own [default: the "
        "model's limit, at most 512]", low=0,
    )  # fmt: skip
    revision: str = setting("", "commit or tag of a hub model")
    precision: str = setting("no", "of the forward passes: no (float32) | bf16 | fp16 (on a GPU)", choices=PRECISIONS)
    tokens: int = setting(0, "most tokens of one forward pass [default: 4096; 16384 on a GPU]", low=0)
    lang: str = setting("", "language of the text, any spelling: chooses what finds words")
    word_engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi")
    column: str | None = setting(
        None,
        "column of the text in TSV (a name of its header line; a number counts columns of a file without one), JSON "
        "lines, Parquet, or a data set of the hub",
    )
    keep: tuple[str, ...] = setting((), "another column to write, as it is; repeat for more")
    input_format: str = setting("", f"shape of the input: {' | '.join(_INPUTS)} [default: by suffix]",
                                choices=("", *_INPUTS))  # fmt: skip
    hub_split: str = setting("train", "split of a data set of the hub")
    hub_config: str = setting("", "configuration of a data set of the hub")
    hub_revision: str = setting("", "commit, tag or branch of a data set of the hub")
    format: str = setting(
        "", f"of the shards: {' | '.join(SUFFIXES)} [default: what the suffix of --out says, else parquet]",
        choices=("", *SUFFIXES),
    )  # fmt: skip
    dtype: str = setting("float32", "of the vectors in the files: float32 | float16", choices=("float32", "float16"))
    shard_rows: int = setting(
        16384, "texts of a shard, fewer where they are long (a KiB each); a killed call does one again at most", low=1
    )
    on_error: str = setting("stop", "at a row that cannot be read: stop | skip (count and list it)",
                            choices=("stop", "skip"))  # fmt: skip
    engine: str = setting(
        "local", "where: local (this process) | ray (an actor a GPU, else a node; a cluster is found by RAY_ADDRESS)",
        choices=("local", "ray"),
    )  # fmt: skip
    jobs: int = setting(0, "actors of --engine ray [default: one a GPU of the cluster, without any one a node]", low=0)

    def __post_init__(self) -> None:
        from xl_encoders.text.word_breaking import ENGINES

        check_options(self)
        words = [engine for engine in ENGINES if engine != "udpipe"]
        if self.word_engine not in words:
            message = f"--word-engine is {self.word_engine!r}; choose one of {', '.join(words)}."
            raise UsageError(message)
        poolings = POOLINGS if self.unit == "sentence" else WORD_POOLINGS
        asked = {*self.pooling.split(",")} if self.unit == "sentence" else {self.pooling}
        if self.pooling and not asked <= {*poolings}:
            message = f"--pooling is {self.pooling!r}, but of a {self.unit} it is one of {', '.join(poolings)}."
            raise UsageError(message)
        if 0 < self.max_len < 8 or 0 < self.tokens < 8:
            message = (
                f"--max-len is {self.max_len} and --tokens is {self.tokens}; give 8 or more, or 0 for the default."
            )
            raise UsageError(message)
        for layer in self.layer:
            if layer not in ("all", "last") and not layer.removeprefix("-").isdecimal():
                message = f"--layer is {layer!r}; give a hidden_states index such as 8 or -1, last, or all."
                raise UsageError(message)

    @property
    def reader(self) -> dict[str, Any]:
        """Keyword arguments with which `open_corpus` finds and reads the input."""
        return {
            "column": self.column,
            "keep": self.keep,
            "input_format": self.input_format or None,
            "split": self.hub_split,
            "config": self.hub_config or None,
            "revision": self.hub_revision or None,
        }


READ_WHERE = (
    ReadWhere(("prompt",), lambda call: call.unit == "sentence", "with --unit word: words are read as they stand"),
    ReadWhere(("lang", "word_engine"), lambda call: call.unit == "word", "without --unit word"),
    ReadWhere(
        ("hub_split", "hub_config", "hub_revision"),
        lambda call: any(call.of_hub),
        "without a data set of the hub (OWNER/NAME, with --column)",
    ),
    ReadWhere(
        ("input_format",), lambda call: not all(call.of_hub), "for data sets of the hub, which say it themselves"
    ),
    ReadWhere(("jobs",), lambda call: call.engine == "ray", "without --engine ray"),
    revision_row("model"),
)
