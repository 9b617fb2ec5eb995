"""States of frozen encoders, kept by what they were computed from: weights, tokenizer, settings and texts."""

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders.model.evaluation_mode import evaluation_mode
from xl_encoders.reading.embedding import Reading, padded_batches
from xl_encoders.reading.stages import told
from xl_encoders.reading.states import hidden_states
from xl_encoders.reading.vector_files import fingerprint
from xl_encoders.whole_files import replace_whole
from xl_tasks.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from xl_encoders import Encoder

_log = logging.getLogger(__name__)

_KINDS = ((8, torch.int64), (4, torch.int32), (2, torch.int16), (1, torch.uint8))


class EmbeddingCache:
    """Vectors of texts and states of tokens, computed once for each encoder, setting and list of texts.

    folder: where they are kept for other processes too, a `.npy` file each; None keeps them in memory alone. A file
        appears whole or not at all, so that two processes may write at once and one may be killed. It is not shrunk;
        delete the folder to have the room back.
    layers: `hidden_states` indices that every forward pass keeps beside those asked for, negative from the end: a sweep
        over them then reads each text once.
    memory: most bytes held in memory. What was not asked for longest goes first, to be computed or read again.

    An encoder is known by its weights and its tokenizer, not by its name, so that one that was trained on, in place,
    has other entries. Results are for reading only.
    """

    def __init__(self, folder: Path | str | None = None, *, layers: Sequence[int] = (), memory: int = 2 << 30) -> None:
        self.folder = None if folder is None else Path(folder)
        self.layers = tuple(layers)
        self._memory = memory
        self._held: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._size = 0
        self._prints: WeakKeyDictionary[nn.Module, tuple[object, str]] = WeakKeyDictionary()
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            message = f"{self.folder} is no folder; give one for the cache of embeddings."
            raise TaskError(message)

    def embed(
        self,
        encoder: "Encoder",
        texts: Sequence[str],
        *,
        layers: Sequence[int],
        pooling: str,
        max_len: int | None = None,
        precision: str = "no",
        warn: bool = True,
    ) -> list[NDArray[np.float32]]:
        """(n_texts, width) float32 vectors for each of `layers`, as `encoder.embed` gives them.

        max_len: longest input in tokens, specials included; None takes the encoder's.
        warn: whether texts that are cut are told of in the log; false where somebody else has.
        """
        from xl_encoders import Encoder

        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        if len(places) < len(texts):  # a premise of XNLI stands in three pairs
            found = self.embed(
                encoder, list(places), layers=layers, pooling=pooling, max_len=max_len, precision=precision, warn=warn
            )
            return [vectors[[places[text] for text in texts]] for vectors in found]
        reader = encoder
        if not warn or (max_len is not None and max_len != encoder.max_len):
            limit = max_len or encoder.max_len
            reader = Encoder(
                encoder.model,
                encoder.tokenizer,
                name=encoder.name,
                max_len=limit,
                prompt=encoder.prompt,
                pools_prompt=encoder.pools_prompt,
                tail=encoder.tail,
            )
            reader.cut_before = not warn
        settings = ["texts", pooling, reader.max_len, precision, reader.prompt, reader.pools_prompt]
        if reader.tail is not None:
            settings.append(reader.tail.digest())

        def compute(wanted: list[int]) -> list[NDArray[np.float32]]:
            return reader.embed(texts, layers=wanted, pooling=pooling, precision=precision)

        return self._get(encoder, settings, _digest_texts(texts), layers, compute)

    def states(
        self,
        encoder: "Encoder",
        rows: Sequence[Sequence[int]],
        places: Sequence[Sequence[int]],
        *,
        layers: Sequence[int],
        precision: str = "no",
    ) -> list[NDArray[np.float32]]:
        """(n_places, width) float32 states of chosen tokens for each of `layers`, row after row.

        rows: token ids, specials included, each at most as long as the model's positions.
        places: for each row the positions of the tokens wanted, ascending.
        """

        def compute(wanted: list[int]) -> list[NDArray[np.float32]]:
            return _token_states(encoder, rows, places, Reading.of(encoder, wanted, "mean-all", precision))

        return self._get(encoder, ["tokens", precision], _digest_numbers([*rows, *places]), layers, compute)

    def _get(
        self,
        encoder: "Encoder",
        settings: list[object],
        content: str,
        layers: Sequence[int],
        compute: "Callable[[list[int]], list[NDArray[np.float32]]]",
    ) -> list[NDArray[np.float32]]:
        asked = [encoder.resolve_layer(layer) for layer in layers]
        about = json.dumps([self.fingerprint(encoder), *settings, content])
        keys = {layer: hashlib.blake2b(f"{about} {layer}".encode(), digest_size=20).hexdigest() for layer in asked}
        by_layer = {layer: self._find(keys[layer]) for layer in asked}
        if any(vectors is None for vectors in by_layer.values()):
            to_embed = sorted({*asked, *(encoder.resolve_layer(layer) for layer in self.layers)})
            for layer, vectors in zip(to_embed, compute(to_embed), strict=True):
                key = hashlib.blake2b(f"{about} {layer}".encode(), digest_size=20).hexdigest()
                self._keep(key, vectors)
                if layer in by_layer:
                    by_layer[layer] = vectors
        return [vectors for layer in asked if (vectors := by_layer[layer]) is not None]

    def _find(self, key: str) -> NDArray[np.float32] | None:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if self.folder is None:
            return None
        path = _file(self.folder, key)
        try:
            vectors = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            _log.warning("%s cannot be read (%s); it is computed again.", path, error)
            return None
        self._hold(key, vectors)
        return vectors

    def _keep(self, key: str, vectors: NDArray[np.float32]) -> None:
        self._hold(key, vectors)
        if self.folder is None:
            return

        def write(aside: Path) -> None:
            with aside.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)

        try:
            replace_whole(_file(self.folder, key), write)
        except OSError as error:
            message = (
                f"{self.folder} cannot take a cached embedding ({error.strerror or error}); make room or go without."
            )
            raise TaskError(message) from error

    def _hold(self, key: str, vectors: NDArray[np.float32]) -> None:
        self._size -= self._held.pop(key, np.empty(0)).nbytes
        vectors.setflags(write=False)
        self._held[key] = vectors
        self._size += vectors.nbytes
        while self._size > self._memory and len(self._held) > 1:
            self._size -= self._held.popitem(last=False)[1].nbytes

    def fingerprint(self, encoder: "Encoder") -> str:
        """The digest of weights and tokenizer; all weights are read again only where one may have changed."""
        model = encoder.model
        tensors = model.state_dict(keep_vars=True).values()
        # Fused optimisers change weights without counting it as a new version; the sum of their bits tells.
        state = tuple((tensor.data_ptr(), tensor._version, _sum_of_bits(tensor)) for tensor in tensors)
        noted = self._prints.get(model)
        if noted is None or noted[0] != (state, id(encoder.tokenizer)):
            noted = (state, id(encoder.tokenizer)), fingerprint(encoder)
            self._prints[model] = noted
        return noted[1]


def _sum_of_bits(tensor: torch.Tensor) -> int:
    """The sum of its memory read as whole numbers: one pass at the speed of memory, many times that of a digest."""
    content = tensor.detach().contiguous().view(-1).view(torch.uint8)
    # As wide as they can be: numbers of 64 bits are summed ten times as fast as those that must be widened to it.
    kind = next(kind for size, kind in _KINDS if not len(content) % size and not content.storage_offset() % size)
    return int(content.view(kind).sum(dtype=torch.int64))


def _file(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.npy"


def _token_states(
    encoder: "Encoder", rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]], reading: Reading
) -> list[NDArray[np.float32]]:
    counts = [len(tokens) for tokens in places]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    arrays = [np.zeros((starts[-1], encoder.width), dtype=np.float32) for _ in reading.layers]
    with torch.inference_mode(), evaluation_mode(encoder), reading.autocast(encoder):
        batches = padded_batches([len(row) for row in rows], encoder.pad_multiple)
        for members in told(batches, "embedding", len(rows), "texts"):
            batch = encoder.pad([torch.tensor(rows[i]) for i in members]).to(encoder.device)
            states = hidden_states(encoder, batch, reading.layers)
            lines = torch.tensor([line for line, i in enumerate(members) for _ in places[i]], dtype=torch.int64)
            columns = torch.tensor([place for i in members for place in places[i]], dtype=torch.int64)
            slots = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in members])
            for array, layer in zip(arrays, reading.layers, strict=True):
                array[slots] = states[layer][lines, columns].float().cpu().numpy()
    return arrays


def _digest_texts(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def _digest_numbers(rows: Sequence[Sequence[int]]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    digest.update(np.array([len(row) for row in rows], dtype="<i8").tobytes())
    flat: Any = [number for row in rows for number in row]
    digest.update(np.array(flat, dtype="<i8").tobytes())
    return digest.hexdigest()
