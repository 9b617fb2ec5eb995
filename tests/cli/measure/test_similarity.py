"""`xl analyze similarity`: its rows against the vectors, misses with their examples, SIB-200's topics."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity
from tests.cli.conftest import Run

import xl_cli
from xl_encoders import ModelConfig, load_encoder, new_encoder
from xl_translit import Romanizer

TOPICS = ["science/technology", "travel", "politics", "sports"]


@pytest.fixture(scope="module")
def sib200(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """The corpus in the layout of SIB-200, forty sentences of two names, each with a topic."""
    folder = tmp_path_factory.mktemp("topics") / "sib200"
    for code in ("eng_Latn", "ell_Grek"):
        names = (corpus / f"{code}.txt").read_text(encoding="utf-8").split()
        lines = [f"{i}\t{TOPICS[i % 4]}\t{names[i]} {names[i + 40]} {i % 7}\n" for i in range(40)]
        (folder / code).mkdir(parents=True)
        (folder / code / "test.tsv").write_text("index_id\tcategory\ttext\n" + "".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def encoder_folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "pico"
    texts = [line for path in sorted(corpus.glob("*.txt")) for line in path.read_text(encoding="utf-8").split()]
    new_encoder(texts, ModelConfig(size="pico", pieces=60, max_len=24), seed=0).save(folder)
    return folder


def sentences(folder: Path, code: str) -> dict[str, str]:
    lines = (folder / code / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {key: text for key, _, text in (line.split("\t") for line in lines)}


def test_rows_are_those_of_the_vectors(sib200: Path, encoder_folder: Path, tmp_path: Path) -> None:
    rows = xl_cli.analyze(
        "similarity", model=encoder_folder, data=sib200, layer="1", misses=str(tmp_path / "misses.jsonl")
    )
    value = {row.metric: row.value for row in rows}
    encoder = load_encoder(encoder_folder)
    sides = {code: sentences(sib200, code) for code in ("ell_Grek", "eng_Latn")}
    keys = sorted(sides["eng_Latn"])
    for prefix, read in (("", list), ("romanised_", Romanizer().batch)):
        views = [
            encoder.embed(read([side[key] for key in keys]), layer=1, pooling="mean-all") for side in sides.values()
        ]
        matrix = cosine_similarity(*views)
        matched = np.eye(40, dtype=bool)
        # 1e-3: float32 vectors of other batches.
        assert value[f"{prefix}matched"] == pytest.approx(matrix[matched].mean(), abs=1e-4)
        assert value[f"{prefix}random"] == pytest.approx(matrix[~matched].mean(), abs=1e-4)
        assert value[f"{prefix}auc"] == pytest.approx(roc_auc_score(matched.ravel(), matrix.ravel()), abs=1e-3)
        if not prefix:
            nearest = [matrix.argmax(axis=1), matrix.argmax(axis=0)]
            n_missed = sum(int((side != np.arange(40)).sum()) for side in nearest)
            assert value["misses"] == pytest.approx(n_missed / 80, abs=0.03)
    told = [json.loads(line) for line in (tmp_path / "misses.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(told) == round(80 * value["misses"])
    topic = {str(i): TOPICS[i % 4] for i in range(40)}
    for miss in told:
        assert miss["text"] == sides[miss["source"]][miss["key"]]
        assert miss["nearest_text"] == sides[miss["target"]][miss["nearest"]]
        assert ("topic" in miss["kinds"]) == (topic[miss["key"]] == topic[miss["nearest"]])
        assert miss["cosine_nearest"] >= miss["cosine"]
    same_topic = [miss for miss in told if "topic" in miss["kinds"]]
    assert value["miss_topic"] == pytest.approx(len(same_topic) / len(told))
    (chance,) = (row.chance for row in rows if row.metric == "miss_topic")
    assert chance == pytest.approx(9 / 39)
    assert "AUC %" in str(rows)
    assert "topic 23 %" in str(rows).replace("\n", " ")


def test_without_topics_and_without_the_romanised_pass(
    xl: Run, corpus: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    call = ("analyze", "similarity", "--model", encoder_folder, "--data", corpus, "--as-written")
    done = xl(*call, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert "is nearer to" in done.stderr
    metrics = {json.loads(line)["metric"] for line in done.stdout.splitlines()}
    assert {"matched", "hub_skew", "misses", "miss_surface"} <= metrics
    assert not any(metric.startswith(("romanised", "miss_topic")) for metric in metrics)
    assert "hub skew" in xl("report", tmp_path / "out").stdout
    assert xl("eval", "similarity", "--help").returncode in (0, 2)


def test_a_folder_without_a_tokenizer_is_told(xl: Run, corpus: Path, encoder_folder: Path, tmp_path: Path) -> None:
    for path in encoder_folder.iterdir():
        if "token" not in path.name and "vocab" not in path.name and "sentencepiece" not in path.name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    done = xl("analyze", "similarity", "--model", tmp_path, "--data", corpus)
    assert done.returncode == 1
    assert "tokenizer" in done.stderr
    assert done.stderr.strip().count("\n") == 0
