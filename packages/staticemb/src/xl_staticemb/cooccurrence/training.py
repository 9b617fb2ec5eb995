"""word2vec and fastText vectors of a text, by gensim, epoch after epoch, so that a stopped training goes on.

gensim reads no more than 10,000 words of a sentence and drops the rest without a word, so longer lines are cut into
several. It makes the learning rate fall by jobs of 10,000 words, which is one step for a small text: jobs are smaller
here where the text is. The random numbers of an epoch come from (seed, epoch) alone.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xl_staticemb.cooccurrence.config import CooccurrenceConfig
from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import write_whole
from xl_staticemb.vectors import WordVectors
from xl_staticemb.x2static.word_counts import choose_words

if TYPE_CHECKING:
    from gensim.models import Word2Vec

_LONGEST = 10_000  # words of a sentence that gensim reads
_JOBS = 100  # of an epoch and thread at least, in which the learning rate falls
_LAST_RATE = 0.01  # share of the learning rate at the end
_STATE = "state.safetensors"

Sentences = Callable[[], Iterator[list[str]]]
"""Opens the text anew: an iterator over the words of one line after the other."""
Progress = Callable[[int, int, int], None]
"""Told while a text is read: epoch from 1, 0 for the counting; lines read in it; lines in all, 0 if unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """Vectors, and what they were trained on."""

    vectors: WordVectors
    """By frequency, the equally frequent in the order of their characters."""
    n_lines: int
    n_words: int
    """Occurrences of words in the text."""
    n_kept: int
    """Of these, occurrences of words with a vector."""
    first_epoch: int
    """Epochs that a stopped training had finished before."""


def train_vectors(
    sentences: Sentences,
    config: CooccurrenceConfig,
    *,
    folder: Path | None = None,
    identity: str = "",
    progress: Progress | None = None,
) -> Trained:
    """Train vectors on `sentences`, which is opened once to count words and once an epoch.

    folder: where the state is kept after each epoch, and where a training that was stopped goes on. identity: what the
    text is; a state of another text or other settings is refused. With one thread the same text, settings and seed give
    the same vectors, stopped in between or not. Raises StaticembError, also for a text without a word that is frequent
    enough.
    """
    told = progress or (lambda *_: None)
    counts: Counter[str] = Counter()
    n_lines = 0
    for words in _pieces(sentences()):
        counts.update(words)
        n_lines += 1
        told(0, n_lines, 0)
    vocabulary = choose_words(counts, min_count=config.min_count, max_words=config.max_words)
    n_kept = int(vocabulary.counts.sum())
    model = _model(config, dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)), n_lines, n_kept)
    settings = asdict(replace(config, threads=1))
    about: dict[str, object] = {"settings": settings, "text": identity, "words": n_kept, "lines": n_lines}
    first = _restore(model, folder, about) if folder else 0
    for epoch in range(first, config.epochs):
        failures: list[BaseException] = []

        def lines(epoch: int = epoch, failures: list[BaseException] = failures) -> Iterator[list[str]]:
            try:
                for n, words in enumerate(_pieces(sentences()), 1):
                    told(epoch + 1, n, n_lines)
                    yield words
            except BaseException as error:
                failures.append(error)

        model.random = np.random.RandomState((config.seed * 1_000_003 + epoch) % 2**32)
        with _quiet():
            model.train(
                _Pass(lines),
                total_examples=n_lines,
                epochs=1,
                start_alpha=_rate(config, epoch),
                end_alpha=_rate(config, epoch + 1),
            )
        if failures:
            raise failures[0]
        if folder and epoch + 1 < config.epochs:
            _save(model, folder, about, epoch + 1)
    index = model.wv.key_to_index
    matrix = model.wv.vectors[[index[word] for word in vocabulary.words]]
    return Trained(
        vectors=WordVectors(vocabulary.words, matrix),
        n_lines=n_lines,
        n_words=counts.total(),
        n_kept=n_kept,
        first_epoch=first,
    )


class _Pass:
    """One pass over a text, as gensim wants it: it can be opened, once."""

    def __init__(self, lines: Callable[[], Iterator[list[str]]]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[list[str]]:
        return self._lines()


def _pieces(sentences: Iterator[list[str]]) -> Iterator[list[str]]:
    """Lines of 10,000 words at most."""
    for words in sentences:
        rest = iter(words)
        while piece := list(islice(rest, _LONGEST)):
            yield piece


def _rate(config: CooccurrenceConfig, epoch: int) -> float:
    """The learning rate after `epoch` epochs."""
    return config.lr * (1 - (1 - _LAST_RATE) * epoch / config.epochs)


def _model(config: CooccurrenceConfig, counts: dict[str, int], n_lines: int, n_kept: int) -> "Word2Vec":
    from gensim.models import FastText, Word2Vec

    of_grams = {"min_n": config.min_gram, "max_n": config.max_gram, "bucket": config.buckets}
    model = (FastText if config.method == "fasttext" else Word2Vec)(
        sg=int(config.algorithm == "skipgram"),
        vector_size=config.width,
        window=config.window,
        min_count=1,
        negative=config.negatives,
        sample=config.subsample,
        alpha=config.lr,
        workers=config.threads,
        seed=config.seed,
        batch_words=max(1, min(_LONGEST, n_kept // (_JOBS * config.threads))),
        **(of_grams if config.method == "fasttext" else {}),
    )
    with _quiet():
        model.build_vocab_from_freq(counts, corpus_count=n_lines)
    return model


@contextmanager
def _quiet() -> Generator[None]:
    """Gensim's warnings are about the jobs and the counts that are chosen here."""
    log = logging.getLogger("gensim")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _arrays(model: "Word2Vec") -> dict[str, NDArray[np.float32]]:
    """What training changes, by name; of fastText a word's own part and the n-grams, whose sum is its vector."""
    vectors: Any = model.wv  # of fastText a class of its own, which no stub knows
    if hasattr(vectors, "vectors_ngrams"):
        return {"words": vectors.vectors_vocab, "grams": vectors.vectors_ngrams, "outputs": model.syn1neg}
    return {"words": vectors.vectors, "outputs": model.syn1neg}


def _save(model: "Word2Vec", folder: Path, about: dict[str, object], epoch: int) -> None:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    told = {"about": json.dumps(about, sort_keys=True), "epoch": str(epoch)}
    write_whole(folder / _STATE, lambda path: save_file(_arrays(model), path, told))


def _restore(model: "Word2Vec", folder: Path, about: dict[str, object]) -> int:
    """Put the state of `folder` into `model`; the epochs that it had finished, 0 without a state."""
    from safetensors import SafetensorError, safe_open

    path = folder / _STATE
    if not path.exists():
        return 0
    try:
        with safe_open(path, "np") as file:
            told = file.metadata() or {}
            if told.get("about") != json.dumps(about, sort_keys=True):
                message = f"{path}: the state of another text or of other settings; name another folder, or delete it"
                raise StaticembError(message)
            for name, array in _arrays(model).items():
                array[:] = file.get_tensor(name)
    except SafetensorError as error:
        message = f"{path}: not a state that can be read ({error}); delete it"
        raise StaticembError(message) from None
    vectors: Any = model.wv
    if hasattr(vectors, "adjust_vectors"):
        vectors.adjust_vectors()
    return int(told["epoch"])
