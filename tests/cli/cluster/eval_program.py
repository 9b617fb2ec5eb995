"""`xl eval` and `xl analyze` here, then on two nodes of which one is killed when something is done; prints JSON.

python -m tests.cli.cluster.eval_program MODEL DATA OUT
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.two_nodes import another, two_nodes

import xl_cli
from xl_cli.cluster.spread import Spread
from xl_cli.results import UnfinishedError
from xl_tasks.protocols.cells import CellStore


def main(model: str, data: str, out: Path) -> None:
    tasks = ["tatoeba", "sib200-retrieval", "sib200"]
    asked: Any = {
        "model": [model, f"{model}-other"], "data": data, "source": "eng", "target": ["tur", "ell"], "resamples": 20,
        "set": ["epochs=1", "max_len=24"], "seeds": 2, "noise": ["drop-diacritics"], "layer": ["0", "1"],
    }  # fmt: skip
    xl_cli.evaluate(tasks, out=out / "local", **asked)
    measured: Any = {
        "model": [*asked["model"], model], "data": f"{data}/sib200", "measures": ["cka", "distance"], "layer": "all",
    }  # fmt: skip
    xl_cli.analyze("space", out=out / "local-space", **measured)
    asked |= {"engine": "ray", "cell_retries": 1}
    with two_nodes() as (cluster, second):
        _killing(cluster, second)
        xl_cli.evaluate(tasks, out=out / "ray", **asked)
        # A fitted model is kept in a folder, which a file keeps from being made.
        (out / "broken").mkdir()
        (out / "broken" / "models").write_text("")
        asked |= {"model": [model], "seeds": 1, "layer": ["0"], "save_models": True}
        try:
            xl_cli.evaluate(["tatoeba", "sib200"], out=out / "broken", **asked)
        except UnfinishedError as error:
            found = {"message": str(error), "done": sorted({row.data for row in error.done})}
        _killing_early(cluster, another(cluster))
        xl_cli.analyze("space", out=out / "ray-space", engine="ray", cell_retries=1, **measured)
    print(json.dumps(found))


def _killing_early(cluster: Any, second: Any) -> None:
    """The second node dies when the first part of a measure is there, as the others are under way."""
    answers = Spread.answers

    def kill_and_go_on(self: Spread, *given: Any) -> Any:
        for number, answer in enumerate(answers(self, *given)):
            if number == 0:
                cluster.remove_node(second, allow_graceful=False)
            yield answer

    Spread.answers = kill_and_go_on  # ty: ignore[invalid-assignment]


def _killing(cluster: Any, second: Any) -> None:
    """The second node dies when the first cell is kept."""
    save = CellStore.save

    def kill_and_save(self: CellStore, scored: Any) -> None:
        CellStore.save = save
        cluster.remove_node(second, allow_graceful=False)
        self.save(scored)

    CellStore.save = kill_and_save


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
