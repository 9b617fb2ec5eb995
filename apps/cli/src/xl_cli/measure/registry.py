"""What `xl analyze` can measure, by name. A new measure is a file with its `Measure`, and a line here.

`cka.py` is the model to copy. The file imports nothing heavy outside its functions: `xl --help` reads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from xl_cli.unread_options import ReadWhere
from xl_encoders.registry import Registry

if TYPE_CHECKING:
    from xl_cli.measure.views import Space
    from xl_tasks import Row

MEASURES = {
    "align-words": "xl_cli.measure.align_words:ALIGN_WORDS",
    "cka": "xl_cli.measure.cka:CKA",
    "correlate": "xl_cli.measure.results.correlate:CORRELATE",
    "coverage": "xl_cli.measure.coverage:COVERAGE",
    "distance": "xl_cli.measure.distance:DISTANCE",
    "divergence": "xl_cli.measure.divergence:DIVERGENCE",
    "gap": "xl_cli.measure.results.gap:GAP",
    "gradients": "xl_cli.measure.gradients:GRADIENTS",
    "linguistic-gap": "xl_cli.measure.results.linguistic_gap:LINGUISTIC_GAP",
    "robustness": "xl_cli.measure.results.robustness:ROBUSTNESS",
    "significance": "xl_cli.measure.results.significance:SIGNIFICANCE",
    "similarity": "xl_cli.measure.similarity:SIMILARITY",
    "tsne": "xl_cli.measure.tsne:TSNE",
    "word-retrieval": "xl_cli.measure.word_retrieval:WORD_RETRIEVAL",
    "space": "xl_cli.measure.space:SPACE",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure, its options and how its rows are shown.

    settings: dataclass whose fields are the options of the command, those with "argument" in their metadata what stands
        behind its name; what its fields `model` (with `revision`), `data` and `runs` name is looked for before anything
        heavy is loaded.
    rows: settings -> result rows (`Rows` where they print otherwise than `table`). Its docstring is the help of the
        command: a sentence, and a line "Example: xl ...". Where the settings are a `ClusterConfig` it is called with a
        `Spread` too, and has that compute what belongs to one model.
    at_layer: of a measure of vectors, (space, layer, settings) -> rows of that layer; its settings are a `SpaceConfig`.
        `xl analyze space` has such measures share one reading of the texts.
    table: "module:function" that makes an `xl_analysis.Table` of the rows, each a mapping, or several tables.
    read_where: options that are read under conditions alone.
    """

    settings: type[Any]
    rows: "Callable[..., Sequence[Row]]"
    table: str
    read_where: Sequence[ReadWhere] = ()
    at_layer: "Callable[[Space, int, Any], Sequence[Row]] | None" = None


def measure(name: str) -> Measure:
    """The measure of that name. RegistryError with the nearest one for a name that there is not."""
    return cast("Measure", Registry("measure", MEASURES).load(name))
