"""Options of `xl static map`: every option of a mapping, each with the chosen mode's own default."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError

if TYPE_CHECKING:
    from xl_staticemb import MappingConfig


def _option(text: str) -> Any:
    return field(default=None, metadata={"help": f"{text} [default: the mode's]"})


@dataclass(frozen=True, kw_only=True)
class MappingOptions:
    """What is given on the command line replaces the mode's option of that name; None leaves it."""

    normalize: str | None = _option(
        "Actions on all vectors, in order, parted by commas: unit, center, unitdim, centeremb."
    )
    start: str | None = _option("First dictionary: pairs (of --dictionary) | identical | numerals | unsupervised.")
    unsupervised_words: int | None = _option("Most frequent words that the unsupervised start compares.")
    unsupervised_precision: str | None = _option("float32 | float64: precision of the unsupervised start.")
    map: str | None = _option("Final map: advanced | orthogonal | unconstrained.")
    whiten: str | None = _option("Advanced map: on | off, decorrelate both sides before they are rotated.")
    src_reweight: float | None = _option("Advanced map: exponent of the singular values, source.")
    trg_reweight: float | None = _option("Advanced map: exponent of the singular values, target.")
    src_dewhiten: str | None = _option("Advanced map: undo on the source the whitening of: src | trg | none.")
    trg_dewhiten: str | None = _option("Advanced map: undo on the target the whitening of: src | trg | none.")
    width: int | None = _option("Advanced map: dimensions that are kept, 0 for all.")
    ridge: float | None = _option("Whitening: share of the mean squared singular value added; -1 only where needed.")
    self_learning: str | None = _option("on | off: induce the dictionary again from each map until nothing improves.")
    cutoff: int | None = _option("Self-learning: most frequent words of each side it looks at, 0 for all.")
    csls: int | None = _option("Self-learning: neighbours of CSLS, 0 for plain cosines.")
    direction: str | None = _option("Self-learning: forward | backward | union.")
    keep: float | None = _option("Self-learning: probability at first that a score is kept, in (0, 1].")
    keep_factor: float | None = _option("Self-learning: growth of that probability when nothing improves.")
    interval: int | None = _option("Self-learning: iterations without improvement before it grows.")
    threshold: float | None = _option("Self-learning: least gain that counts as improvement.")
    max_iterations: int | None = _option("Self-learning: iterations at most, 0 for no limit.")
    precision: str | None = _option("Self-learning: float32 | bfloat16 (to find candidates).")

    def config(self, mode: str) -> "MappingConfig":
        """The mode's `MappingConfig` with these options. Raises UsageError for what it refuses."""
        from xl_staticemb import MappingConfig, StaticembError

        names = {"normalize": "normalization", "start": "dictionary"}
        given: dict[str, object] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None:
                continue
            if each.name == "normalize":
                value = tuple(action for action in value.split(",") if action)
            elif each.name in ("whiten", "self_learning"):
                value = _switch(each.name, value)
            given[names.get(each.name, each.name)] = value
        try:
            return MappingConfig.preset(mode.replace("-", "_"), **given)
        except StaticembError as error:
            message = f"--mode {mode}: {error}."
            raise UsageError(message) from None


def _switch(name: str, value: str) -> bool:
    if value not in ("on", "off"):
        message = f"--{name.replace('_', '-')} is {value!r}; say on or off."
        raise UsageError(message)
    return value == "on"
