"""Vectors of parallel texts at several layers from one reading, and transformed alike in all languages."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xl_encoders import fit_transform

# Vectors that are kept for later layers; where all layers need more, each layer reads the texts again.
_MOST_BYTES = 2 << 30


class Embedder(Protocol):
    """An encoder, or one whose vectors are kept."""

    @property
    def width(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str], *, layers: Sequence[int], pooling: str) -> list[NDArray[np.float32]]:
        """One array a layer, (n_texts, width)."""
        ...


class LayerSweep:
    """The vectors of an encoder that knows beforehand what it will be asked for.

    texts: for each language what will be embedded, in one call a language.
    layers: `hidden_states` indices, from 0.
    transforms: names, in order of application. `center` takes each language's own mean away: most of what tells
        languages apart is a constant. The others are fitted on the texts of all languages together, since dimensions
        that one language alone drops or turns cannot be compared with another's.
    """

    def __init__(
        self,
        encoder: Embedder,
        texts: Mapping[str, Sequence[str]],
        layers: Sequence[int],
        pooling: str,
        transforms: Sequence[str] = (),
    ) -> None:
        self._encoder = encoder
        self._texts = {language: tuple(items) for language, items in texts.items()}
        self._layers = list(dict.fromkeys(layers))
        self._pooling = pooling
        self._transforms = transforms
        self._kept: dict[tuple[int, str], NDArray[np.float32]] = {}
        self._places: dict[str, dict[str, int]] = {}
        self._ready: dict[str, NDArray[np.float32]] = {}
        self._ready_layer = -1

    @property
    def pooling(self) -> str:
        """How result rows call the vectors: the pooling, then what was done to them, e.g. mean-all+center."""
        return "+".join([self._pooling, *self._transforms])

    def vectors(self, language: str, texts: Sequence[str], *, layer: int) -> NDArray[np.float32]:
        """Those of some of a language's texts at a layer, (n_texts, width), with all transforms."""
        if layer != self._ready_layer:
            self._ready, self._ready_layer = self.views(layer), layer
        places = self._places.setdefault(language, {text: i for i, text in enumerate(self._texts[language])})
        return self._ready[language][[places[text] for text in texts]]

    def views(self, layer: int) -> dict[str, NDArray[np.float32]]:
        """The vectors of every language at a layer, (n_texts, width) each, with all transforms."""
        views = {language: self._read(language, layer) for language in self._texts}
        for name in self._transforms:
            shared = None if name == "center" else fit_transform(name, np.concatenate(list(views.values())))
            views = {
                language: (shared or fit_transform(name, vectors)).apply(vectors) for language, vectors in views.items()
            }
        return views

    def _read(self, language: str, layer: int) -> NDArray[np.float32]:
        """Untransformed vectors; those of the layers to come are read along where there is room for them."""
        if (layer, language) not in self._kept:
            n_texts = sum(map(len, self._texts.values()))
            fits = n_texts * self._encoder.width * 4 * len(self._layers) <= _MOST_BYTES
            layers = [number for number in self._layers if fits or number == layer]
            by_layer = self._encoder.embed(self._texts[language], layers=layers, pooling=self._pooling)
            self._kept |= {(number, language): vectors for number, vectors in zip(layers, by_layer, strict=True)}
        return self._kept.pop((layer, language))
