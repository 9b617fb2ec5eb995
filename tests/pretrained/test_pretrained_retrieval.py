"""A real encoder finds translations, whatever the script, in each direction; random weights cannot show that."""

import numpy as np
import pytest

from tests.pretrained.sentences import SENTENCES
from xl_encoders import Encoder

# Sentences per language, all different in meaning.
N = 16


def test_the_sentences_are_as_many_in_each_language() -> None:
    assert {len(set(texts)) for texts in SENTENCES.values()} == {N}


@pytest.fixture(scope="module")
def vectors(pretrained: Encoder) -> dict[str, np.ndarray]:
    """(16, width) unit vectors by language, from the layer and pooling that the model was trained for."""
    texts = [f"query: {text}" for texts in SENTENCES.values() for text in texts]
    states = pretrained.embed(texts, layer=-1, pooling="mean-all")
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    return dict(zip(SENTENCES, states.reshape(len(SENTENCES), N, -1), strict=True))


def test_translations_are_nearest_in_every_direction(vectors: dict[str, np.ndarray]) -> None:
    """Chance is 1 of 16; a right model finds at least 15."""
    found = {
        (source, target): int(((vectors[source] @ vectors[target].T).argmax(axis=1) == np.arange(N)).sum())
        for source in SENTENCES
        for target in SENTENCES
    }
    assert min(found.values()) >= N - 2, found
