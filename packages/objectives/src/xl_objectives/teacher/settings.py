"""What objectives with a frozen teacher share: a student's sentence vectors and the teacher's, constants of the run."""

from dataclasses import dataclass
from typing import ClassVar

from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ObjectiveConfig

DISTANCES = ("cosine", "mse")


@dataclass(frozen=True, kw_only=True)
class TeacherConfig(ObjectiveConfig):
    """What teach and retain share: sentence vectors as the encoder will give them later, and those of its teacher.

    Called as `loss(students, teachers, **takes)`, (texts, width) both, the latter without gradient. Where
    `reads_pairs`, row i of `teachers` is of the translation that text i has in the pivot language, and the loss is
    given the keywords of `teach_loss` too.
    """

    family: ClassVar[str] = "teacher"

    distance: str = setting(
        "cosine",
        "cosine (squared distance of unit vectors) | mse (mean square over coordinates of vectors as they are, as "
        "make-multilingual)",
        choices=DISTANCES,
    )

    @property
    def encodes_pivots(self) -> bool:
        """Whether the student reads the translations too."""
        return False

    @property
    def most_compared(self) -> int:
        """Vectors of the teacher that each student is compared with at most, if there are so many; 0: none."""
        return 0

    @property
    def n_mined(self) -> int:
        """Of how many vectors of the teacher nearest to its own each student is told apart where not all are."""
        return 0

    @property
    def n_together(self) -> int:
        """Pairs that stand in a batch together because the teacher sees them close; 0 or 1: any."""
        return 0
