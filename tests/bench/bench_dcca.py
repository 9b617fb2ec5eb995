"""DCCA, ours against the usual formulations on torch's own SVD and eigh: one core, forward and backward. By hand.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_dcca

Peers, written here from their formulas: the released code behind Haemmerl et al. 2022 (a generalised CCA by two SVDs of
the words, a third of the bases) and the usual deep CCA (inverse roots of both covariances by eigh, and an eigh of
T^T T). Random words with twenty common directions; the target has no gradient. Times are the process's CPU
milliseconds, the least of the repetitions, which take turns. Error: of the gradient, against float64 of the same.
The last table is the gradient on hard input, 256 x 64: the peers' NaN, and ours.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from tests.bench.rows import note
from xl_objectives import dcca_loss

Loss = Callable[[Tensor, Tensor], Tensor]
SHAPES = ((1024, 768, 768), (1024, 768, 300), (4096, 768, 768), (24, 768, 300))


def released(view: Tensor, target: Tensor, k: int = 10) -> Tensor:
    parts = []
    for h in (view, target):
        n, m = h.shape
        a, s, _ = torch.linalg.svd(h - h.mean(1).repeat(m).view(n, m), full_matrices=False)
        squares = s[:k] ** 2 / (s[:k] ** 2 + 1e-8)
        parts.append(a[:, :k] * squares.clamp(min=1e-8).sqrt())
    return -torch.linalg.svdvals(torch.cat(parts, 1))[:k].sum()


def usual(view: Tensor, target: Tensor, k: int | None = None, ridge: float = 1e-3) -> Tensor:
    view, target, n = view - view.mean(0), target - target.mean(0), len(view) - 1
    roots = []
    for h in (view, target):
        values, vectors = torch.linalg.eigh(h.T @ h / n + ridge * torch.eye(h.shape[1], dtype=h.dtype))
        roots.append((vectors * values.clamp(min=1e-9).rsqrt()) @ vectors.T)
    t = roots[0] @ (view.T @ target / n) @ roots[1]
    squares = torch.linalg.eigvalsh(t.T @ t)
    return -squares.clamp(min=1e-12).sqrt()[-(k or len(squares)) :].sum()


# ours, and the peer that computes the same
OURS: dict[str, tuple[Loss, str]] = {
    "subspace (default)": (dcca_loss, "released"),
    "legacy": (lambda a, b: dcca_loss(a, b, variant="legacy"), "released"),
    "classic, all": (lambda a, b: dcca_loss(a, b, variant="classic", k=None), "usual, all"),
    "classic, 10": (lambda a, b: dcca_loss(a, b, variant="classic"), "usual, 10"),
    "subspace, float64": (lambda a, b: dcca_loss(a, b, precision="float64"), "released"),
    "classic, all, float64": (
        lambda a, b: dcca_loss(a, b, variant="classic", k=None, precision="float64"),
        "usual, all",
    ),
}
PEERS: dict[str, Loss] = {"released": released, "usual, all": usual, "usual, 10": lambda a, b: usual(a, b, 10)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="dcca")
    print(f"torch {torch.__version__}, one core, float32")
    for shape in SHAPES:
        compare(*shape, arguments.repeat)
    hard_input()


def words(n_words: int, width: int, target_width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(n_words, 20, generator=generator)
    view, target = (
        0.3 * common @ torch.randn(20, m, generator=generator) + torch.randn(n_words, m, generator=generator)
        for m in (width, target_width)
    )
    return view, target


def compare(n_words: int, width: int, target_width: int, repeat: int) -> None:
    view, target = words(n_words, width, target_width)
    losses = {**PEERS, **{name: loss for name, (loss, _) in OURS.items()}}
    times = dict.fromkeys(losses, float("inf"))
    for _ in range(repeat):
        for name, loss in losses.items():
            states = view.clone().requires_grad_()
            start = time.process_time()
            loss(states, target).backward()
            times[name] = min(times[name], 1000 * (time.process_time() - start))
    print(f"\n{n_words} words, {width} and {target_width} wide{'':12} ms   x released   x usual   value      error")
    for name, loss in losses.items():
        ratios = "".join(f"{times[peer] / times[name]:10.2f} " for peer in ("released", "usual, all"))
        value, error = accuracy(loss, view, target, name)
        if name in OURS:
            size, told = f"{n_words} words, {width} and {target_width}", f"{error:.1e} of the gradient"
            own, theirs = times[name], times["released"]
            note(f"DCCA, {name}", size, ours=own, peer=theirs, package="the released formulas", unit="ms", error=told)
        print(f"  {name:30} {times[name]:8.1f} {ratios} {value:10.5f}  {error:8.1e}", flush=True)


def accuracy(loss: Loss, view: Tensor, target: Tensor, name: str) -> tuple[float, float]:
    """Value, and relative error of the gradient to the same in float64: for ours, the float64 of dcca_loss."""
    exact: Loss = loss
    if name in OURS:
        variant, k = name.split(" ")[0].strip(","), None if "all" in name else 10
        exact = lambda a, b: dcca_loss(a, b, variant=variant, k=k, precision="float64")  # noqa: E731
    value, slope = slope_of(loss, view, target)
    _, best = slope_of(exact, view.double(), target.double())
    return value, float((slope - best).norm() / best.norm())


def slope_of(loss: Loss, view: Tensor, target: Tensor) -> tuple[float, Tensor]:
    states = view.clone().requires_grad_()
    value = loss(states, target)
    (slope,) = torch.autograd.grad(value, states)
    return value.item(), slope


def hard_input() -> None:
    view, target = words(256, 64, 48)
    cases = {
        "generic": (view, target),
        "rank 3": (view[:, :3] @ view[:3], target),
        "orthonormal": (torch.linalg.qr(view - view.mean(0))[0], target),
        "zero": (torch.zeros_like(view), target),
        "one word repeated": (view[:1].expand(256, 64).clone(), target),
        "24 words": (view[:24], target[:24]),
    }
    losses = {**PEERS, **{name: loss for name, (loss, _) in OURS.items()}}
    print("\ngradient finite?" + "".join(f"{case:>19}" for case in cases))
    for name, loss in losses.items():
        said = []
        for pair in cases.values():
            try:
                said.append("yes" if slope_of(loss, *pair)[1].isfinite().all() else "NaN")
            except RuntimeError:
                said.append("error")
        print(f"  {name:22}" + "".join(f"{word:>17}  " for word in said))


if __name__ == "__main__":
    main()
