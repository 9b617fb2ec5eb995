"""Optimal transport of words, ours against GeomLoss and POT: forward and backward, one core, one run. By hand.

    uv run python -m tests.bench.bench_ot

24 sentence pairs (`--pairs`) of 20-40 words a side, width 768; the second side is the first one's words in another
order, with noise. Every program gets the same tensors in the same process, in turns; a time is the least process CPU
time of `--repeats` rounds, in ms. The error is the relative difference of each problem's value from exact transport by
a POT solve of its own in float64: the signed mean, and the largest. Values of GeomLoss and of our Sinkhorn are
debiased. The last figure of a line is the largest error where the program gets its tensors in float64 too.
"""

import argparse
import os
import time
from collections.abc import Callable

import torch
from torch import Tensor

from tests.bench.rows import note
from xl_objectives import ot_loss

MIN_WORDS, MAX_WORDS, WIDTH = 20, 40, 768
PEERS = ("GeomLoss loop", "GeomLoss batched", "POT emd2 loop")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--scopes", nargs="+", default=["sentence", "batch"])
    parser.add_argument("--norms", type=float, nargs="+", default=[1.4, 11.7], help="of the word vectors")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda (then wall time)")
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {arguments.device}, p = 2, blur = 0.05, forward + backward")
    for norm in arguments.norms:
        inputs = [tensor.to(arguments.device) for tensor in batch(norm, arguments.pairs)]
        for scope in arguments.scopes:
            print(f"\n{arguments.pairs} pairs, vectors of norm {norm}, scope {scope}")
            compare(inputs, scope, arguments.repeats)


def batch(norm: float, n_pairs: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (n_pairs, MAX_WORDS, WIDTH)
    x, noise = torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)
    order = torch.rand(n_pairs, MAX_WORDS, generator=generator).argsort(1)[:, :, None].expand(shape)
    y = 0.3 * x.gather(1, order) + 0.7 * noise
    lengths = torch.randint(MIN_WORDS, MAX_WORDS + 1, (2, n_pairs, 1), generator=generator)
    masks = torch.arange(MAX_WORDS) < lengths
    return [*(norm * torch.nn.functional.normalize(side, dim=2) for side in (x, y)), masks[0], masks[1]]


def compare(inputs: list[Tensor], scope: str, repeats: int) -> None:
    x, y, x_mask, y_mask = inputs
    if scope == "batch":
        clouds = [(x[x_mask], y[y_mask])]
    else:
        clouds = [(x[i][x_mask[i]], y[i][y_mask[i]]) for i in range(len(x))]
    exact = torch.stack([pot_value(u.double(), v.double()) for u, v in clouds])
    programs = programs_on(inputs, scope)
    in_double = programs_on([x.double(), y.double(), x_mask, y_mask], scope)
    best = dict.fromkeys(programs, float("inf"))
    on_device = x.device.type != "cpu"
    clock = time.perf_counter if on_device else time.process_time
    for _ in range(repeats):
        for name, (step, _) in programs.items():
            start = clock()
            step()
            if on_device:
                torch.cuda.synchronize()
            best[name] = min(best[name], clock() - start)
    for other in ("GeomLoss loop", "POT emd2 loop"):
        note(
            f"exact transport, forward and backward, scope {scope}",
            f"{len(x)} pairs",
            ours=1000 * best["ours, exact"],
            peer=1000 * best[other],
            package={"G": "geomloss", "P": "pot"}[other[0]],
            unit="ms",
            error=f"{((in_double['ours, exact'][1]() - exact) / exact).abs().max():.0e} from exact transport",
        )
    for name, (_, values) in programs.items():
        errors = (values().double() - exact) / exact
        error = f"error mean {errors.mean():+.2%} max {errors.abs().max():.2%}"
        ratios = "  ".join(f"{best[other] / best[name]:5.2f}x {other}" for other in PEERS if other in programs)
        in_double_errors = (in_double[name][1]() - exact) / exact
        print(f"{name:18}{1000 * best[name]:8.1f} ms  {error}  {ratios}  {in_double_errors.abs().max():.0e}")


def programs_on(inputs: list[Tensor], scope: str) -> dict[str, "Program"]:
    """Every program on the same tensors."""
    programs = {f"ours, {solver}": ours(inputs, scope, solver) for solver in ("exact", "sinkhorn")}
    programs |= {name: peer(name, inputs, scope) for name in PEERS}
    if scope == "batch":
        del programs["GeomLoss batched"]  # one problem: the loop is one call
    return programs


Program = tuple[Callable[[], None], Callable[[], Tensor]]


def ours(inputs: list[Tensor], scope: str, solver: str) -> Program:
    x, y, x_mask, y_mask = inputs

    def step() -> None:
        first, second = x.clone().requires_grad_(), y.clone().requires_grad_()
        ot_loss(first, second, x_mask, y_mask, solver=solver, scope=scope).backward()

    def values() -> Tensor:
        if scope == "batch":
            return ot_loss(*inputs, solver=solver)[None]
        rows = [[side[i : i + 1] for side in inputs] for i in range(len(x))]
        return torch.stack([ot_loss(*row, solver=solver, scope=scope) for row in rows])

    return step, values


def peer(name: str, inputs: list[Tensor], scope: str) -> Program:
    from geomloss import SamplesLoss

    divergence = SamplesLoss("sinkhorn", p=2, blur=0.05, backend="tensorized")
    x, y, x_mask, y_mask = inputs
    weights = [mask / mask.sum(1, keepdim=True) for mask in (x_mask, y_mask)]

    def values_of(first: Tensor, second: Tensor) -> Tensor:
        if name == "GeomLoss batched":
            return divergence(weights[0], first, weights[1], second)
        solve = pot_value if name.startswith("POT") else divergence
        if scope == "batch":
            return solve(first[x_mask], second[y_mask])[None]
        return torch.stack([solve(first[i][x_mask[i]], second[i][y_mask[i]]) for i in range(len(x))])

    def step() -> None:
        first, second = x.clone().requires_grad_(), y.clone().requires_grad_()
        values_of(first, second).mean().backward()

    return step, lambda: values_of(x, y).detach()


def pot_value(u: Tensor, v: Tensor) -> Tensor:
    import ot

    cost = ((u * u).sum(1)[:, None] + (v * v).sum(1) - 2 * u @ v.T) / 2
    return ot.emd2(cost.new_full((len(u),), 1 / len(u)), cost.new_full((len(v),), 1 / len(v)), cost)


if __name__ == "__main__":
    main()
