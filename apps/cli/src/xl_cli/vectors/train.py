"""`xl static train`: word2vec and fastText vectors of a text."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import is_there
from xl_cli.launch.progress import Progress, say
from xl_cli.options import check_options, naming_the_option
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting
from xl_staticemb.cooccurrence.config import CooccurrenceConfig


@dataclass(frozen=True, kw_only=True)
class TextReadingConfig:
    """The language of the text, and how its words are found."""

    lang: str = setting("", "language of the text, any spelling: chooses the file of a folder and the word breaker")
    tokenized: bool = setting(False, "words are what stands between spaces")
    engine: str = setting("auto", "what finds words: auto | rule | space | icu | jieba | fugashi")
    as_written: bool = setting(False, "keep capitals; without it words are in lower case")

    def __post_init__(self) -> None:
        check_options(self)
        from xl_encoders.text.word_breaking import ENGINES

        if self.engine not in ENGINES:
            message = f"--engine is {self.engine!r}; choose one of {', '.join(ENGINES)}."
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(CooccurrenceConfig):
    """CooccurrenceConfig, whose refusals are refusals of the command line."""

    def __post_init__(self) -> None:
        with naming_the_option():
            super().__post_init__()


READ_WHERE = (
    ReadWhere(("engine",), lambda call: not call.tokenized, "beside --tokenized, which takes words as they stand"),
    ReadWhere(("min_gram", "max_gram", "buckets"), lambda call: call.method == "fasttext", "without --method fasttext"),
)


@dataclass(frozen=True, kw_only=True)
class TrainSummary:
    """What was done; written beside the vectors as well."""

    out: str
    words: int
    width: int
    lines: int
    occurrences: int
    occurrences_kept: int
    language: str
    word_breaker: str
    text: str
    """Digest of the words of the text, line by line."""
    settings: dict[str, object]
    versions: dict[str, str]
    seconds: float

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(vars(self), ensure_ascii=False)

    def to_text(self) -> str:
        """Some lines for a person."""
        how = self.settings
        share = self.occurrences_kept / max(1, self.occurrences)
        return (
            f"{self.out}: {self.words} words x {self.width} ({how['method']}, {how['algorithm']}), "
            f"{self.seconds:.0f} s\n"
            f"text: {self.lines} lines, {self.occurrences} words, {share:.1%} of them with a vector"
        )


@takes(reading=TextReadingConfig, training=TrainConfig)
def train_vectors(
    texts: str | Path | Sequence[str | Path],
    *,
    reading: TextReadingConfig,
    training: TrainConfig,
    given: frozenset[str],
    out: str | Path,
    cache: str | Path | None = None,
) -> TrainSummary:
    """Train word2vec or fastText vectors on text: what was done.

    texts: files, patterns, folders, or "-". out: file of vectors to write; must be new. What made them is written
    beside them, to `out` + ".json". cache: folder for the words of the text and the state of the training, kept at the
    end. A call that was stopped goes on after its last whole epoch when it is made again.
    """
    names = [str(texts)] if isinstance(texts, (str, Path)) else [str(name) for name in texts]
    refuse_unread(READ_WHERE, given, reading, training)
    out = check_new(out)
    about = out.with_name(f"{out.name}.json")
    if not _is_of(about, out):
        check_new(about, "--out writes its settings to")
    for name in names:
        if name != "-" and not is_there(name):
            message = f"{name}: no such file or folder, and nothing matches it as a pattern."
            raise CliError(message)
    if names.count("-") > 1:
        message = "- (stdin) can be read once; give it once."
        raise UsageError(message)
    from xl_translit import language, read_lines, replacing

    code = language(reading.lang) if reading.lang else ""
    from xl_cli.data.running_text import RunningText
    from xl_encoders import word_breaker
    from xl_staticemb import VectorWriter, write_vectors
    from xl_staticemb.cooccurrence import training as library

    began = time.monotonic()
    VectorWriter(out, 1, 1)  # refuses a format that there is not
    breaker = word_breaker(code, "space" if reading.tokenized else reading.engine)
    sources = [read_lines("-") if name == "-" else RunningText([name], code) for name in names]
    folder = Path(cache) if cache else out.with_name(f"{out.name}.cache")
    if folder.is_dir():
        say(f"note: going on with {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    words_path, digest = folder / "words.txt", hashlib.sha256()
    with replacing(words_path) as file, Progress("reading", unit="lines", quiet=True) as stage:
        for n, text in enumerate((line for source in sources for line in source), 1):
            words = " ".join(text[start:end] for start, end in breaker(text))
            line = f"{words if reading.as_written else words.lower()}\n"
            file.write(line)
            digest.update(line.encode("utf-8", "surrogatepass"))
            stage.advance(n)

    def sentences() -> Iterator[list[str]]:
        return (line.split(" ") for line in read_lines(words_path) if line)

    with Progress("training", unit="lines", quiet=True) as stage:

        def tell(epoch: int, done: int, total: int) -> None:
            if done % 256 == 0:
                stage.advance(done, f"of {total} in epoch {epoch} of {training.epochs}" if epoch else "counting words")

        trained = library.train_vectors(sentences, training, folder=folder, identity=digest.hexdigest(), progress=tell)
    summary = TrainSummary(
        out=str(out),
        words=len(trained.vectors),
        width=trained.vectors.width,
        lines=trained.n_lines,
        occurrences=trained.n_words,
        occurrences_kept=trained.n_kept,
        language=code,
        word_breaker=breaker.identity,
        text=digest.hexdigest(),
        settings=asdict(training) | asdict(reading),
        versions=_versions("xl-staticemb", "gensim"),
        seconds=round(time.monotonic() - began, 1),
    )
    with replacing(about) as file:
        file.write(json.dumps(vars(summary), ensure_ascii=False, indent=2) + "\n")
    write_vectors(out, trained.vectors)
    if cache is None:
        shutil.rmtree(folder)
    return summary


def _is_of(about: Path, out: Path) -> bool:
    """Whether `about` was written for `out` by a call that was killed before it wrote the vectors."""
    try:
        return json.loads(about.read_text(encoding="utf-8"))["out"] == str(out)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def _versions(*packages: str) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in packages}
