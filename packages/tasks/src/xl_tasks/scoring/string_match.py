"""Matching by spelling alone: character n-grams of the romanised text, weighted by tf-idf. No training, no model.

It is what a user would try first on names, and what an encoder has to be better than.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from xl_tasks.errors import TaskError

POOLING = "none"


class StringMatch:
    """An `Encoder` whose vectors count the 1- to 3-grams of characters in the romanised, lower-cased text.

    texts: the strings to be matched, of all languages; only their n-gram frequencies are used, no label.
    romanise: text -> Latin text, for instance an `xl_translit.Romanizer`; called once for each distinct text.

    Vectors have unit length, so their dot product is the cosine; a text without a known n-gram has the zero vector.
    """

    name = "string-match"
    n_layers = 0

    def __init__(self, texts: Iterable[str], romanise: Callable[[str], str]) -> None:
        self._romanise = romanise
        self._latin: dict[str, str] = {}
        distinct = list(dict.fromkeys(texts))
        self._vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=True, dtype=np.float32)
        latin = self._romanised(distinct)
        if not any(latin):
            message = "string matching needs at least one text that is not empty once romanised."
            raise TaskError(message)
        self._vectorizer.fit(latin)

    @property
    def width(self) -> int:
        """Number of different n-grams."""
        return len(self._vectorizer.vocabulary_)

    def embed(self, texts: Sequence[str], *, layer: int = 0, pooling: str = POOLING) -> sparse.csr_array:
        """One vector a text: (n_texts, width) float32, sparse. `layer` and `pooling` mean nothing here."""
        return sparse.csr_array(self._vectorizer.transform(self._romanised(texts)))

    def _romanised(self, texts: Sequence[str]) -> list[str]:
        for text in texts:
            if text not in self._latin:
                self._latin[text] = self._romanise(text)
        return [self._latin[text] for text in texts]
