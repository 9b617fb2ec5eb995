"""What `xl analyze align-words` reads, how words are linked, and what is written. Imports nothing heavy."""

from dataclasses import dataclass, field
from typing import ClassVar

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere, revision_row
from xl_objectives import setting

METHODS = ("mutual", "softmax", "ot", "ot-partial", "ot-unbalanced")
CALIBRATORS = ("isotonic", "platt")


@dataclass(frozen=True, kw_only=True)
class AlignWordsConfig:
    """Which words of which sentences are linked by which model, and what becomes of the links."""

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    text: tuple[str, ...] = setting((), "a sentence; give it twice, the second time its translation")
    files: tuple[str, ...] = setting(
        (), "sentence pairs: a .tsv (sentence, tab, translation), or twice, two files line by line; .gz .zst .xz too"
    )
    source: str = setting(
        "", "language of the first sentences, any spelling: chooses the word breaker [default: what the file is called]"
    )
    target: str = setting("", "language of their translations, likewise")
    method: str = setting(
        "mutual",
        "mutual (each the other's nearest) | softmax (above --threshold both ways, as awesome-align) | ot (blurred "
        "transport) | ot-partial (a share of the mass, exactly) | ot-unbalanced (what is worth its cost)",
        choices=METHODS,
    )
    unit: str = setting(
        "",
        "what is compared: subword (words are linked where any of their sub-words are) | word (mean of its sub-words) "
        "[default: word of transport, else subword]",
        choices=("", "subword", "word"),
    )
    layer: tuple[str, ...] = setting(
        (),
        "hidden_states index, 0 = embeddings, negative from the end, or last, or all; repeat for more, of which there "
        "are figures alone [default: two thirds of the depth, 8 of 12, of sentence encoders too]",
    )
    threshold: float | None = setting(
        None, "what a link must exceed, 0 to 1 [default: 0.001 of softmax, 0.3 of transport]", low=0, below=1
    )
    temperature: float = setting(1.0, "of softmax: dot products are divided by it, > 0", above=0)
    blur: float = setting(0.05, "of transport, 0.01 or more, in units of the cost; of mutual it blurs scores", low=0.01)
    mass: float = setting(0.5, "of ot-partial: share of the mass that is moved, > 0, below 1", above=0, below=1)
    reach: float = setting(
        1.0, "of ot-unbalanced: cost of leaving mass where it is, > 0, in units of the cost", above=0
    )
    tokenized: bool = setting(False, "words are what stands between spaces")
    engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi")
    limit: int = setting(0, "most sentence pairs read, the first; of a Bible of each book; 0 reads all", low=0)
    links: str = setting(
        "", "file for the links instead of stdout: i-j a line (Pharaoh), or .jsonl with words, confidences, lone words"
    )
    gold: str = setting(
        "",
        "links that people drew: a file, a line a pair, i-j sure, i?j possible, counted from 0; or without --files a "
        "folder of Clear Bible's, verses and links",
    )
    shifted: bool = setting(
        False, "a control: each sentence is linked with the translation of the next, and judged by its own gold"
    )
    calibrate: str = setting("", "file for a calibration of the confidences, learned from --gold")
    calibrator: str = setting("isotonic", "what is learned: isotonic (steps) | platt (a sigmoid)", choices=CALIBRATORS)
    calibration: str = setting("", "file of a calibration that --calibrate wrote: makes scores into confidences")
    reliability: str = setting("", "picture (png, svg, pdf) of how often links of a confidence are right, by --gold")
    picture: str = setting("", "picture (png, svg, pdf) of the matrix of one sentence pair")
    line: int = setting(1, "which sentence pair --picture shows, from 1", low=1)
    kept: str = setting("", "file (.tsv) for the sentence pairs that --max-alone and --min-confidence let pass")
    max_alone: float | None = setting(
        None, "of --kept: largest share of words without a partner that passes, 0 to 1", min=0, max=1
    )
    min_confidence: float | None = setting(
        None, "of --kept: least mean confidence of the links that passes, 0 to 1", min=0, max=1
    )
    revision: str = setting("", "commit or tag of a hub model")

    def __post_init__(self) -> None:
        from xl_encoders.text.word_breaking import ENGINES

        check_options(self)
        if self.engine not in ENGINES:
            message = f"--engine is {self.engine!r}; choose one of {', '.join(ENGINES)}."
            raise UsageError(message)
        for layer in self.layer:
            if layer not in ("all", "last") and not layer.removeprefix("-").isdecimal():
                message = f"--layer is {layer!r}; give a hidden_states index such as 8 or -1, last, or all."
                raise UsageError(message)
        if bool(self.text) == bool(self.files) and not self.has_verses:
            message = "give sentences by --text, or files of them by --files: one of the two."
            raise UsageError(message)
        if self.text and (len(self.text) != 2 or not all(text.strip() for text in self.text)):
            message = f"--text is there {len(self.text)} times; give it twice: a sentence, and its translation."
            if len(self.text) == 2:
                message = "--text is empty once; give a sentence, and its translation."
            raise UsageError(message)
        if len(self.files) > 2:
            message = f"--files is there {len(self.files)} times; give one .tsv, or two files that belong together."
            raise UsageError(message)
        if len(self.files) == 1 and ".tsv" not in self.files[0]:
            message = f"--files {self.files[0]} is no .tsv; give the file of its translations by a second --files."
            raise UsageError(message)
        if self.kept and self.max_alone is None and self.min_confidence is None:
            message = "--kept: nothing would be dropped; give --max-alone, --min-confidence or both."
            raise UsageError(message)
        if self.calibrate and self.calibration:
            message = "--calibrate learns a calibration and --calibration reads one; give one of the two."
            raise UsageError(message)

    @property
    def has_verses(self) -> bool:
        """Whether sentences and words come with the links of --gold."""
        return bool(self.gold and not self.text and not self.files)


@dataclass(frozen=True, kw_only=True)
class WordRetrievalConfig:
    """What `xl analyze word-retrieval` reads: sentence pairs, the links of their words, how words have vectors."""

    text: ClassVar[tuple[str, ...]] = ()

    model: str = field(metadata={"help": "run folder, save_pretrained folder or hub id"})
    files: tuple[str, ...] = setting(
        (), "sentence pairs: a .tsv (sentence, tab, translation), or twice, two files line by line; .gz .zst .xz too"
    )
    links: str = setting("", "file of the words' links, i-j a line (Pharaoh): those that are one to one are asked")
    source: str = setting(
        "", "language of the first sentences, any spelling: chooses the word breaker [default: what the file is called]"
    )
    target: str = setting("", "language of their translations, likewise")
    layer: tuple[str, ...] = setting(
        (),
        "hidden_states index, 0 = embeddings, negative from the end, or last, or all; repeat for more [default: last]",
    )
    how: str = setting(
        "last", "a word is its last (as published) | first | mean sub-word", choices=("last", "first", "mean")
    )
    tokenized: bool = setting(False, "words are what stands between spaces, as an aligner outside had them")
    engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi")
    limit: int = setting(0, "most sentence pairs read, the first; 0 reads all", low=0)
    revision: str = setting("", "commit or tag of a hub model")

    def __post_init__(self) -> None:
        from xl_encoders.text.word_breaking import ENGINES

        check_options(self)
        if self.engine not in ENGINES:
            message = f"--engine is {self.engine!r}; choose one of {', '.join(ENGINES)}."
            raise UsageError(message)
        if len(self.files) not in (1, 2) or (len(self.files) == 1 and ".tsv" not in self.files[0]):
            message = f"--files is there {len(self.files)} times; give one .tsv, or two files that belong together."
            raise UsageError(message)
        if not self.links:
            message = "--links is missing; name a file of links, as xl analyze align-words or fast_align writes them."
            raise UsageError(message)


READ_WHERE = (
    ReadWhere(("threshold",), lambda call: call.method != "mutual", "with --method mutual"),
    ReadWhere(("temperature",), lambda call: call.method == "softmax", "without --method softmax"),
    ReadWhere(
        ("blur",), lambda call: call.method not in ("softmax", "ot-partial"), "with --method softmax or ot-partial"
    ),
    ReadWhere(("mass",), lambda call: call.method == "ot-partial", "without --method ot-partial"),
    ReadWhere(("reach",), lambda call: call.method == "ot-unbalanced", "without --method ot-unbalanced"),
    ReadWhere(("tokenized", "engine"), lambda call: call.text or call.files, "with a --gold whose words are given"),
    ReadWhere(("engine",), lambda call: not call.tokenized, "with --tokenized, whose words stand between spaces"),
    ReadWhere(("limit", "kept", "line", "shifted"), lambda call: not call.text, "with --text, which is one pair"),
    ReadWhere(("calibrate", "reliability", "shifted"), lambda call: call.gold, "without --gold"),
    ReadWhere(
        ("links", "calibrate", "calibration", "reliability", "picture", "kept"),
        lambda call: not call.shifted,
        "with --shifted, whose pairs do not belong together",
    ),
    ReadWhere(("calibrator",), lambda call: call.calibrate, "without --calibrate"),
    ReadWhere(("line",), lambda call: call.picture, "without --picture"),
    ReadWhere(("max_alone", "min_confidence"), lambda call: call.kept, "without --kept"),
    revision_row("model"),
)
