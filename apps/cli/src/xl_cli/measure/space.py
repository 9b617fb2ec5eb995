"""Several measures of vectors from one reading of the texts."""

import dataclasses
from typing import TYPE_CHECKING, Any, get_type_hints

from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.measure.readings import SpaceConfig
from xl_cli.measure.registry import MEASURES, Measure, measure
from xl_cli.measure.views import space_rows
from xl_cli.unread_options import ReadWhere
from xl_encoders.registry import unknown_name

if TYPE_CHECKING:
    from xl_tasks import Row

_OF_VECTORS = {name: entry for name in MEASURES if name != "space" and (entry := measure(name)).at_layer}
# Options that a measure reads in a command of its own alone.
_ALONE = {"plot", "misses"}
_READ = {
    name: {field.name for field in dataclasses.fields(entry.settings)} - _ALONE for name, entry in _OF_VECTORS.items()
}
_SHARED = {field.name for field in dataclasses.fields(SpaceConfig)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _MeasuresConfig(SpaceConfig):
    measures: tuple[str, ...] = dataclasses.field(
        default=(), metadata={"help": f"{', '.join(_OF_VECTORS)}, with commas or repeated [default: all of them]"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _asked(self):
            if name not in _OF_VECTORS:
                raise UsageError(unknown_name("measure of vectors", name, list(_OF_VECTORS)))
            _settings_of(name, self)


def _asked(call: Any) -> list[str]:
    return list(dict.fromkeys(name.strip() for part in call.measures for name in part.split(","))) or list(_OF_VECTORS)


def _settings_of(name: str, config: SpaceConfig) -> Any:
    return _OF_VECTORS[name].settings(**{field: getattr(config, field) for field in _READ[name]})


def _all_options() -> type[Any]:
    """The options of all measures in one class; one that two of them have has the same meaning and default in both."""
    own = {
        field.name: (field.name, hints[field.name], dataclasses.field(default=field.default, metadata=field.metadata))
        for entry in _OF_VECTORS.values()
        if (hints := get_type_hints(entry.settings))
        for field in dataclasses.fields(entry.settings)
        if field.name not in _SHARED | _ALONE
    }
    return dataclasses.make_dataclass(
        "MeasuresConfig",
        own.values(),
        bases=(_MeasuresConfig,),
        namespace={"__module__": __name__},  # where pickle finds it
        frozen=True,
        kw_only=True,
    )


def _read_where() -> list[ReadWhere]:
    """Where an option is read: with a measure that has it, and then as that measure's own table says."""
    rows = []
    for option in sorted(set().union(*_READ.values())):
        readers = [name for name in _OF_VECTORS if option in _READ[name]]
        if option not in _SHARED:
            reason = f"without {' or '.join(readers)} among --measures"
            rows.append(ReadWhere((option,), lambda call, option=option: _readers(call, option), reason))
        of_measures = [row for name in readers for row in _OF_VECTORS[name].read_where if option in row.names]
        rows += [
            ReadWhere((option,), lambda call, option=option: _is_read(call, option), reason)
            for reason in dict.fromkeys(row.reason for row in of_measures)
        ]
    return rows


def _is_read(call: Any, option: str) -> bool:
    return any(
        all(row.holds(call) for row in _OF_VECTORS[name].read_where if option in row.names)
        for name in _readers(call, option)
    )


def _readers(call: Any, option: str) -> list[str]:
    return [name for name in _asked(call) if option in _READ[name]]


def all_rows(config: _MeasuresConfig, spread: Spread) -> "list[Row]":
    """Several measures of vectors from one reading of the texts: the time is little more than one measure's.

    Example: xl analyze space --measures cka --model runs/names --data sib200 --layer all
    """
    parts = [(_OF_VECTORS[name].at_layer, _settings_of(name, config)) for name in _asked(config)]
    return space_rows(config, spread, *((at_layer, own) for at_layer, own in parts if at_layer))


MeasuresConfig = _all_options()
SPACE = Measure(settings=MeasuresConfig, rows=all_rows, table="xl_analysis:result_tables", read_where=_read_where())
