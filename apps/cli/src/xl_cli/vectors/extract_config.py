"""What `xl static extract` reads and how; how vectors are trained stands in X2StaticConfig. Imports nothing heavy."""

from dataclasses import dataclass, field

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere, revision_row
from xl_encoders.config import PRECISIONS
from xl_objectives import setting
from xl_staticemb.errors import StaticembError
from xl_staticemb.x2static.config import X2StaticConfig


@dataclass(frozen=True, kw_only=True)
class WordReadingConfig:
    """The encoder, the language of the text, and how its words are found."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    lang: str = setting("", "language of the text, any spelling: chooses the file of a folder and the word breaker")
    layer: str = setting(
        "",
        "hidden_states index, 0 = embeddings, negative from the end, or last [default: 6 (of 12), half the "
        "depth of shallower models, of sentence encoders too]",
    )
    max_len: int = setting(
        0, "longest input in tokens, what is behind is not read [default: 200, of paragraphs 500, or the model's limit]"
    )
    tokenized: bool = setting(False, "words are what stands between spaces")
    engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi")
    split: bool = setting(False, "lines are paragraphs: cut them into sentences first")
    min_sentences: int = setting(
        1, "with --split: fewer sentences drop a paragraph; 2 drops headlines, as published", low=1
    )
    min_words: int = setting(1, "with --split: fewer words drop a sentence; 7 as published, punctuation counted", low=1)
    precision: str = setting("no", "of the encoder: no (float32) | bf16 | fp16 (on a GPU)", choices=PRECISIONS)
    revision: str = setting("", "commit or tag of a hub model")

    def __post_init__(self) -> None:
        if self.layer not in ("", "last") and not self.layer.removeprefix("-").isdecimal():
            message = f"--layer is {self.layer!r}; give a hidden_states index such as 6 or -1, or last."
            raise UsageError(message)
        check_options(self)
        if self.max_len < 0 or 0 < self.max_len < 8:
            message = f"--max-len is {self.max_len}; give 8 or more, or 0 for the default."
            raise UsageError(message)
        from xl_encoders.text.word_breaking import ENGINES

        if self.engine not in ENGINES:
            message = f"--engine is {self.engine!r}; choose one of {', '.join(ENGINES)}."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class ExtractConfig(X2StaticConfig):
    """X2StaticConfig, whose refusals are refusals of the command line."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except StaticembError as error:
            name, _, rest = str(error).partition(" ")
            message = f"--{name.replace('_', '-')} {rest}"
            raise UsageError(message) from None


_OF_TRAINING = (
    "context", "subsample", "negatives", "negative_power", "epochs", "batch", "lr", "dim", "compat", "buffer",
    "save_every", "seed",
)  # fmt: skip
READ_WHERE = (
    ReadWhere(("min_sentences", "min_words"), lambda call: call.split, "without --split, which makes sentences"),
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
)
