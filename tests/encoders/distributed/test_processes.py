"""Several processes give what one gives: gloo processes on the CPU against this one with the same global batch."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests import warm
from tests.encoders.processes_worker import CASES, MORE_CASES, N_STEPS, Case, measure, train
from tests.encoders.toy_parts import (
    assert_near,
    gradient,
    gradients_of,
    make_part,
    same,
    small_encoder,
    state_of,
    weights_of,
)
from tests.encoders.training.test_text_part import library_loss

from xl_encoders import Encoder, TextPart
from xl_encoders.distributed.processes import average_gradients, gather_rows, rank, sum_over_processes, world_size

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]


def run_processes(
    folder: Path, n_processes: int, *tasks: str, worker: str = "tests.encoders.processes_worker"
) -> list[dict]:
    """What each of `n_processes` found; a process that fails or hangs fails the test with its last words."""
    running = warm.ranks(n_processes, "-m", worker, folder, *tasks, ACCELERATE_USE_CPU="true")
    try:
        outputs = ["".join(process.communicate(timeout=400)) for process in running]
    finally:
        for process in running:
            process.kill()
    assert not any(process.returncode for process in running), "\n".join(output[-3000:] for output in outputs)
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(n_processes)]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return run_processes(tmp_path_factory.mktemp("two"), 2, "gradients", "fit", "resume")


@pytest.fixture(scope="module")
def one() -> Encoder:
    return small_encoder(dropout=0.0)


@pytest.mark.parametrize("case", [case for case in CASES if case.exact], ids=str)
def test_losses_and_gradients_are_those_of_one_process(two: list[dict], one: Encoder, case: Case) -> None:
    losses, slopes = measure(one, case)
    for found in two:
        found_losses, found_slopes = found[str(case)]
        assert found_losses.keys() == losses.keys()
        for name, loss in losses.items():
            assert torch.allclose(found_losses[name], loss, rtol=1e-5, atol=1e-6)
        assert_near(found_slopes, slopes, rel=2e-5)


def test_published_contrast_counts_one_over_the_processes(two: list[dict], one: Encoder) -> None:
    losses, slopes = measure(one, Case("seq"))
    found_losses, found = two[0][str(Case("seq", exact=False))]
    assert torch.allclose(found_losses["seq"], losses["seq"], rtol=1e-5)
    assert_near(found, {name: slope / 2 for name, slope in slopes.items()})


@pytest.mark.slow
def test_three_processes_published_and_not(tmp_path: Path, one: Encoder) -> None:
    """SEQ has a third of its gradient; MLM's means are each process's own, computed by the library on its texts."""
    found = run_processes(tmp_path, 3, "more gradients", "published")
    _, seq = measure(one, Case("seq"))
    assert_near(found[0]["seq"][1], {name: slope / 3 for name, slope in seq.items()})
    for case in MORE_CASES:
        assert_near(found[2][str(case)][1], measure(one, case)[1], rel=2e-5)

    part = make_part(one, "mlm+seq+tlm", batch=8, tokens=10_000)
    assert isinstance(part, TextPart)
    batch = part.draw(0)
    weights = weights_of(part, "mlm+seq+tlm")
    one.zero_grad()
    local = {"mlm": 0.0, "tlm": 0.0}
    for number in range(3):
        own = [row for row, text in enumerate(batch.texts) if text % 3 == number]
        views = {
            name: [getattr(batch, name)[row] for row in own]
            for name in ("views", "texts", "rows", "clean", "picked", "content")
        }
        its = replace(batch, **views)
        # Where nothing is picked the library divides by 0; it counts 0.
        picked = {view: sum(n for n, v in zip(its.n_picked, its.views, strict=True) if v == view) for view in range(3)}
        original, latin, tlm = (library_loss(one, its, view) if picked[view] else torch.zeros(()) for view in range(3))
        mlm = original + latin
        ((weights["mlm"] * mlm + weights["tlm"] * tlm) / 3).backward()
        local["mlm"] += mlm.item() / 3
        local["tlm"] += tlm.item() / 3
    expected = gradients_of(one)
    _, contrast = gradient(one, part, {"seq": weights["seq"]})
    for name, slope in contrast.items():
        expected[name] = expected[name] + slope / 3
    losses, slopes = found[1]["mlm+seq+tlm"]
    assert losses["mlm"].item() == pytest.approx(local["mlm"], rel=1e-5)
    assert losses["tlm"].item() == pytest.approx(local["tlm"], rel=1e-5)
    assert_near(slopes, expected, rel=2e-5)


def test_fit_ends_in_the_weights_of_one_process(two: list[dict], one: Encoder) -> None:
    alone = small_encoder(dropout=0.0)
    train(alone, None)
    assert same(two[0]["fit"], two[1]["fit"])
    for name, weight in state_of(alone).items():
        assert torch.allclose(two[0]["fit"][name], weight, atol=1e-5), name


def test_a_signal_to_one_process_stops_all_and_a_resume_is_exact(two: list[dict]) -> None:
    for found in two:
        assert found["ends"] == [(N_STEPS, "finished"), (3, "stopped"), (N_STEPS, "finished")]
        assert same(found["resumed"], found["straight"])
        assert not same(found["stopped"], found["straight"])
    assert same(two[0]["resumed"], two[1]["resumed"])


def test_one_process_writes_the_checkpoints(two: list[dict]) -> None:
    """At the steps 2, 3 (the stop), 4 and 5."""
    assert [found["writes"] for found in two] == [4, 0]


def test_one_process_alone_communicates_nothing() -> None:
    assert (world_size(), rank()) == (1, 0)
    rows, slots = torch.randn(3, 2, requires_grad=True), torch.tensor([2, 0, 1])
    gathered, places = gather_rows(rows, slots)
    assert gathered is rows
    assert places.equal(slots)
    values = torch.ones(2)
    assert sum_over_processes(values) is values
    average_gradients([rows])
    assert rows.grad is None
