"""Checkpoints: whole or not there, whatever happens meanwhile; a run that is killed ends as one that is not."""

import errno
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from tests import warm
from tests.encoders.toy_parts import same, small_encoder, state_of
from tests.token_embeddings import token_embeddings
from tests.warm import Warm

from xl_encoders import CheckpointError, Checkpoints, Encoder, save_model
from xl_encoders.training.checkpoint import remove_abandoned, replace_whole

ROOT = Path(__file__).parents[3]


def optimizer_of(encoder: Encoder, n_steps: int = 1) -> torch.optim.AdamW:
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
    for _ in range(n_steps):
        for parameter in encoder.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    optimizer.zero_grad()
    return optimizer


def moments(encoder: Encoder, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{key}/{name}": value.clone()
        for name, parameter in encoder.named_parameters()
        for key, value in optimizer.state[parameter].items()
    }


def test_everything_that_training_changes_comes_back(xlmr: Encoder, tmp_path: Path) -> None:
    optimizer = optimizer_of(xlmr, 3)
    Checkpoints(tmp_path, "x").save(3, xlmr, optimizer)
    other = small_encoder()
    later = torch.optim.AdamW(other.parameters(), lr=1e-3, weight_decay=0.3)
    assert Checkpoints(tmp_path, "x").restore(other, later) == 3
    assert same(state_of(other), state_of(xlmr))
    assert same(moments(other, later), moments(xlmr, optimizer))
    assert [(group["lr"], group["weight_decay"]) for group in later.param_groups] == [(1e-3, 0.3)]
    assert all(parameter.grad is None for parameter in other.parameters())


def test_weights_that_no_loss_reached_have_no_state(xlmr: Encoder, tmp_path: Path) -> None:
    optimizer = torch.optim.AdamW(xlmr.parameters(), lr=1e-3)
    embeddings = token_embeddings(xlmr.model)
    embeddings.grad = torch.ones_like(embeddings)
    optimizer.step()
    Checkpoints(tmp_path, "x").save(1, xlmr, optimizer)
    other = small_encoder()
    later = torch.optim.AdamW(other.parameters(), lr=1e-3)
    assert Checkpoints(tmp_path, "x").restore(other, later) == 1
    assert list(later.state) == [other.model.get_input_embeddings().weight]


def test_the_newest_is_kept(xlmr: Encoder, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "deep" / "down", "x")
    assert checkpoints.latest() is None
    assert checkpoints.restore(xlmr, optimizer_of(xlmr)) == 0
    for step in (9, 10, 100):
        checkpoints.save(step, xlmr, optimizer_of(xlmr))
        assert checkpoints.latest() == step
        assert len(list(checkpoints.folder.iterdir())) == 1
    checkpoints.clear()
    assert not checkpoints.folder.exists()


class Scaler:
    """Stands in for the gradient scaler of float16, which needs a GPU."""

    def __init__(self, scale: float) -> None:
        self.state = {"scale": scale, "growth_factor": 2.0, "_growth_tracker": 7}

    def state_dict(self) -> dict[str, float]:
        return self.state

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.state = state


def test_the_scaler_of_float16_comes_back(xlmr: Encoder, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "x")
    checkpoints.save(1, xlmr, optimizer_of(xlmr), Scaler(1024.0))  # ty: ignore[invalid-argument-type]
    fresh = Scaler(65536.0)
    checkpoints.restore(xlmr, optimizer_of(xlmr), fresh)  # ty: ignore[invalid-argument-type]
    assert fresh.state == {"scale": 1024.0, "growth_factor": 2.0, "_growth_tracker": 7}
    checkpoints.save(2, xlmr, optimizer_of(xlmr))  # a run without one
    checkpoints.restore(xlmr, optimizer_of(xlmr), fresh)  # ty: ignore[invalid-argument-type]
    assert fresh.state["scale"] == 1024.0


@pytest.mark.gpu
def test_the_real_scaler_comes_back(xlmr: Encoder, tmp_path: Path) -> None:
    xlmr.cuda()
    optimizer, scaler = optimizer_of(xlmr), torch.amp.GradScaler("cuda", init_scale=512.0, growth_interval=1)
    scaler.scale(torch.ones((), device="cuda"))
    scaler.update(256.0)
    Checkpoints(tmp_path, "x").save(1, xlmr, optimizer, scaler)
    fresh = torch.amp.GradScaler("cuda")
    Checkpoints(tmp_path, "x").restore(xlmr, optimizer, fresh)
    assert fresh.get_scale() == 256.0


def test_checkpoints_of_another_recipe_or_model_are_refused(xlmr: Encoder, bert: Encoder, tmp_path: Path) -> None:
    optimizer = optimizer_of(xlmr)
    Checkpoints(tmp_path, "one").save(3, xlmr, optimizer)
    with pytest.raises(CheckpointError, match="another recipe or other data; give a new --out"):
        Checkpoints(tmp_path, "two").restore(xlmr, optimizer)
    with pytest.raises(CheckpointError, match="other tensors than this model"):
        Checkpoints(tmp_path, "one").restore(bert, optimizer_of(bert))
    path = next(tmp_path.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"cannot be read .*; delete it"):
        Checkpoints(tmp_path, "one").restore(xlmr, optimizer)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no room on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no room on the disk"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "no room on the disk"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_a_failed_save_leaves_the_last_checkpoint(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    checkpoints = Checkpoints(tmp_path, "one")
    checkpoints.save(3, xlmr, optimizer_of(xlmr))
    whole = next(tmp_path.iterdir()).read_bytes()

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("xl_encoders.training.checkpoint.save_file", full)
        with pytest.raises(CheckpointError) as caught:
            checkpoints.save(4, xlmr, optimizer_of(xlmr))
    assert words in str(caught.value)
    assert "the checkpoint of step 4 (" in str(caught.value)
    assert "that of step 3 is whole. Make room and go on with --resume." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003.safetensors"]
    assert next(tmp_path.iterdir()).read_bytes() == whole


@pytest.mark.slow
def test_a_full_disk_as_the_system_reports_it(xlmr: Encoder, tmp_path: Path) -> None:
    """A process that may write files of 1 MiB only, less than the model."""
    script = f"""
import resource
from pathlib import Path
from tests.encoders.training.test_checkpoint import optimizer_of
from tests.encoders.toy_parts import small_encoder
from xl_encoders import CheckpointError, Checkpoints
encoder = small_encoder()
checkpoints = Checkpoints(Path({str(tmp_path)!r}), "x")
checkpoints.save(1, encoder, optimizer_of(encoder))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    checkpoints.save(2, encoder, optimizer_of(encoder))
except CheckpointError as error:
    print(error)
"""
    done = warm.run("-c", script)
    assert "no room on the disk; that of step 1 is whole." in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.safetensors"]
    assert Checkpoints(tmp_path, "x").restore(xlmr, optimizer_of(xlmr)) == 1


def test_leftovers_of_a_killed_process_go_at_the_next_start(xlmr: Encoder, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "x")
    checkpoints.save(1, xlmr, optimizer_of(xlmr))
    (tmp_path / ".step-00000002.safetensors.4711.tmp").write_bytes(b"half")
    (tmp_path / ".model.4711.old").mkdir()
    (tmp_path / ".keep").write_text("of the user", encoding="utf-8")
    assert checkpoints.restore(xlmr, optimizer_of(xlmr)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep", "step-00000001.safetensors"]


def test_a_folder_is_replaced_as_a_whole(xlmr: Encoder, tmp_path: Path) -> None:
    save_model(xlmr, tmp_path / "model")
    (tmp_path / "model" / "stale").write_text("", encoding="utf-8")
    save_model(xlmr, tmp_path / "model")
    assert not (tmp_path / "model" / "stale").exists()

    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(path.name for path in (tmp_path / "model").iterdir())
    with pytest.raises(OSError, match="No space"):
        replace_whole(tmp_path / "model", fail)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    # What a killed process left goes with the next that writes there, what a living one writes stays.
    (tmp_path / ".model.4194999.old").mkdir()
    (tmp_path / ".model.4194999.tmp").write_text("half", encoding="utf-8")
    (tmp_path / ".other.4194999.tmp").write_text("half", encoding="utf-8")
    (tmp_path / f".model.{os.getppid()}.tmp").write_text("being written", encoding="utf-8")
    replace_whole(tmp_path / "model", lambda aside: aside.mkdir())
    there = {"model", f".model.{os.getppid()}.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == {*there, ".other.4194999.tmp"}
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == there


# A run in a process of its own, started as `python -c RUN FOLDER [slow]`: 12 steps, a checkpoint every second one.
_RUN = """
import sys, time
from pathlib import Path
from safetensors.torch import save_file
from tests.encoders.toy_parts import KINDS, make_part, small_encoder, state_of
from xl_encoders import Checkpoints, FitConfig, fit
from xl_encoders.training import checkpoint as module
folder = Path(sys.argv[1])
if sys.argv[2:] == ["slow"]:
    def slowly(tensors, path, metadata):
        save_file(tensors, path.with_suffix(".all"), metadata=metadata)
        data = path.with_suffix(".all").read_bytes()
        path.with_suffix(".all").unlink()
        with path.open("wb") as file:
            for start in range(0, len(data), len(data) // 4):
                file.write(data[start : start + len(data) // 4])
                file.flush()
                print("writing", flush=True)
                time.sleep(0.02)
    module.save_file = slowly
encoder = small_encoder()
objectives = {**KINDS["mlm+seq+tlm"], **KINDS["dcca"]}
parts = [make_part(encoder, "mlm+seq+tlm", batch=4), make_part(encoder, "dcca", batch=12)]
fit(encoder, parts, objectives, n_steps=12, config=FitConfig(lr=1e-3, save_every=2, norms_every=5, gradient_cache=True),
    checkpoints=Checkpoints(folder, "x"), on_step=lambda record: print("step", record.step, flush=True))
save_file({k: v.contiguous() for k, v in state_of(encoder).items()}, folder.parent / "end.safetensors")
"""


def start(folder: Path, *options: str) -> Warm:
    return Warm("-c", _RUN, folder, *options)


def finish(folder: Path) -> bytes:
    process = start(folder)
    process.communicate(timeout=200)
    assert process.returncode == 0
    return (folder.parent / "end.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_instant_ends_bit_identical(tmp_path: Path, seed: int) -> None:
    expected = finish(tmp_path / "whole" / "checkpoints")
    folder = tmp_path / "killed" / "checkpoints"
    draw = random.Random(seed)
    for _ in range(2):
        with start(folder) as process:
            wanted = draw.randint(1, 4)
            for line in process.lines():
                wanted -= line.startswith("step")
                if not wanted:
                    break
            time.sleep(draw.random() * 0.2)
            process.send_signal(signal.SIGKILL)
    assert finish(folder) == expected


@pytest.mark.slow
def test_killed_while_a_checkpoint_is_written_ends_bit_identical(tmp_path: Path) -> None:
    expected = finish(tmp_path / "whole" / "checkpoints")
    folder = tmp_path / "killed" / "checkpoints"
    for n_parts in (2, 7):  # in the first checkpoint, then in the second of the process that begins anew
        with start(folder, "slow") as process:
            for line in process.lines():
                n_parts -= line.startswith("writing")
                if not n_parts:
                    break
            process.send_signal(signal.SIGKILL)
        assert any(path.name.endswith(".tmp") for path in folder.iterdir())
    assert Checkpoints(folder, "x").latest() == 2
    assert finish(folder) == expected
    assert [path.name for path in folder.iterdir()] == ["step-00000012.safetensors"]


def test_what_lies_on_the_disk_is_the_checkpoint(
    xlmr: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced before it gets its name, its folder after: a power cut leaves the old one or the new one."""
    order: list[str] = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda number: (order.append(str(Path(f"/proc/self/fd/{number}").readlink())), sync(number))
    )
    monkeypatch.setattr(Path, "replace", lambda path, target: (order.append("rename"), rename(path, target))[1])
    Checkpoints(tmp_path, "x").save(1, xlmr, optimizer_of(xlmr))
    assert len(order) == 3
    assert order[0].endswith(".tmp")
    assert order[1:] == ["rename", str(tmp_path)]


def test_a_number_that_changed_on_the_disk_is_found(xlmr: Encoder, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "x")
    checkpoints.save(3, xlmr, optimizer_of(xlmr))
    (path,) = tmp_path.iterdir()
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1  # of the last tensor: the file can be read as before
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"step-00000003\.safetensors is damaged \(another SHA-256"):
        checkpoints.restore(small_encoder(), optimizer_of(small_encoder()))
