"""Parts of a call that need nothing of one another: computed here one after another, or on a cluster at once."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from xl_cli.cluster.config import ClusterConfig
from xl_cli.cluster.work import Answer, Resources, Work, all_again, on_cluster
from xl_cli.errors import UsageError
from xl_cli.launch.progress import Progress, say


class Spread:
    """How the parts of one call are computed.

    failures: "label: reason" of what failed on the cluster as often as it was tried. Here the first failure ends the
    call.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self.failures: list[str] = []

    @property
    def is_local(self) -> bool:
        """Whether parts are computed in this process."""
        return self._config.engine == "local"

    def values(self, works: Sequence[Work]) -> Iterator[Any]:
        """What each piece of work gives, in their order, as soon as those before it are there; None where it failed."""
        if self.is_local:
            yield from (work.function(**work.arguments) for work in works)
            return
        place = {id(work): number for number, work in enumerate(works)}
        found: dict[int, Any] = {}
        n_done = n_given = 0
        with Progress("on the cluster", len(works), "parts") as progress:
            for work, answer in self.answers(works):
                if answer.value is not None or answer.failures:
                    found[place[id(work)]] = answer.value
                    n_done += 1
                    progress.advance(n_done)
                while n_given in found:
                    yield found.pop(n_given)
                    n_given += 1

    def answers(
        self,
        works: Sequence[Work],
        left: Callable[[Work, Answer], Work] = all_again,
        is_told: Callable[[Work, str], bool] = lambda work, line: True,
    ) -> Generator[tuple[Work, Answer]]:
        """Pieces of work with what came of them on the cluster, in the order in which they end, see `on_cluster`.

        is_told: whether a line that a worker wrote to stderr is repeated here; of equal ones one is.
        Raises UsageError where the settings are at fault.
        """
        config = self._config
        resources = Resources(n_cpus=config.cell_cpus, n_gpus=config.cell_gpus, n_retries=config.cell_retries)
        told: set[str] = set()
        for work, answer in on_cluster(works, resources, left) if works else ():
            for line in answer.said:
                if line not in told and is_told(work, line):
                    told.add(line)
                    say(line)
            yield work, answer
            if answer.misuse:
                raise UsageError("; ".join(answer.failures.values()))
            for label, why in answer.failures.items():
                self.failed(label, why)

    def failed(self, label: str, why: str) -> None:
        """Keep and tell a failure that does not end the call."""
        self.failures.append(f"{label}: {why}")
        say(f"failed: {self.failures[-1]}")
