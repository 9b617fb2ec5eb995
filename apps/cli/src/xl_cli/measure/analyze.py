"""`xl analyze` from Python: any measure, by its name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.config import ClusterConfig
from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.measure.registry import Measure, measure
from xl_cli.recipe.config import ReadingConfig
from xl_cli.results import Rows, UnfinishedError
from xl_cli.settings import checked_settings
from xl_cli.unread_options import refuse_unread

if TYPE_CHECKING:
    from xl_tasks import Row


def analyze(name: str, *, out: str | Path | None = None, **settings: Any) -> Rows:
    """Measure a representation space: the rows of a measure (`xl ls measures`), as `xl analyze NAME` gives them.

    out: folder for the rows, which must be new. settings: the fields of the measure's settings, such as `model`,
    `data`, `source`, `target` of "cka".
    Raises RegistryError for a measure that there is not, UsageError for a wrong setting, CliError for what is missing,
    UnfinishedError, which carries the other rows, where a model fails on a cluster.

    >>> analyze("cka", model="runs/names", data="sib200", source="eng_Latn")  # doctest: +SKIP
    """
    entry = measure(name)
    if "engine" in settings:
        check_spreads(name, entry)
    config: Any = checked_settings(entry.settings, settings)
    refuse_unread(entry.read_where, settings, config)
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"--out {folder} exists already; name another folder."
        raise UsageError(message)
    check_at_hand(
        files=getattr(config, "runs", ()),
        models=getattr(config, "models", None) or ([config.model] if hasattr(config, "model") else ()),
        data=getattr(config, "data", ""),
        revision=getattr(config, "revision", ""),
        layers=config.layer if isinstance(config, ReadingConfig) else (),
        max_len=config.max_len if isinstance(config, ReadingConfig) else 0,
    )
    spread = Spread(config) if isinstance(config, ClusterConfig) else None
    rows = entry.rows(config, spread) if spread else entry.rows(config)
    failures = spread.failures if spread else []
    if folder is not None:
        _write(folder, name, rows, asdict(config), failures)
    # A measure whose result is more than figures says itself what is printed.
    found = Rows(
        rows,
        rows.__str__ if isinstance(rows, Rows) else lambda: _table(entry, rows) if rows or not failures else "",
        folder,
    )
    if failures:
        kept = f" {folder} has the rows of the others; xl report and xl compare take several folders." if folder else ""
        message = f"{len(failures)} failed: {'; '.join(failures)}{kept}"
        raise UnfinishedError(message, found)
    return found


def check_spreads(name: str, entry: Measure) -> None:
    """UsageError for a measure that is no work for a cluster; --engine of measures of words is what finds words."""
    if "engine" not in entry.settings.__dataclass_fields__:
        message = f"--engine: xl analyze {name} has no parts that a cluster could compute at once; leave it out."
        raise UsageError(message)


def _table(entry: Measure, rows: "Sequence[Row]") -> str:
    module, function = entry.table.split(":")
    made = getattr(import_module(module), function)([asdict(row) for row in rows])
    return "\n\n".join(table.render("text") for table in (made if isinstance(made, list) else [made]))


def _write(
    folder: Path, name: str, rows: "Sequence[Row]", options: Mapping[str, object], failures: Sequence[str]
) -> None:
    from xl_cli.folder.run_folder import RunFolder, environment
    from xl_tasks import write_rows

    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "results.jsonl", rows)
    more = {"status": "failed", "failures": failures} if failures else {"status": "finished"}
    RunFolder(folder).describe(tasks=[name], options=options, **more, **environment())
