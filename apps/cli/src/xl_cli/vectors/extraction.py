"""Drives `xl static extract`: model and text in, a file of vectors out, on one process or several."""

import glob
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from xl_cli.data.letters import tell_letters
from xl_cli.data.running_text import RunningText
from xl_cli.errors import UsageError
from xl_cli.evaluation.opened import open_model
from xl_cli.launch import processes
from xl_cli.launch.progress import Progress, say
from xl_cli.vectors.extract_config import ExtractConfig, HubTextConfig, WordReadingConfig, as_options, is_hub_text
from xl_cli.vectors.udpipe_models import udpipe_model
from xl_encoders import (
    Encoder,
    SentenceBreaker,
    SentenceCounts,
    WordBreaker,
    corpus_lines,
    sentence_breaker,
    word_breaker,
)
from xl_encoders.model.positions import position_limit
from xl_encoders.model.static_teacher import StaticTeacher
from xl_staticemb import StaticembError, VectorWriter, write_vectors
from xl_staticemb.x2static.extraction import Extraction, ProcessShare
from xl_staticemb.x2static.extraction import extract as extract_static
from xl_tasks.datasets.readers.hub_text import hub_text
from xl_translit import language as language_code
from xl_translit import read_lines, replacing

# Sub-tokens of a sentence and of a paragraph, specials included, as published.
_MAX_LENS = {"sentence": 200, "paragraph": 500}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was done, for a person or a program."""

    out: str
    words: int
    width: int
    model: str
    layer: int
    n_layers: int
    max_len: int
    method: str
    counts: dict[str, int]
    loss: float
    seconds: float
    preset: dict[str, object]
    """Name of the preset, if any, and the settings that it made."""

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(vars(self), ensure_ascii=False)

    def to_text(self) -> str:
        """Some lines for a person."""
        counts = self.counts
        preset, settings = self.preset.get("name"), {k: v for k, v in self.preset.items() if k != "name"}
        lines = [
            f"{self.out}: {self.words} words x {self.width} from {self.model} at layer {self.layer} of {self.n_layers} "
            f"({self.method}), {self.seconds:.0f} s",
            f"text: {counts['lines']} lines, {counts['words']} words; {counts['lines_without_words']} lines without a "
            f"word of the vocabulary dropped; {counts['lines_read']} read by the encoder",
        ]
        if preset:
            lines.append(f"preset {preset}: {as_options(settings)}")
        if "paragraphs" in counts:
            lines.append(
                f"sentences: {counts['sentences']} of {counts['paragraphs']} paragraphs; dropped "
                f"{counts['paragraphs_dropped']} paragraphs, {counts['short_sentences_dropped']} sentences of others"
            )
        if counts["words_cut"]:
            lines.append(
                f"not read: {counts['words_cut']} occurrences behind the first {self.max_len} tokens of a line"
            )
        if counts.get("words_without_vector"):
            lines.append(f"left out: {counts['words_without_vector']} words of which no token was read")
        if "steps" in counts:
            lines.append(f"training: {counts['steps']} steps, loss {self.loss:.4f} in the last epoch")
        return "\n".join(lines)


def extract_vectors(
    names: Sequence[str],
    reading: WordReadingConfig,
    hub: HubTextConfig,
    training: ExtractConfig,
    out: Path,
    cache: Path | None,
    preset: dict[str, object],
) -> Summary | None:
    """Write the vectors to `out`; None on all processes but the main one. preset: what `with_preset` set."""
    began = time.monotonic()
    VectorWriter(out, 1, 1)  # refuses a format that there is not
    code = language_code(reading.lang) if reading.lang else ""
    folder = cache or out.with_name(f"{out.name}.cache")
    model = udpipe_model(reading.udpipe, code) if reading.udpipe else ""
    breaker = word_breaker(code, "space" if reading.tokenized else reading.engine, model=model)
    sentences = sentence_breaker(code, reading.sentence_engine, model=model)
    split = _Split(reading, breaker, sentences, whole=training.variant == "paragraph") if reading.split else None
    n_most = max(map(hub.sentences, names))
    prepare = _First(split, n_most) if n_most else split or iter
    with _files(names, folder) as files, _streamed(files, folder, code, hub, prepare, split) as files:
        lines = RunningText(files, code, prepare)
        teacher, encoder = _open_teacher(reading, training)
        tell_letters(encoder, {code or "the text": lines}, "FILE")
        if folder.is_dir():
            say(f"note: going on with {folder}.")
        share = ProcessShare(processes.rank(), processes.n_processes(), processes.wait)
        with _Stages() as stages, _dropped_told(split):
            extraction = extract_static(
                lines,
                teacher,
                training,
                words=breaker,
                sentences=sentences,
                names={
                    "text": lines.fingerprint,
                    "word breaker": breaker.identity,
                    "language": code,
                    "sentence breaker": sentences.identity,
                    "sentences": f"{split.identity if split else ''} {n_most or ''}".strip(),
                },
                leave_out=teacher.special_tokens,
                folder=folder,
                share=share,
                device=teacher.device,
                progress=stages.tell,
            )
    if extraction is None:
        return None
    write_vectors(out, extraction.vectors)
    if cache is None:
        # Aside at once: half a cache, as a call killed here would leave it, is refused by the next one.
        over = folder.with_name(f"{folder.name}.over")
        shutil.rmtree(over, ignore_errors=True)
        folder.rename(over)
        shutil.rmtree(over)
        for text in folder.parent.glob(f"{glob.escape(folder.name)}.hub-*.txt"):
            text.unlink()
    counts = extraction.counts | (split.counts() if split else {})
    named = {"name": reading.preset, **preset} if reading.preset else {}
    return _summary(extraction, counts, teacher, encoder.name, training, out, time.monotonic() - began, named)


@contextmanager
def _dropped_told(split: "_Split | None") -> Generator[None]:
    """Text of which the filters leave nothing holds no words: then they are at fault."""
    try:
        yield
    except StaticembError as error:
        counts = split.counts() if split else {}
        if not counts.get("paragraphs") or counts["paragraphs_dropped"] < counts["paragraphs"]:
            raise
        message = (
            f"all {counts['paragraphs']} paragraphs, of {counts['sentences']} sentences, have too few sentences or "
            "words for --min-sentences, --min-tokens and --min-words; give longer lines, or smaller numbers."
        )
        raise StaticembError(message) from error


class _Split:
    """Paragraphs cut into sentences and filtered, as lines."""

    def __init__(
        self, reading: WordReadingConfig, words: WordBreaker, sentences: SentenceBreaker, *, whole: bool
    ) -> None:
        self._reading, self._words, self._sentences, self.whole = reading, words, sentences, whole
        least = f"{reading.min_sentences} {reading.min_words} {reading.min_tokens}"
        self.identity = f"{least} {words.identity} {sentences.identity} {'whole' if whole else ''}".strip()
        self._counts = SentenceCounts()

    def __call__(self, paragraphs: Iterator[str]) -> Iterator[str]:
        self._counts = SentenceCounts()  # of this pass alone
        return corpus_lines(
            paragraphs,
            self._words,
            self._sentences,
            min_sentences=self._reading.min_sentences,
            min_words=self._reading.min_words,
            min_tokens=self._reading.min_tokens,
            whole=self.whole,
            counts=self._counts,
        )

    @property
    def n_kept(self) -> int:
        """Sentences that have stayed so far, in this pass."""
        return self._counts.n_kept_sentences

    def counts(self) -> dict[str, int]:
        """What came in and what was dropped, in the last pass."""
        counts = self._counts
        return {
            "paragraphs": counts.n_paragraphs,
            "paragraphs_dropped": counts.n_short_paragraphs + counts.n_emptied_paragraphs,
            "sentences": counts.n_sentences,
            "short_sentences_dropped": counts.n_short_sentences,
        }


class _First:
    """The first sentences alone; of paragraphs that are read whole, those that the last of them is in."""

    def __init__(self, split: _Split | None, n_sentences: int) -> None:
        self._split, self._n_sentences = split, n_sentences

    def __call__(self, paragraphs: Iterator[str]) -> Iterator[str]:
        if self._split is None or not self._split.whole:
            yield from islice(self._split(paragraphs) if self._split else paragraphs, self._n_sentences)
            return
        for line in self._split(paragraphs):
            yield line
            if self._split.n_kept >= self._n_sentences:
                return


def _summary(
    extraction: Extraction,
    counts: dict[str, int],
    teacher: StaticTeacher,
    name: str,
    training: ExtractConfig,
    out: Path,
    seconds: float,
    preset: dict[str, object],
) -> Summary:
    return Summary(
        out=str(out),
        words=len(extraction.vectors),
        width=extraction.vectors.width,
        model=name,
        layer=teacher.layer,
        n_layers=teacher.n_layers,
        max_len=teacher.max_len,
        method=training.method if training.method == "aggregate" else f"x2static, {training.variant}",
        counts=counts,
        loss=extraction.loss,
        seconds=round(seconds, 1),
        preset=preset,
    )


def _open_teacher(reading: WordReadingConfig, training: ExtractConfig) -> "tuple[StaticTeacher, Encoder]":
    # The pooling is not read, but that of a sentence encoder may be one that is not known here.
    opened = open_model(
        reading.model,
        revision=reading.revision,
        max_len=reading.max_len,
        layer=(reading.layer or "0",),
        pooling="mean-all",
    )
    encoder = opened.encoder
    limit = position_limit(encoder.model)
    max_len = reading.max_len or min(_MAX_LENS[training.variant], limit)
    layer = opened.layers[0] if reading.layer else None
    teacher = StaticTeacher(encoder, layer, max_len=max_len, precision=reading.precision)
    say(f"{encoder.name}: layer {teacher.layer} of {encoder.n_layers}, up to {teacher.max_len} tokens a line.")
    return teacher, encoder


@contextmanager
def _files(names: Sequence[str], folder: Path) -> Generator[list[str]]:
    """The names, stdin written to a file beside `folder`, because the text is read twice."""
    if "-" not in names:
        yield list(names)
        return
    if list(names).count("-") > 1 or processes.several():
        message = "- (stdin) can be read once, by one process; give it once, or write the text to a file."
        raise UsageError(message)
    spool = folder.with_name(f"{folder.name}.stdin.txt")
    try:
        with replacing(spool) as file:
            file.writelines(f"{line}\n" for line in read_lines("-"))
        yield [str(spool) if name == "-" else name for name in names]
    finally:
        spool.unlink(missing_ok=True)


@contextmanager
def _streamed(
    names: Sequence[str],
    folder: Path,
    code: str,
    hub: HubTextConfig,
    prepare: Callable[[Iterator[str]], Iterator[str]],
    split: _Split | None,
) -> Generator[list[str]]:
    """The names; the paragraphs of hub data sets that are needed in files beside `folder`, read from the hub once.

    A file is named by what it was asked for with, appears whole or not at all, and is kept as long as `folder` is.
    """
    files = []
    for name in names:
        if not is_hub_text(name):
            files.append(name)
            continue
        asked = f"{name} {code} {hub} {split.identity if split else ''}"
        path = folder.with_name(f"{folder.name}.hub-{hashlib.sha256(asked.encode()).hexdigest()[:12]}.txt")
        if path.exists():
            say(f"note: going on with the text of {name} in {path}.")
        elif processes.is_main():
            with replacing(path) as file, Progress(f"text of {name}", hub.sentences(name), "sentences") as progress:
                for number, _ in enumerate(prepare(_copied(_paragraphs(name, code, hub), file)), 1):
                    progress.advance(number)
        files.append(str(path))
    if files != list(names):
        processes.wait()
    yield files


def _paragraphs(name: str, code: str, hub: HubTextConfig) -> Iterator[str]:
    return hub_text(
        name,
        code,
        config=hub.hub_config,
        split=hub.hub_split,
        revision=hub.hub_revision,
        column=hub.column,
        buffer=hub.shuffle_buffer,
        seed=hub.shuffle_seed,
    )


def _copied(lines: Iterator[str], file: IO[str]) -> Iterator[str]:
    """The lines, each written to `file` when it is taken."""
    for line in lines:
        file.write(f"{line}\n")
        yield line


class _Stages:
    """Progress of one stage after another."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "_Stages":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def tell(self, stage: str, done: int, total: int, note: str) -> None:
        """Say what is done of which stage; where the total is not known, lines are counted."""
        if stage != self._stage:
            self._stack.close()
            self._stage = stage
            unit = "lines" if stage == "reading" or not total else "batches"
            self._bar = self._stack.enter_context(Progress(stage, total, unit, quiet=not total))
        if self._bar is not None:
            self._bar.advance(done, note)
