"""Word vectors fit together, and gensim sees the same ones."""

import numpy as np
import pytest

from xl_staticemb import StaticembError, WordVectors

VECTORS = WordVectors(["su", "ev", "yok"], np.array([[3.0, 4.0], [1.0, -1.0], [0.0, 0.0]]))


def test_matrix_becomes_single_precision_and_words_are_indexed() -> None:
    assert VECTORS.matrix.dtype == np.float32
    assert (len(VECTORS), VECTORS.width, VECTORS.index["ev"]) == (3, 2, 1)


def test_unit_vectors_have_length_one_but_for_zeros() -> None:
    np.testing.assert_allclose(np.linalg.norm(VECTORS.unit().matrix, axis=1), [1, 1, 0], rtol=1e-6)  # float32


def test_gensim_there_and_back() -> None:
    gensim = VECTORS.to_gensim()
    assert gensim.similarity("su", "ev") == pytest.approx(-1 / (5 * np.sqrt(2)), abs=1e-6)  # float32
    assert np.shares_memory(gensim.vectors, VECTORS.matrix)
    assert np.shares_memory(WordVectors.from_gensim(gensim).matrix, VECTORS.matrix)
    back = WordVectors.from_gensim(gensim)
    assert back.words == VECTORS.words
    np.testing.assert_array_equal(back.matrix, VECTORS.matrix)


def test_gensim_can_go_on_with_ours() -> None:
    gensim = VECTORS.to_gensim()
    gensim.add_vectors(["yeni", "su"], np.array([[7.0, 8.0], [0.0, 0.0]], np.float32))
    assert gensim.index_to_key == ["su", "ev", "yok", "yeni"]
    np.testing.assert_array_equal(gensim["yeni"], [7, 8])
    np.testing.assert_array_equal(gensim["ev"], VECTORS.matrix[1])
    assert (len(VECTORS), VECTORS.matrix.shape) == (3, (3, 2))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(StaticembError, match="1 words need a matrix of as many rows"):
        WordVectors(["su"], np.ones((2, 2)))
    with pytest.raises(StaticembError, match="'su' is there more than once"):
        WordVectors(["su", "su"], np.ones((2, 2)))
