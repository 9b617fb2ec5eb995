"""A model of a moment's making."""

from pathlib import Path

import pytest

from xl_encoders import ModelConfig, new_encoder
from xl_encoders.model.encoder import save_model


@pytest.fixture(scope="session")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a new encoder of the pico size whose vocabulary is that of `corpus`."""
    texts = [line for path in corpus.glob("*.txt") for line in path.read_text(encoding="utf-8").split()]
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(new_encoder(texts, ModelConfig(size="pico", pieces=80, max_len=32), seed=1), folder)
    return folder
