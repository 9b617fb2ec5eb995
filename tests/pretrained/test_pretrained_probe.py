"""`xl eval sib200 --probe` on a real encoder, against scikit-learn on vectors out of `transformers` alone."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from tests.cli.conftest import Run, xl  # noqa: F401  (the fixture)
from tests.pretrained.topics import DEV, TEST, TRAIN


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentences in the files of SIB-200; of other languages than English a test set alone."""
    root = tmp_path_factory.mktemp("topics")
    for code, texts in TEST.items():
        folder = root / "sib200" / code
        folder.mkdir(parents=True)
        splits = {"train": TRAIN, "dev": DEV, "test": texts} if code == "eng_Latn" else {"test": texts}
        for split, by_topic in splits.items():
            pairs = [(topic, text) for topic, its in by_topic.items() for text in its]
            lines = [f"{number}\t{topic}\t{text}" for number, (topic, text) in enumerate(pairs)]
            table = "\n".join(["index_id\tcategory\ttext", *lines]) + "\n"
            (folder / f"{split}.tsv").write_text(table, encoding="utf-8")
    return root


def test_a_probe_carries_topics_to_other_languages(
    xl: Run, pretrained_folder: Path, topics: Path  # noqa: F811
) -> None:  # fmt: skip
    """Chance is one in three. The same figures as from logistic regression on vectors of each sentence read alone."""
    command = ("eval", "sib200", "--model", pretrained_folder, "--data", topics, "--probe", "--layer", "last")
    done = xl(*command, "--source", "eng", "--resamples", 0, "--json")
    assert done.returncode == 0, done.stderr
    found = {
        (row["target"], row["metric"]): row["value"]
        for row in map(json.loads, done.stdout.splitlines())
        if row["tuning"] == "probe/default"
    }
    tokenizer: Any = AutoTokenizer.from_pretrained(pretrained_folder)
    model = AutoModel.from_pretrained(pretrained_folder, add_pooling_layer=False).eval()

    @torch.inference_mode()
    def vectors(by_topic: Mapping[str, Iterable[str]]) -> np.ndarray:
        texts = [text for its in by_topic.values() for text in its]
        return np.stack(
            [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy() for text in texts]
        )

    def names(by_topic: Mapping[str, Iterable[str]]) -> list[str]:
        return [topic for topic, its in by_topic.items() for _ in its]

    scaler = StandardScaler().fit(vectors(TRAIN))
    x, dev = scaler.transform(vectors(TRAIN)), scaler.transform(vectors(DEV))
    lines = [LogisticRegression(C=c, max_iter=1000).fit(x, names(TRAIN)) for c in (0.001, 0.01, 0.1, 1.0)]
    best = max(lines, key=lambda line: f1_score(names(DEV), line.predict(dev), average="macro"))
    for code, by_topic in TEST.items():
        predicted = best.predict(scaler.transform(vectors(by_topic)))
        assert found[code, "accuracy"] == pytest.approx(accuracy_score(names(by_topic), predicted)), code
        assert found[code, "macro_f1"] == pytest.approx(f1_score(names(by_topic), predicted, average="macro")), code
        assert found[code, "accuracy"] >= 2 / 3 + 0.1, code
