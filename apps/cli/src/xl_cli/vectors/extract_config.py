"""What `xl static extract` reads and how; how vectors are trained stands in X2StaticConfig. Imports nothing heavy."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from xl_cli.errors import UsageError
from xl_cli.options import check_options, naming_the_option, option_names
from xl_cli.unread_options import ReadWhere, revision_row
from xl_encoders.config import PRECISIONS
from xl_objectives import setting
from xl_staticemb.x2static.config import X2StaticConfig

PRESETS: dict[str, dict[str, object]] = {
    "x2s": {
        "split": True,
        "min_sentences": 2,
        "min_tokens": 7,
        "method": "x2static",
        "variant": "sentence",
        "context": "all",
        "lower": "key",
        "min_count": 10,
        "max_words": 200_000,
        "subsample": 5e-6,
        "negatives": 10,
        "negative_power": 0.5,
        "epochs": 5,
        "batch": 128,
        "lr": 1e-3,
    }
}
"""Settings by the name of what they are published as. x2s: Hämmerl et al. (2022), appendices B and C; the layer is 6 of
the 12 of XLM-R, which is what every encoder of that depth is read at by default."""
_TOLD = (
    "x2s (paragraphs of 2 sentences, sentences of 7 tokens, words in lower case, layer 6 of 12, X2Static by sentence; "
    "with --method aggregate or --variant paragraph what it is compared with)"
)


@dataclass(frozen=True, kw_only=True)
class ReadingConfig:
    """The encoder, and how words are found in text of any language."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    layer: str = setting(
        "",
        "hidden_states index, 0 = embeddings, negative from the end, or last [default: 6 (of 12), half the "
        "depth of shallower models, of sentence encoders too]",
    )
    max_len: int = setting(
        0, "longest input in tokens, what is behind is not read [default: 200, of paragraphs 500, or the model's limit]"
    )
    tokenized: bool = setting(False, "words are what stands between spaces")
    engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi | udpipe")
    sentence_engine: str = setting(
        "auto", "what finds sentences: auto (rule) | rule | icu | udpipe", choices=("auto", "rule", "icu", "udpipe")
    )
    udpipe: str = setting("", "UDPipe model, or folder of models whose names state their languages, for engine udpipe")
    split: bool = setting(False, "lines are paragraphs: cut them into sentences first", by_preset=True)
    min_sentences: int = setting(
        1, "with --split: fewer sentences drop a paragraph; 2 drops headlines, as published", low=1
    )
    min_words: int = setting(1, "with --split: fewer words drop a sentence", low=1)
    min_tokens: int = setting(
        1, "with --split: fewer words and punctuation marks together drop a sentence; 7 as published", low=1
    )
    precision: str = setting("no", "of the encoder: no (float32) | bf16 | fp16 (on a GPU)", choices=PRECISIONS)
    revision: str = setting("", "commit or tag of a hub model")
    preset: str = setting("", f"settings of a paper, which options override: {_TOLD}", choices=("", *PRESETS))

    def __post_init__(self) -> None:
        if self.layer not in ("", "last") and not self.layer.removeprefix("-").isdecimal():
            message = f"--layer is {self.layer!r}; give a hidden_states index such as 6 or -1, or last."
            raise UsageError(message)
        check_options(self)
        if self.max_len < 0 or 0 < self.max_len < 8:
            message = f"--max-len is {self.max_len}; give 8 or more, or 0 for the default."
            raise UsageError(message)
        if "udpipe" in (self.engine, self.sentence_engine) and not self.udpipe:
            message = "engine udpipe needs a model; give --udpipe FILE or FOLDER."
            raise UsageError(message)
        from xl_encoders.text.word_breaking import ENGINES

        if self.engine not in ENGINES:
            message = f"--engine is {self.engine!r}; choose one of {', '.join(ENGINES)}."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class WordReadingConfig(ReadingConfig):
    """The same for text of one language."""

    lang: str = setting("", "language of the text, any spelling: chooses the file of a folder and the word breaker")


@dataclass(frozen=True, kw_only=True)
class HubTextConfig:
    """Which rows of data sets of the hub are read, and how many sentences of any text."""

    max_sentences: int = setting(
        0, "sentences (lines, without --split) to read [default: all; of a data set of the hub 1,000,000]", low=0
    )
    hub_config: str = setting("", "configuration of a hub data set [default: found by language]")
    hub_split: str = setting("train", "split of a hub data set")
    hub_revision: str = setting("", "commit, tag or branch of a hub data set")
    column: str = setting("text", "column of a hub data set that holds the text, a paragraph a line")
    shuffle_buffer: int = setting(10_000, "rows of a hub data set among which the next is drawn; 0: in order", low=0)
    shuffle_seed: int = setting(42, "seed of that draw: the same seed gives the same sentences")

    def __post_init__(self) -> None:
        check_options(self)

    def sentences(self, name: str) -> int:
        """How many sentences of a text are read; 0 for all."""
        return self.max_sentences or (_OF_THE_HUB if is_hub_text(name) else 0)


_OF_THE_HUB = 1_000_000


def is_hub_text(name: str) -> bool:
    """Whether a text is a data set of the hub, by its id or as a folder that was fetched from there."""
    folder = Path(name)
    if folder.is_dir():
        return (folder / "README.md").is_file() and next(folder.rglob("*.parquet"), None) is not None
    from xl_translit.corpora.inputs import is_hub_id

    return is_hub_id(name, "text")


@dataclass(frozen=True, kw_only=True)
class ExtractConfig(X2StaticConfig):
    """X2StaticConfig, whose refusals are refusals of the command line."""

    def __post_init__(self) -> None:
        with naming_the_option():
            super().__post_init__()


_OF_TRAINING = (
    "context", "subsample", "negatives", "negative_power", "epochs", "batch", "lr", "dim", "compat", "buffer",
    "save_every", "seed",
)  # fmt: skip
READ_WHERE = (
    ReadWhere(
        ("min_sentences", "min_words", "min_tokens"),
        lambda call: call.split,
        "without --split, which makes sentences",
    ),
    ReadWhere(
        ("sentence_engine",),
        lambda call: call.split or (call.method == "x2static" and call.variant == "paragraph"),
        "where no paragraph is cut into sentences",
    ),
    ReadWhere(
        ("udpipe",),
        lambda call: "udpipe" in (call.engine, call.sentence_engine),
        "without --engine udpipe",
    ),
    ReadWhere(("engine",), lambda call: not call.tokenized, "beside --tokenized, which takes words as they stand"),
    ReadWhere(
        _OF_TRAINING,
        lambda call: call.method == "x2static",
        "with --method aggregate, which trains nothing",
    ),
    ReadWhere(("first",), lambda call: call.method == "aggregate", "without --method aggregate"),
    ReadWhere(
        ("variant",),
        lambda call: call.method == "x2static" or call.split or not call.max_len,
        "with --method aggregate beside --max-len and without --split: a line is read as it is",
    ),
    revision_row("model"),
    ReadWhere(
        ("hub_config", "hub_split", "hub_revision", "column", "shuffle_buffer", "shuffle_seed"),
        lambda call: call.of_hub,
        "without a data set of the hub (OWNER/NAME) among the texts",
    ),
)


_Reading = TypeVar("_Reading", bound=ReadingConfig)


def with_preset(
    reading: _Reading, training: ExtractConfig, given: frozenset[str]
) -> tuple[_Reading, ExtractConfig, dict[str, object]]:
    """The settings with what the preset names, the user did not give and the call reads; and that by name."""
    named = {name: value for name, value in PRESETS.get(reading.preset, {}).items() if name not in given}
    call = SimpleNamespace(**{**vars(reading), **vars(training), **named, "of_hub": False})
    unread = {name for row in READ_WHERE if not row.holds(call) for name in row.names}
    named = {name: value for name, value in named.items() if name not in unread}
    of_reading = {name: value for name, value in named.items() if hasattr(reading, name)}
    of_training: dict[str, Any] = {name: value for name, value in named.items() if name not in of_reading}
    return replace(reading, **of_reading), replace(training, **of_training), named


def as_options(settings: dict[str, object]) -> str:
    """Settings as a command line has them: "--split --min-tokens 7"."""
    return " ".join(
        option_names(name)[0]
        if value is True
        else f"{option_names(name)[0]} {value:g}"
        if isinstance(value, float)
        else f"{option_names(name)[0]} {value}"
        for name, value in settings.items()
    )
