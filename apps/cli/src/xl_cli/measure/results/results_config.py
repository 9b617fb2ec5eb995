"""Which result rows a measure of results reads."""

import dataclasses
from typing import Any

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_objectives import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResultsConfig:
    """The runs whose rows are read, and which of their rows."""

    runs: tuple[str, ...] = dataclasses.field(
        metadata={
            "help": "Run folders, results.jsonl files, CSV or TSV files: a line a figure (as xl report --format csv "
            "writes), a column of languages beside columns of figures, or a column a language.",
            "argument": "RUN",
        }
    )
    where: tuple[str, ...] = setting(
        (), "FIELD=VALUE: only rows that say so, such as variant=mlm or target=tur; repeat for more"
    )
    percent: bool = setting(False, "Figures of CSV and TSV files are per cent; divide them by 100.")

    def __post_init__(self) -> None:
        check_options(self)
        if not self.runs:
            message = "no RUN; name run folders, results.jsonl files or tables of results."
            raise UsageError(message)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all runs that say what `where` asks for."""
        from xl_cli.folder.result_files import chosen_rows, read_results

        return chosen_rows(read_results(self.runs, percent=self.percent), self.where)
