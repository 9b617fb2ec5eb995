"""Options of `xl static map`: every option of a mapping, each with the chosen mode's own default."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.unread_options import ReadWhere

if TYPE_CHECKING:
    from xl_staticemb import MappingConfig


# What a map onto a pivot can be, and the mode whose options it begins with.
PIVOT_MODES = {"orthogonal": "orthogonal", "pull-back": "supervised", "per-pair": "supervised"}


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
    cutoff: int | None = _option(
        "Self-learning, and scores of --pivot: most frequent words of each side that are looked at, 0 for all."
    )
    csls: int | None = _option("Self-learning: neighbours of CSLS, 0 for plain cosines.")
    direction: str | None = _option("Self-learning: forward | backward | union.")
    keep: float | None = _option("Self-learning: probability at first that a score is kept, in (0, 1].")
    keep_factor: float | None = _option("Self-learning: growth of that probability when nothing improves.")
    interval: int | None = _option("Self-learning: iterations without improvement before it grows.")
    threshold: float | None = _option("Self-learning: least gain that counts as improvement.")
    max_iterations: int | None = _option("Self-learning: iterations at most, 0 for no limit.")
    precision: str | None = _option("Self-learning: float32 | bfloat16 (to find candidates).")

    def needed(self, mode: str) -> set[str]:
        """The options without which the others would be refused: they switch off what the mode has."""

        def refused(name: str) -> bool:
            try:
                replace(self, **{name: None}).config(mode)
            except UsageError:
                return True
            return False

        return {each.name for each in fields(self) if getattr(self, each.name) is not None and refused(each.name)}

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


def _is_text(path: Path | None) -> bool:
    from xl_staticemb.files.streams import kind_suffix

    return path is not None and kind_suffix(path) not in (".bin", ".safetensors")


# `config` is the mode's MappingConfig with the options of the call; a map onto a pivot never learns by itself.
READ_WHERE = (
    ReadWhere(("out_source", "out_target"), lambda call: not call.pivot, "with --pivot, which writes to --out FOLDER"),
    ReadWhere(("source_lang", "target_lang"), lambda call: not call.pivot, "with --pivot, where LANG=FILE names them"),
    ReadWhere(
        ("start", "self_learning"),
        lambda call: not call.pivot,
        "with --pivot, which starts from a dictionary and learns once",
    ),
    ReadWhere(("by", "held_out", "choose", "out"), lambda call: call.pivot, "without --pivot LANG=FILE"),
    ReadWhere(
        ("dictionary",),
        lambda call: call.config.dictionary == "pairs",
        "in a mode that starts without one, only with --start pairs",
    ),
    ReadWhere(
        ("unsupervised_words", "unsupervised_precision"),
        lambda call: call.config.dictionary == "unsupervised",
        "without an unsupervised start (--mode unsupervised, --start unsupervised)",
    ),
    ReadWhere(
        ("seeds", "seed", "keep_failed"),
        lambda call: call.config.self_learning,
        "without self-learning: other maps have no random part and never fail by themselves",
    ),
    ReadWhere(
        ("csls", "direction", "keep", "keep_factor", "interval", "threshold", "max_iterations", "precision"),
        lambda call: call.config.self_learning,
        "without self-learning",
    ),
    ReadWhere(
        ("keep_factor",), lambda call: call.config.keep < 1, "where every score is kept from the start (--keep below 1)"
    ),
    ReadWhere(("cutoff",), lambda call: call.config.self_learning or call.pivot, "without self-learning or --pivot"),
    ReadWhere(("device",), lambda call: call.config.self_learning or call.by, "without self-learning or --by"),
    ReadWhere(
        ("width",), lambda call: call.mode != "pull-back", "with --mode pull-back, which keeps the pivot's width"
    ),
    ReadWhere(
        ("whiten", "src_reweight", "trg_reweight", "src_dewhiten", "trg_dewhiten", "width", "ridge"),
        lambda call: call.config.map == "advanced",
        "for an orthogonal or unconstrained map, only for --map advanced",
    ),
    ReadWhere(
        ("src_dewhiten", "trg_dewhiten", "ridge"), lambda call: call.config.whiten, "without whitening (--whiten on)"
    ),
    ReadWhere(
        ("digits",),
        lambda call: call.pivot or _is_text(call.out_source) or _is_text(call.out_target),
        "for vectors that are not written as text",
    ),
)
