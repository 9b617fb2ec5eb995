"""A text of a language that an encoder knows stays where its frozen teacher has it.

    l = 1/n sum_i | s_i/|s_i| - t_i/|t_i| |^2    (cosine: 2 - 2 cos(s_i, t_i))
    l = 1/(n w) sum_ij (s_ij - t_ij)^2           (mse)

Source: Reimers and Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation",
equation of section 2, whose first term this is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.teacher.settings import DISTANCES, TeacherConfig

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RetainConfig(TeacherConfig):
    """Texts of languages that the encoder knows stay where it had them before training."""

    name: ClassVar[str] = "retain"
    title: ClassVar[str] = "distance of known languages to where they were"
    short_title: ClassVar[str] = "known languages held"
    loss: ClassVar[str] = "xl_objectives.teacher.retention:retain_loss"
    takes: ClassVar[tuple[str, ...]] = ("distance",)
    reads: ClassVar[tuple[str, ...]] = ("text", "parallel", "names")


def retain_loss(
    students: Float[Tensor, "texts width"], teachers: Float[Tensor, "texts width"], *, distance: str = "cosine"
) -> Float[Tensor, ""]:
    """Mean squared distance of vectors to those of a teacher, which get no gradient.

    students, teachers: (texts, width), row i of both of one text. distance: "cosine" or "mse", as above.

    In float32 at least, also under autocast; 0, on the graph, where there is no text. A zero vector stays zero, with a
    gradient of ordinary size. Raises ObjectiveError for unequal shapes or an unknown distance.
    """
    import torch

    from xl_objectives.word_pairs import squared_distance_loss, unit

    if students.shape != teachers.shape or students.ndim != 2:
        message = (
            f"students and teachers are {tuple(students.shape)} and {tuple(teachers.shape)}; give two (texts, width) "
            f"matrices of one shape."
        )
        raise ObjectiveError(message)
    if distance not in DISTANCES:
        message = f"distance is {distance!r}; choose {' or '.join(DISTANCES)}."
        raise ObjectiveError(message)
    with torch.autocast(students.device.type, enabled=False):
        students = students.to(torch.promote_types(students.dtype, torch.float32))
        teachers = teachers.detach().to(students.dtype)
        if distance == "cosine":
            return squared_distance_loss(unit(students), unit(teachers))
        return squared_distance_loss(students, teachers) / max(1, students.shape[1])
