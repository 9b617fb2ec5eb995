"""The loss of a batch whose token vectors are shifted: adversarial training and random perturbation."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from xl_objectives import random_in_ball, worst_delta
from xl_tasks.errors import TaskError
from xl_tasks.robustness.config import RobustConfig

Forward = Callable[[Tensor | None], Tensor]
Criterion = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """What takes the place of the plain loss in the fine-tuning loop; it holds no weights.

    All forward passes of one step see the same dropout: the random state is set back before each. So the search climbs
    the very function that is then learnt from, the divergence of `kl` is due to the shift alone, and a run draws as
    many random numbers as one without.
    """

    kind: str
    """"at" or "rs-rp"."""
    eps: float
    """Longest shift of a token, > 0, in units of the vectors at `layer`."""
    steps: int = 3
    step_size: float
    form: str = "adversarial"
    """"adversarial", "both" or "kl", as in RobustConfig.loss."""
    weight: float = 1.0
    layer: int = 0
    """0: word embeddings before positions; k: output of block k."""

    @classmethod
    def of(cls, config: RobustConfig, mean_norm: float) -> "Perturbation":
        """The perturbation that `config` asks for.

        mean_norm: mean length of the word embeddings, the rows of the table; `eps_rel` is a share of it. Not read
            where `eps` is above 0. Raises TaskError for rs-da, which changes examples, and for a length that is not
            positive.
        """
        if config.kind == "rs-da":
            message = "rs-da exchanges words of the training examples; it shifts no vectors inside the model."
            raise TaskError(message)
        eps = config.eps or config.eps_rel * mean_norm
        if not 0 < eps < float("inf"):
            message = f"robust.eps_rel is {config.eps_rel} of a mean length of {mean_norm}; give robust.eps instead."
            raise TaskError(message)
        return cls(
            kind=config.kind,
            eps=eps,
            steps=config.steps,
            step_size=config.step_size or eps / 2,
            form=config.loss,
            weight=config.weight,
            layer=config.layer,
        )

    def loss(
        self,
        forward: Forward,
        criterion: Criterion,
        *,
        content: Bool[Tensor, "batch length"],
        width: int,
        generator: torch.Generator | None = None,
        kind: str = "",
    ) -> Float[Tensor, ""]:
        """The loss of a batch, with its graph; no parameter's gradient is touched before its `backward`.

        forward: delta (batch, length, width), float32, added to the vectors at `layer`, or None for no shift -> logits
            (batch, n_labels), (batch, length, n_labels) or (batch, length, 2). Each call is a pass of its own.
        criterion: logits -> mean loss, a scalar.
        content: (batch, length), true for tokens of text; specials and padding are never shifted.
        width: of the vectors at `layer`. generator: of the random shifts.
        kind: of the task, "classification", "tagging" or "answering"; `kl` alone must know it, since the logits of a
            question are a distribution over places, those of a tag one over labels.

        Passes with gradient: steps + 1, one more for `both` and `kl`; the search's take gradients of no weights.
        """
        again = _SameDropout(content.device)
        shape = (*content.shape, width)

        def run(delta: Tensor | None) -> Tensor:
            again.rewind()
            return forward(delta)

        clean = None if self.form == "adversarial" else run(None)
        divergence = _divergence(kind, clean, content) if self.form == "kl" else None

        def objective(logits: Tensor) -> Tensor:
            return criterion(logits) if divergence is None else divergence(logits)

        if self.kind == "rs-rp":
            delta = random_in_ball(shape, self.eps, content, generator)
        else:
            fixed = None if divergence is None or clean is None else _divergence(kind, clean.detach(), content)
            delta = worst_delta(
                lambda shift: (fixed or criterion)(run(shift)),
                shape,
                self.eps,
                mask=content,
                steps=self.steps,
                step_size=self.step_size,
                generator=generator,
            )
        shifted = objective(run(delta))
        return shifted if clean is None else criterion(clean) + self.weight * shifted


def symmetric_divergence(first: Tensor, second: Tensor) -> Tensor:
    """KL(p || q) + KL(q || p) of two sets of logits (..., n), (...): the smoothness term of Jiang et al. 2020 (SMART).

    Equals sum_i (p_i - q_i) (log p_i - log q_i); computed in float32 also under autocast.
    """
    with torch.autocast(first.device.type, enabled=False):
        logs = [functional.log_softmax(logits.float(), dim=-1) for logits in (first, second)]
        return ((logs[0].exp() - logs[1].exp()) * (logs[0] - logs[1])).sum(-1)


def _divergence(kind: str, clean: Tensor | None, content: Tensor) -> Criterion:
    """The mean divergence of other logits from the clean ones, over examples, over tokens of text, or over spans."""
    if clean is None:
        message = "the divergence needs logits to differ from."
        raise TaskError(message)
    if clean.ndim == 2:
        return lambda logits: symmetric_divergence(clean, logits).mean()
    if kind == "answering":  # starts and ends are distributions over the places of the input
        return lambda logits: symmetric_divergence(clean.mT, logits.mT).sum(-1).mean()
    if kind != "tagging":
        message = f"kind is {kind!r}; the kl loss of logits {tuple(clean.shape)} needs tagging or answering."
        raise TaskError(message)
    share = content / content.sum().clamp_min(1)
    return lambda logits: (symmetric_divergence(clean, logits) * share).sum()


class _SameDropout:
    """The state of the random numbers that dropout draws from, to be set back before each pass of a step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.get_rng_state()
        self._gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def rewind(self) -> None:
        torch.set_rng_state(self._cpu)
        if self._gpu is not None:
            torch.cuda.set_rng_state(self._gpu, self._device)
