"""Low-rank updates of an encoder: what is trained; a saved folder and a merged encoder give what the adapted gives."""

import sys
from pathlib import Path

import pytest
import torch
from tests.encoders.conftest import TEXTS

from xl_encoders import Encoder, EncoderError, load_encoder


def vectors(encoder: Encoder) -> torch.Tensor:
    return torch.from_numpy(encoder.embed(TEXTS, layer=-1))


def test_saved_and_merged_are_what_the_adapted_encoder_is(xlmr: Encoder, tmp_path: Path) -> None:
    pytest.importorskip("peft")  # of the extra lora
    xlmr.eval()
    before = vectors(xlmr)
    names = set(xlmr.state_dict())
    xlmr.adapt(rank=2, dropout=0.0)
    assert torch.allclose(vectors(xlmr), before, atol=1e-6)  # updates begin at 0
    trained = {name: weight for name, weight in xlmr.named_parameters() if weight.requires_grad}
    assert len(trained) == 2 * 2 * xlmr.n_layers  # two factors for queries and values of each block
    assert all("lora" in name and min(weight.shape) == 2 for name, weight in trained.items())
    with torch.no_grad():
        for weight in trained.values():
            weight.add_(0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    adapted = vectors(xlmr)
    assert not torch.allclose(adapted, before, atol=1e-3)
    xlmr.save(tmp_path)
    assert torch.allclose(vectors(load_encoder(str(tmp_path), max_len=xlmr.max_len)), adapted, atol=1e-5)
    assert any("lora" in name for name in xlmr.state_dict())  # saving left it adapted
    xlmr.merge()
    assert set(xlmr.state_dict()) == names
    assert all(weight.requires_grad for weight in xlmr.parameters())
    assert torch.allclose(vectors(xlmr), adapted, atol=1e-5)


def test_without_peft_the_line_that_installs_it(xlmr: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(
        EncoderError, match=r'needs? the peft library; install it with: pip install "xl-encoders\[lora\]"'
    ):
        xlmr.adapt(rank=2)
