"""Perturbations of token vectors that stay in a ball: drawn at random, or the worst that gradient steps find.

Adversarial and randomised-smoothing training of Huang et al. 2021 (arXiv 2104.08645): a classifier that withstands
every delta with ||delta_i|| <= eps at each token i also withstands the small shifts between languages. The inner
maximum is found by projected gradient ascent (Madry et al. 2018, "Towards deep learning models resistant to adversarial
attacks") with steps of one length at every token.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xl_objectives.errors import ObjectiveError

# Half-precision gradients vanish below 6e-8. Only their direction counts, and a power of two leaves every float32
# gradient its digits, so the loss is enlarged before it is differentiated.
_ENLARGED = 1024.0


def random_in_ball(
    shape: Sequence[int],
    radius: float,
    mask: Bool[Tensor, "*tokens"] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*tokens width"]:
    """One vector a token, uniform in the ball of `radius`: a normal direction, of length radius * u^(1 / width).

    shape: (..., width). mask: (...), true where there is something to perturb; all other vectors are 0. None is all.
    radius: >= 0, in units of the vectors that are perturbed.
    generator: drawn from on its own device, so that one on the CPU gives the same numbers for every device; the result
        lies where the mask is. Float32.

    In many dimensions u^(1 / width) is nearly 1: at width 768, 99 of 100 vectors are longer than 0.994 radius.
    Raises ObjectiveError for a radius below 0 and a mask of another shape.
    """
    _check(shape, radius, mask)
    device = mask.device if mask is not None else None
    drawn_on = generator.device if generator is not None else (device or torch.device("cpu"))
    direction = torch.randn(*shape, generator=generator, device=drawn_on)
    length = torch.rand(*shape[:-1], 1, generator=generator, device=drawn_on) ** (1 / shape[-1])
    drawn = project(radius * length * _unit(direction), radius).to(device or drawn_on)
    return drawn if mask is None else drawn * mask.unsqueeze(-1)


def project(delta: Float[Tensor, "*tokens width"], radius: float) -> Float[Tensor, "*tokens width"]:
    """The nearest vectors of length `radius` at most, in the precision of `delta`; those inside stay as they are.

    delta: (..., width). Vectors outside land a rounding error inside, so that the bound holds in half precision too and
    projecting twice changes nothing.
    """
    wide = delta.to(torch.promote_types(delta.dtype, torch.float32))
    norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    least = torch.finfo(wide.dtype).tiny
    inside = radius * (1 - 2 * torch.finfo(delta.dtype).eps)
    return torch.where(norm <= radius, wide, wide * (inside / norm.clamp_min(least))).to(delta.dtype)


def worst_delta(
    loss_of: Callable[[Tensor], Tensor],
    shape: Sequence[int],
    radius: float,
    *,
    mask: Bool[Tensor, "*tokens"],
    steps: int,
    step_size: float,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*tokens width"]:
    """A delta in the ball at which the loss is large: `steps` times delta <- Proj(delta + step_size g_i / ||g_i||).

    loss_of: delta (..., width), float32 -> the loss, a scalar; called once a step. Its gradient g is taken with respect
        to delta alone: no parameter's `.grad` is touched, and no gradient of a parameter computed.
    shape, radius, mask, generator: as in `random_in_ball`, from which the first delta is drawn. The generator is drawn
        from once, whatever the number of steps.
    steps: >= 0; 0 gives the random start. step_size: length of a step, > 0, in units of the radius's vectors.

    Returns float32 without gradient, 0 where the mask is. A token whose gradient is 0 or not finite keeps its place.
    Raises ObjectiveError for numbers out of range.
    """
    if steps < 0 or not step_size > 0:
        message = f"steps is {steps} and step_size {step_size}; give steps of 0 or more and a size above 0."
        raise ObjectiveError(message)
    delta = random_in_ball(shape, radius, mask, generator)
    kept = mask.unsqueeze(-1)
    for _ in range(steps):
        delta.requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(_ENLARGED * loss_of(delta), delta)
        delta = project(delta.detach() + step_size * _unit(gradient.float()) * kept, radius)
    return delta.detach()


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1; those that are 0 or not finite become 0."""
    # Divided by the largest coordinate first: squares of small gradients would vanish.
    largest = vectors.abs().amax(dim=-1, keepdim=True)
    usable = (largest > 0) & largest.isfinite()
    scaled = torch.where(usable, vectors / torch.where(usable, largest, 1.0), 0.0)
    return scaled / torch.linalg.vector_norm(scaled, dim=-1, keepdim=True).clamp_min(1.0)


def _check(shape: Sequence[int], radius: float, mask: Tensor | None) -> None:
    if not 0 <= radius < float("inf"):
        message = f"radius is {radius}; give a length of 0 or more."
        raise ObjectiveError(message)
    if len(shape) < 2 or shape[-1] < 1:
        message = f"shape is {tuple(shape)}; give (..., tokens, width) with a width of 1 or more."
        raise ObjectiveError(message)
    if mask is not None and tuple(mask.shape) != tuple(shape[:-1]):
        message = f"mask is of shape {tuple(mask.shape)}; vectors of shape {tuple(shape)} need {tuple(shape[:-1])}."
        raise ObjectiveError(message)
