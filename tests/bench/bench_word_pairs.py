"""Words, aligner, pair losses and Pharaoh lines against the usual loops: ms, ratio, largest relative error.

Run by hand:

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_word_pairs

A batch is 24 sentence pairs of 20 to 40 words with one to four sub-words each, as the optimal-transport paper has it.
The loops are what the released code of this field does: words one by one, an argmax a sentence in numpy (SimAlign), a
row of a list at a time; contrast as in the double softmax of two matrices. Times are wall time, the best of the rounds,
ours and the loop in turn; forward and backward where there is a gradient.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.metrics.pairwise import cosine_similarity
from torch import Tensor
from torch.nn import functional

from xl_objectives import align_words, drift_loss, parse_pharaoh, pool_words, word_l2_loss, word_nce_loss

Pairs = list[list[tuple[int, int]]]


def pair_of(written: str) -> tuple[int, int]:
    i, j = map(int, written.split("-"))
    return i, j


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=24)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(1)
    sides = [sub_words(arguments.sentences, arguments.width, generator) for _ in range(2)]
    x, y = (pool_words(states.detach(), word_ids) for states, word_ids in sides)
    pairs = align_words(*(x.vectors, y.vectors, x.mask, y.mask))
    n_pairs = sum(map(len, pairs))
    print(f"{arguments.sentences} sentences, {int(x.mask.sum())} and {int(y.mask.sum())} words, {n_pairs} pairs, ")
    print(f"width {arguments.width}, {torch.get_num_threads()} threads, best of {arguments.rounds} rounds\n")
    print("what                          |     ours ms     loop ms   ratio   error")

    states, word_ids = sides[0]
    for how in ("last", "first", "mean", "all"):
        compare(
            f"pool_words {how}, f + b",
            lambda how=how: with_gradient(pool_words(states, word_ids, how).vectors, states),
            lambda how=how: with_gradient(words_by_loop(states, word_ids, how), states),
            arguments.rounds,
        )
    compare(
        "align_words",
        lambda: [as_tensor(align_words(x.vectors, y.vectors, x.mask, y.mask))],
        lambda: [as_tensor(align_by_loop(x.vectors, y.vectors, x.mask, y.mask))],
        arguments.rounds,
    )
    left, right = x.vectors.clone().requires_grad_(), y.vectors.clone().requires_grad_()
    compare(
        "word_l2_loss, f + b",
        lambda: with_gradient(word_l2_loss(left, right, pairs), left, right),
        lambda: with_gradient(l2_by_loop(left, right, pairs), left, right),
        arguments.rounds,
    )
    compare(
        "drift_loss, f + b",
        lambda: with_gradient(drift_loss(left, x.vectors + 1, x.mask), left),
        lambda: with_gradient(drift_by_loop(left, x.vectors + 1, x.mask), left),
        arguments.rounds,
    )
    for n_rows in (600, 2048):
        a, b = (torch.randn(n_rows, arguments.width, generator=generator).requires_grad_() for _ in range(2))
        texts = torch.randint(n_rows, (2, n_rows), generator=generator) + torch.tensor([[0], [n_rows]])
        for negatives in ("across", "all"):
            compare(
                f"word_nce {negatives} {n_rows}, f + b",
                lambda a=a, b=b, t=texts, n=negatives: with_gradient(
                    word_nce_loss(a, b, text_ids=t, negatives=n), a, b
                ),
                lambda a=a, b=b, t=texts, n=negatives: with_gradient(nce_by_softmax(a, b, t, n), a, b),
                arguments.rounds,
            )
    lines = [" ".join(f"{i}-{j}" for i, j in sentence) for sentence in pairs] * 400
    lens = [(200, 200)] * len(lines)
    compare(
        f"parse_pharaoh, {len(lines)} lines",
        lambda: [as_tensor(list(parse_pharaoh(lines, lens=lens)))],
        lambda: [as_tensor([[pair_of(pair) for pair in line.split()] for line in lines])],
        arguments.rounds,
    )


def sub_words(n_sentences: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """States of sub-words and their word numbers, `<s>` in front and padding behind."""
    rows = []
    for n_words in torch.randint(20, 41, (n_sentences,), generator=generator).tolist():
        counts = torch.randint(1, 5, (n_words,), generator=generator)
        rows.append(
            torch.cat([torch.tensor([-1]), torch.arange(n_words).repeat_interleave(counts), torch.tensor([-1])])
        )
    word_ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
    return torch.randn(*word_ids.shape, width, generator=generator).requires_grad_(), word_ids


def compare(what: str, ours: Callable[[], list[Tensor]], loop: Callable[[], list[Tensor]], rounds: int) -> None:
    best = [float("inf")] * 2
    results: list[list[Tensor]] = [[], []]
    for _ in range(rounds):
        for k, function in enumerate((ours, loop)):
            started = time.perf_counter()
            results[k] = function()
            best[k] = min(best[k], time.perf_counter() - started)
    error = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*results, strict=True))
    print(f"{what:29} | {best[0] * 1e3:11.2f} {best[1] * 1e3:11.2f} {best[1] / best[0]:7.1f} {error:.1e}")


def with_gradient(value: Tensor, *inputs: Tensor) -> list[Tensor]:
    return [value.detach(), *torch.autograd.grad(value.sum() if value.ndim == 0 else value.square().sum(), inputs)]


def as_tensor(pairs: Pairs) -> Tensor:
    return torch.tensor([(s, i, j) for s, sentence in enumerate(pairs[:1000]) for i, j in sentence])


def words_by_loop(states: Tensor, word_ids: Tensor, how: str) -> Tensor:
    sentences = []
    for vectors, ids in zip(states, word_ids, strict=True):
        if how == "all":
            sentences.append(vectors[ids >= 0])
            continue
        numbers = ids.tolist()
        tokens = [[t for t, word in enumerate(numbers) if word == w] for w in range(max(numbers) + 1)]
        if how == "mean":
            sentences.append(torch.stack([vectors[its].mean(0) for its in tokens]))
        else:
            sentences.append(torch.stack([vectors[its[-1 if how == "last" else 0]] for its in tokens]))
    return torch.nn.utils.rnn.pad_sequence(sentences, batch_first=True)


def align_by_loop(x: Tensor, y: Tensor, x_mask: Tensor, y_mask: Tensor) -> Pairs:
    aligned = []
    for s in range(len(x)):
        cosines = cosine_similarity(x[s][x_mask[s]].numpy(), y[s][y_mask[s]].numpy())
        n, m = cosines.shape
        both = np.eye(m)[cosines.argmax(axis=1)] * np.eye(n)[cosines.argmax(axis=0)].T
        aligned.append([(int(i), int(j)) for i, j in zip(*both.nonzero(), strict=True)])
    return aligned


def l2_by_loop(x: Tensor, y: Tensor, pairs: Pairs) -> Tensor:
    distances = [(x[s, i] - y[s, j]).square().sum() for s, sentence in enumerate(pairs) for i, j in sentence]
    return torch.stack(distances).mean()


def drift_by_loop(states: Tensor, start: Tensor, mask: Tensor) -> Tensor:
    distances = [(now[keep] - was[keep]).square().sum(-1) for now, was, keep in zip(states, start, mask, strict=True)]
    return torch.cat(distances).mean()


def nce_by_softmax(a: Tensor, b: Tensor, texts: Tensor, negatives: str) -> Tensor:
    """Contrast as it is usually written: each direction its own product and log-softmax, the diagonal picked."""
    a, b = functional.normalize(a, dim=1), functional.normalize(b, dim=1)
    n = len(a)
    same = (texts[0][:, None] == texts[0]) | (texts[1][:, None] == texts[1])
    hidden = same & ~torch.eye(n, dtype=torch.bool)
    if negatives == "across":
        forward = (a @ b.T / 0.1).masked_fill(hidden, -1e9).log_softmax(1).diagonal().mean()
        return -(forward + (b @ a.T / 0.1).masked_fill(hidden, -1e9).log_softmax(1).diagonal().mean()) / 2
    losses = []
    for one, other in ((a, b), (b, a)):
        across = (one @ other.T / 0.1).masked_fill(hidden, -1e9)
        within = (one @ one.T / 0.1).masked_fill(same, -1e9)
        losses.append(torch.cat([across, within], 1).log_softmax(1).diagonal().mean())
    return -(losses[0] + losses[1]) / 2


if __name__ == "__main__":
    main()
