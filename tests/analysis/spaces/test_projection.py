"""Points on a plane against scikit-learn's, and what a projection has to keep."""

from typing import Literal

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from xl_analysis import AnalysisError, points_page, project, scatter


def clusters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = 10 * np.eye(6)[:2]
    return {name: rng.normal(size=(20, 6)) + centre for name, centre in zip("ab", centres, strict=True)}


def test_principal_axes_are_scikit_learns() -> None:
    views = clusters()
    found = project(views, method="pca")
    stacked = np.concatenate([views["a"], views["b"]])
    theirs = PCA(n_components=2).fit_transform(stacked)
    mine = np.concatenate([found.points["a"], found.points["b"]])
    np.testing.assert_allclose(np.abs(mine), np.abs(theirs), atol=1e-9)  # axes have no direction
    assert found.trustworthiness == pytest.approx(trustworthiness(stacked, theirs, n_neighbors=5))


@pytest.mark.parametrize("method", ["tsne", "opentsne"])
def test_groups_stay_apart_and_a_seed_repeats(method: Literal["tsne", "opentsne"]) -> None:
    if method == "opentsne":
        pytest.importorskip("openTSNE")
    found = project(clusters(), method=method, perplexity=8)
    again = project(clusters(), method=method, perplexity=8)
    for name, points in found.points.items():
        np.testing.assert_array_equal(points, again.points[name])
    a, b = found.points.values()
    middle = (a.mean(axis=0) + b.mean(axis=0)) / 2
    sides = [((points - middle) @ (a.mean(axis=0) - b.mean(axis=0))) > 0 for points in (a, b)]
    assert sides[0].mean() > 0.9
    assert sides[1].mean() < 0.1
    assert found.trustworthiness > 0.7


def test_bad_input() -> None:
    with pytest.raises(AnalysisError, match="perplexity 30 does not fit 40 vectors"):
        project(clusters())
    with pytest.raises(AnalysisError, match="view 'b' has the same vector for every item"):
        project(clusters() | {"b": np.ones((20, 6))})


def test_the_page_holds_texts_escaped_and_fetches_nothing() -> None:
    figure = scatter([0, 1], [0, 1], groups=["a", "b"], texts=["<script>alert(1)</script> & co", "سلام"])
    page = points_page(figure, title="<b>x</b>", about="two & two")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co</title>" in page
    assert "سلام</title>" in page
    assert "<bdi>&lt;b&gt;x&lt;/b&gt;</bdi>" in page
    assert 'id="text" dir="auto"' in page
    assert "src=" not in page.replace("script-src", "").replace("style-src", "").replace("img-src", "")
