"""X2Static training from cached contexts (Gupta and Jaggi 2021): batches, saved states, the end.

The order of lines, the negatives and the first vectors are functions of (seed, epoch, window) alone, so that a killed
training goes on to the same vectors. Batches count lines, kept targets or not, as the published loop does; a batch
without a target is no step.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from xl_staticemb.errors import StaticembError
from xl_staticemb.files.whole_files import write_whole
from xl_staticemb.x2static.config import X2StaticConfig
from xl_staticemb.x2static.negative_sampling import NegativeSampling
from xl_staticemb.x2static.negatives import NegativeSampler
from xl_staticemb.x2static.word_counts import Vocabulary

if TYPE_CHECKING:
    from torch import Tensor

    from xl_staticemb.x2static.contexts import ContextPart

# Begin the seeds of order and negatives; other numbers stand for other draws.
_ORDER, _NEGATIVES = 2, 3
# Batches between two reports: reading the loss off a GPU waits for it.
_TELL_EVERY = 16
# Settings that a saved state depends on beyond those of the contexts.
_SETTINGS = ("negatives", "negative_power", "epochs", "batch", "lr", "dim", "compat", "buffer", "seed")


@dataclass(frozen=True)
class TrainingEnd:
    """Vectors (n_words, width) float32, steps taken, and the mean loss of a step in the last epoch."""

    matrix: NDArray[np.float32]
    n_steps: int
    loss: float


@dataclass(frozen=True, eq=False)
class _Window:
    """Targets of the lines that are shuffled together, in the order of their batches.

    vectors: (n_vectors, width) float16. rows, words: (n_targets,). batches: (n_batches + 1,) where each begins.
    """

    vectors: NDArray[np.float16]
    rows: NDArray[np.int64]
    words: NDArray[np.int64]
    batches: NDArray[np.int64]


def train(
    load: Callable[[int], "ContextPart"],
    n_units: Sequence[int],
    vocabulary: Vocabulary,
    config: X2StaticConfig,
    *,
    state: Path | None = None,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int, float], object] | None = None,
) -> TrainingEnd:
    """Train word vectors on the parts that `load` gives by number.

    n_units: for each part its lines with a word of the vocabulary.
    state: file where the training is saved every `config.save_every` steps, and goes on from; one of other settings is
        begun anew. progress: called with batches done, batches in all, mean loss so far in the epoch.

    StaticembError where no target is left in any epoch, and where the vectors become infinite.
    """
    run = _Run(load, list(n_units), vocabulary, config, torch.device(device), state)
    return run.train(progress)


class _Run:
    def __init__(
        self,
        load: Callable[[int], "ContextPart"],
        n_units: list[int],
        vocabulary: Vocabulary,
        config: X2StaticConfig,
        device: torch.device,
        state: Path | None,
    ) -> None:
        self.load, self.n_units, self.config, self.device, self.state = load, n_units, config, device, state
        self.sampler = NegativeSampler(vocabulary.counts, config.negative_power)
        width = load(0).vectors.shape[1]
        self.model = _first_model(len(vocabulary), width, config, device)
        self.n_done = 0  # batches, with and without a target
        self.loss = torch.zeros((), dtype=torch.float64, device=device)  # sum over the epoch's steps
        self.n_in_epoch = 0
        self._restore()

    def train(self, progress: Callable[[int, int, float], object] | None) -> TrainingEnd:
        epochs = [self._windows(epoch) for epoch in range(self.config.epochs)]
        n_batches = sum(size for windows in epochs for size, _ in windows)
        saved = self.model.table.n_steps
        number = 0
        for epoch, windows in enumerate(epochs):
            if number >= self.n_done:
                self.loss.zero_()
                self.n_in_epoch = 0
            for index, (size, parts) in enumerate(windows):
                if number + size <= self.n_done:
                    number += size
                    continue
                for contexts, words in self._batches(epoch, index, parts, self.n_done - number):
                    if len(words):
                        self.loss += self.model.step(contexts, words)
                        self.n_in_epoch += 1
                    self.n_done += 1
                    if self.model.table.n_steps - saved >= self.config.save_every:
                        saved = self.model.table.n_steps
                        self._save()
                    if progress and self.n_done % _TELL_EVERY == 0:
                        progress(self.n_done, n_batches, self._mean_loss())
                number += size
        if self.model.table.n_steps > saved:
            self._save()
        return self._end()

    def _end(self) -> TrainingEnd:
        n_steps = self.model.table.n_steps
        if not n_steps:
            message = (
                "subsampling left no target in any epoch: each occurrence was dropped; give a larger `subsample` "
                "(0 keeps all), or more text."
            )
            raise StaticembError(message)
        matrix = self.model.table.values.cpu().numpy().copy()
        if not np.isfinite(matrix).all():
            message = f"the vectors are not finite after {n_steps} steps; give a smaller `lr`."
            raise StaticembError(message)
        return TrainingEnd(matrix, n_steps, self._mean_loss())

    def _mean_loss(self) -> float:
        return float(self.loss) / max(self.n_in_epoch, 1)

    def _windows(self, epoch: int) -> list[tuple[int, NDArray[np.int64]]]:
        """Number of batches and part numbers of each window of an epoch."""
        order = np.random.default_rng([_ORDER, self.config.seed, epoch]).permutation(len(self.n_units))
        windows: list[list[int]] = [[]]
        size = 0
        for part in order.tolist():
            if windows[-1] and size + self.n_units[part] > self.config.buffer:
                windows.append([])
                size = 0
            windows[-1].append(part)
            size += self.n_units[part]
        sizes = [sum(self.n_units[part] for part in window) for window in windows]
        return [(-(-n // self.config.batch), np.array(w)) for n, w in zip(sizes, windows, strict=True)]

    def _window(self, epoch: int, index: int, parts: NDArray[np.int64]) -> _Window:
        vectors, rows, words, units = [], [], [], []
        n_vectors = n_units = 0
        for number in parts.tolist():
            part = self.load(number)
            chosen = slice(part.epochs[epoch], part.epochs[epoch + 1])
            used, place = np.unique(part.rows[chosen], return_inverse=True)
            vectors.append(part.vectors[used])
            rows.append(place + n_vectors)
            words.append(part.words[chosen].astype(np.int64))
            units.append(part.units[chosen] + n_units)
            n_vectors += len(used)
            n_units += self.n_units[number]
        random = np.random.default_rng([_ORDER, self.config.seed, epoch, index + 1])
        batch = random.permutation(n_units)[np.concatenate(units)] // self.config.batch
        order = np.argsort(batch, kind="stable")
        n_batches = -(-n_units // self.config.batch)
        return _Window(
            np.concatenate(vectors),
            np.concatenate(rows)[order],
            np.concatenate(words)[order],
            np.searchsorted(batch[order], np.arange(n_batches + 1)),
        )

    def _batches(
        self, epoch: int, index: int, parts: NDArray[np.int64], n_passed: int
    ) -> Iterator[tuple["Tensor", "Tensor"]]:
        """Contexts and words of the batches of a window, those behind `n_passed`."""
        window = self._window(epoch, index, parts)
        random = np.random.default_rng([_NEGATIVES, self.config.seed, epoch, index])
        vectors = torch.from_numpy(window.vectors).to(self.device)
        for number, (first, last) in enumerate(zip(window.batches[:-1], window.batches[1:], strict=True)):
            n_targets = int(last - first)
            shape = (n_targets, self.config.negatives)
            negatives = self.sampler.draw(random, shape[0] * shape[1]).reshape(shape)
            if number < n_passed:
                continue
            words = torch.from_numpy(np.column_stack([window.words[first:last], negatives])).to(self.device)
            rows = torch.from_numpy(window.rows[first:last]).to(self.device)
            yield vectors.index_select(0, rows).float(), words

    def _save(self) -> None:
        if self.state is None:
            return
        tensors = {"table": self.model.table.state}
        if self.model.linear is not None:
            tensors["linear"] = self.model.linear
        about = {
            "settings": self._settings(), "n_done": self.n_done, "n_steps": self.model.table.n_steps,
            "loss": float(self.loss), "n_in_epoch": self.n_in_epoch,
        }  # fmt: skip
        write_whole(self.state, lambda path: save_file(tensors, path, {"about": json.dumps(about)}))

    def _restore(self) -> None:
        if self.state is None or not self.state.is_file():
            return
        try:
            with safe_open(self.state, framework="pt", device=str(self.device)) as file:
                about = json.loads(file.metadata()["about"])
                if about["settings"] != self._settings():
                    return
                self.model.table.state = file.get_tensor("table")
                if self.model.linear is not None:
                    self.model.linear = file.get_tensor("linear")
        except (SafetensorError, ValueError, TypeError, LookupError, RecursionError) as error:
            message = f"{self.state} cannot be read ({error}); delete it, and the training begins anew."
            raise StaticembError(message) from error
        self.model.table.n_steps = about["n_steps"]
        self.n_done, self.n_in_epoch = about["n_done"], about["n_in_epoch"]
        self.loss.fill_(about["loss"])

    def _settings(self) -> dict[str, object]:
        return {name: getattr(self.config, name) for name in _SETTINGS}


def _first_model(n_words: int, context_width: int, config: X2StaticConfig, device: torch.device) -> NegativeSampling:
    """Vectors from U(-1/d, 1/d); the map, where one is needed, with orthonormal rows or columns."""
    width = config.dim or context_width
    generator = torch.Generator().manual_seed(config.seed)
    table = (torch.rand(n_words, width, generator=generator) * 2 - 1) / width
    linear = None
    if width != context_width:
        wide, narrow = max(width, context_width), min(width, context_width)
        basis = torch.linalg.qr(torch.randn(wide, narrow, generator=generator, dtype=torch.float64))[0].float()
        linear = (basis if width > context_width else basis.T).contiguous().to(device)
    return NegativeSampling(table.to(device), config.lr, linear=linear, compat=config.compat)
