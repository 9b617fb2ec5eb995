"""What `xl analyze` can measure, by name. A new measure is a file with its `Measure`, and a line here.

`cka.py` is the model to copy. The file imports nothing heavy outside its functions: `xl --help` reads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from xl_cli.unread_options import ReadWhere
from xl_encoders.registry import Registry

if TYPE_CHECKING:
    from xl_tasks import Row

MEASURES = {
    "cka": "xl_cli.measure.cka:CKA",
    "coverage": "xl_cli.measure.coverage:COVERAGE",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure, its options and how its rows are shown.

    settings: dataclass whose fields are the options of the command; what its fields `model` (with `revision`) and
        `data` name is looked for before anything heavy is loaded.
    rows: settings -> result rows. Its docstring is the help of the command: a sentence, and a line "Example: xl ...".
    table: "module:function" that makes an `xl_analysis.Table` of the rows, each a mapping.
    read_where: options that are read under conditions alone.
    """

    settings: type[Any]
    rows: "Callable[[Any], Sequence[Row]]"
    table: str
    read_where: Sequence[ReadWhere] = ()


def measure(name: str) -> Measure:
    """The measure of that name. RegistryError with the nearest one for a name that there is not."""
    return cast("Measure", Registry("measure", MEASURES).load(name))
