"""Options of `xl static map`: every setting of a mapping, which says in its help what each mode has."""

from dataclasses import Field, field, fields, make_dataclass
from pathlib import Path
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.unread_options import ReadWhere
from xl_staticemb.errors import StaticembError
from xl_staticemb.mapping.config import PRESETS, MappingConfig
from xl_staticemb.mapping.descent.config import DescentOptions

MODES = {name.replace("_", "-"): MappingConfig.preset(name) for name in PRESETS}
# What a map onto a pivot can be, and the mode whose options it begins with.
PIVOT_MODES = {"orthogonal": "orthogonal", "rcsls": "rcsls", "pull-back": "supervised", "per-pair": "supervised"}
# Settings that the command calls otherwise: its --dictionary names a file.
_NAMES = {"normalization": "normalize", "dictionary": "start"}


class MappingOverrides:
    """What is given on the command line replaces the mode's setting of that name; None leaves it."""

    def needed(self, mode: str) -> set[str]:
        """The options without which the others would be refused: they switch off what the mode has."""

        def refused(name: str) -> bool:
            try:
                MappingOptions(**{**given, name: None}).config(mode)
            except UsageError:
                return True
            return False

        given = {name: value for name, value in vars(self).items() if value is not None}
        return set(filter(refused, given))

    def config(self, mode: str, option: str = "--mode") -> MappingConfig:
        """The mode's `MappingConfig` with these options. UsageError for what it refuses, which names `option`."""
        values = {item: getattr(self, _NAMES.get(item.name, item.name), None) for item in fields(MappingConfig)}
        given = {item.name: _read(item, value) for item, value in values.items() if value is not None}
        try:
            return MappingConfig.preset(mode.replace("-", "_"), **given)
        except StaticembError as error:
            message = f"{option} {mode}: {error}."
            raise UsageError(message) from None


def _read(item: Field[Any], value: Any) -> object:
    """The setting that an option's value stands for."""
    if item.type is bool:
        if value not in ("on", "off"):
            message = f"--{item.name.replace('_', '-')} is {value!r}; say on or off."
            raise UsageError(message)
        return value == "on"
    return tuple(filter(None, value.split(","))) if item.type == tuple[str, ...] else value


def _written(value: object) -> str:
    """A setting as its option takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _option(item: Field[Any]) -> tuple[str, Any, Any]:
    """Name, type and field of the option that replaces a setting: None unless it is given."""
    usual, modes = _written(item.default), dict[str, list[str]]()
    for mode, config in MODES.items():
        modes.setdefault(_written(getattr(config, item.name)), []).append(mode)
    others = [f"{value} in {', '.join(its)}" for value, its in modes.items() if value != usual]
    form = {bool: "; on | off", tuple[str, ...]: ", parted by commas"}.get(item.type, "")
    text = f"{item.metadata['help']}{form} [default: {'; '.join([usual, *others])}]"
    kind: Any = str if form else item.type
    return _NAMES.get(item.name, item.name), kind | None, field(default=None, metadata={"help": text})


MappingOptions: Any = make_dataclass(
    "MappingOptions", map(_option, fields(MappingConfig)), bases=(MappingOverrides,), frozen=True, kw_only=True
)

# Those of maps that descend, for commands that give no other option of a mapping.
DescentMappingOptions: Any = make_dataclass(
    "DescentMappingOptions", map(_option, fields(DescentOptions)), bases=(MappingOverrides,), frozen=True, kw_only=True
)


def _is_text(path: Path | None) -> bool:
    from xl_staticemb.files.streams import kind_suffix

    return path is not None and kind_suffix(path) not in (".bin", ".safetensors")


OF_RCSLS = ("rcsls_rate", "rcsls_steps", "ball")
OF_MUSE = tuple(item.name for item in fields(DescentOptions) if item.name not in OF_RCSLS)

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
        ("csls",),
        lambda call: call.config.self_learning or call.config.map == "rcsls",
        "without self-learning or rcsls",
    ),
    ReadWhere(
        ("direction", "keep", "keep_factor", "interval", "threshold", "max_iterations", "precision"),
        lambda call: call.config.self_learning,
        "without self-learning",
    ),
    ReadWhere(
        ("keep_factor",), lambda call: call.config.keep < 1, "where every score is kept from the start (--keep below 1)"
    ),
    ReadWhere(
        ("cutoff",),
        lambda call: call.config.self_learning or call.config.map == "rcsls" or call.pivot,
        "without self-learning, rcsls or --pivot",
    ),
    ReadWhere(
        ("device",),
        lambda call: call.config.self_learning or call.config.map == "rcsls" or call.by,
        "without self-learning, rcsls or --by",
    ),
    ReadWhere(
        OF_RCSLS,
        lambda call: call.config.map == "rcsls",
        "without rcsls (--mode rcsls, --map rcsls)",
    ),
    ReadWhere(
        OF_MUSE,
        lambda call: call.config.dictionary == "adversarial",
        "without an adversarial start (--mode muse, --start adversarial)",
    ),
    ReadWhere(
        ("width",), lambda call: call.mode != "pull-back", "with --mode pull-back, which keeps the pivot's width"
    ),
    ReadWhere(
        ("whiten", "src_reweight", "trg_reweight", "src_dewhiten", "trg_dewhiten", "width", "ridge"),
        lambda call: call.config.map == "advanced",
        "for an orthogonal, unconstrained or rcsls map, only for --map advanced",
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
