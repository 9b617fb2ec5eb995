"""Work spread over a Ray cluster: pieces that are tried again on another node, and a driver that alone writes."""

import os
import time
import traceback
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from io import StringIO
from typing import Any

from xl_cli.errors import CliError, UsageError, is_misuse
from xl_cli.launch import processes
from xl_cli.launch.progress import say, unheard

ENGINES = ("local", "ray")
EXTRA = "xl-cli[ray]"

# Seconds that pieces of work have to keep what they have when the driver is told to stop.
_SECONDS_TO_STOP = 20.0
# Seconds in which the cluster has heard what a node is doing.
_SECONDS_OF_NEWS = 2.0


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one piece of work takes of its node, and how often it is tried again after a failure."""

    n_cpus: float = 1.0
    n_gpus: float = 0.0
    n_retries: int = 2


@dataclass(frozen=True, kw_only=True)
class Work:
    """A piece of work: a function of a module, what it is called with, and how messages call it.

    folder: the working directory, where there is one of that name on the node: what names of files are relative to.
    """

    label: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    folder: str = field(default_factory=os.getcwd)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one try of a piece of work.

    value: what the function gave; None where it failed as a whole. said: what it wrote to stderr, line by line.
    node: id and address of where it ran; "" where that died. failures: what failed -> why. misuse: whether the settings
    are at fault, so that no node could do it.
    """

    value: Any = None
    said: Sequence[str] = ()
    node: tuple[str, str] = ("", "")
    failures: Mapping[str, str] = field(default_factory=dict)
    misuse: bool = False


class PartlyFailedError(CliError):
    """Some of a piece of work failed: `value` is the rest, `failures` says what failed and why."""

    def __init__(self, value: Any, failures: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{label}: {reason}" for label, reason in failures.items()))
        self.value = value
        self.failures = dict(failures)

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle makes it of."""
        return type(self), (self.value, self.failures)


def check_engine(engine: str, given: Collection[str] = ()) -> None:
    """UsageError, before anything heavy is loaded, for Ray that is not there, and for options that it alone reads.

    given: such options, as the user wrote them.
    """
    if engine != "ray":
        if given:
            message = f"{', '.join(given)}: read by --engine ray alone; add that, or leave it out."
            raise UsageError(message)
        return
    if find_spec("ray") is None:
        message = f"--engine ray needs Ray; pip install '{EXTRA}', or leave --engine out."
        raise UsageError(message)
    if processes.several():
        message = "--engine ray starts processes of its own; call xl without torchrun or accelerate launch."
        raise UsageError(message)


def all_again(work: Work, answer: Answer) -> Work:
    """What is still to do of a piece of work of which nothing is done before all is."""
    return work


def on_cluster(
    works: Sequence[Work], resources: Resources, left: Callable[[Work, Answer], Work] = all_again
) -> Generator[tuple[Work, Answer]]:
    """Each piece of work with its last answer, and with those before it that had a value, as they come.

    A piece that failed, or whose node died, is tried again, on another node where there is one. left: what of a piece
    is still to do after an answer. RAY_ADDRESS names the cluster; without it the processors of this machine are one.
    Left early, it stops what runs: a function may use the KeyboardInterrupt to keep what it has.
    """
    from xl_translit.cluster import ray_cluster

    with ray_cluster(EXTRA) as ray:
        _check_resources(ray, resources)
        yield from _Pool(ray, resources, left).answers(works)


class _Pool:
    """The pieces that are under way."""

    def __init__(self, ray: Any, resources: Resources, left: Callable[[Work, Answer], Work]) -> None:
        self._ray = ray
        self._resources = resources
        self._left = left
        # What is tried again, and where, is decided here.
        self._remote = ray.remote(answer)
        self._options = {"num_cpus": resources.n_cpus, "num_gpus": resources.n_gpus, "max_retries": 0}
        self._tries: dict[Any, tuple[Work, int]] = {}

    def answers(self, works: Sequence[Work]) -> Generator[tuple[Work, Answer]]:
        """See `on_cluster`."""
        try:
            for work in works:
                self._start(work, 0)
            while self._tries:
                [done], _ = self._ray.wait(list(self._tries), num_returns=1)
                work, n_tries = self._tries.pop(done)
                answer = self._answer(work, done)
                again = bool(answer.failures) and not answer.misuse and n_tries < self._resources.n_retries
                if again:
                    why = "; ".join(f"{label}: {reason}" for label, reason in answer.failures.items())
                    say(f"tried again ({n_tries + 1} of {self._resources.n_retries}): {why}")
                    self._start(self._left(work, answer), n_tries + 1, besides=answer.node[0])
                yield work, (replace(answer, failures={}) if again else answer)
        finally:
            self._stop()

    def _start(self, work: Work, n_tries: int, besides: str = "") -> None:
        options = {**self._options, **self._elsewhere(besides)}
        self._tries[self._remote.options(**options).remote(work)] = (work, n_tries)

    def _elsewhere(self, node: str) -> dict[str, Any]:
        """Options that send work to another node than the one where it failed, if another one could take it."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        others = [other["NodeID"] for other in _nodes(self._ray, self._resources) if other["NodeID"] != node]
        if not node or not others:
            return {}
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(others[hash(node) % len(others)], soft=True)}

    def _answer(self, work: Work, done: Any) -> Answer:
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(done)
        except RayTaskError as error:  # of Ray's own work in the process: of ours `answer` tells
            first, *_ = str(error.cause).strip().splitlines() or [""]
            return Answer(failures={work.label: f"{type(error.cause).__name__}: {first}"})
        except RayError as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            return Answer(failures={work.label: f"its node or process was lost ({reason[:200]})"})

    def _stop(self) -> None:
        """Interrupt what runs, and wait till it has let go of its processors: Ray itself takes it for done at once."""
        if not self._tries:
            return
        for under_way in self._tries:
            self._ray.cancel(under_way, force=False)
        end = time.monotonic() + _SECONDS_TO_STOP
        time.sleep(_SECONDS_OF_NEWS)
        while self._in_use() and time.monotonic() < end:
            time.sleep(0.2)

    def _in_use(self) -> bool:
        free, there = self._ray.available_resources(), self._ray.cluster_resources()
        return free.get("CPU", 0.0) < there.get("CPU", 0.0)


def answer(work: Work) -> Answer:
    """One try of a piece of work, in the process that does it."""
    # As `main` has it: nothing of other libraries among our lines.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    said = StringIO()
    value, failures, misuse = None, {}, False
    if os.path.isdir(work.folder):  # noqa: PTH112
        os.chdir(work.folder)
    with redirect_stderr(said), unheard():
        try:
            value = work.function(**work.arguments)
        except PartlyFailedError as error:
            value, failures = error.value, error.failures
        except Exception as error:
            if os.environ.get("XL_DEBUG"):
                traceback.print_exc()
            failures, misuse = {work.label: reason(error)}, is_misuse(error)
    lines = said.getvalue().splitlines()
    return Answer(value=value, said=lines, node=_here(), failures=failures, misuse=misuse)


def reason(error: Exception) -> str:
    """Why something failed, for a list of failures: an error that is not meant for users is named."""
    kind = "" if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: "
    return f"{kind}{error}"


def _here() -> tuple[str, str]:
    import ray

    return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()


def _nodes(ray: Any, resources: Resources) -> list[dict[str, Any]]:
    """The nodes that are alive and could ever take a piece of work."""
    return [
        node
        for node in ray.nodes()
        if node["Alive"]
        and node["Resources"].get("CPU", 0) >= resources.n_cpus
        and node["Resources"].get("GPU", 0) >= resources.n_gpus
    ]


def _check_resources(ray: Any, resources: Resources) -> None:
    """CliError where no node could ever take a piece of work, as Ray would wait for one for ever."""
    if not _nodes(ray, resources):
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = [max((there.get(kind, 0) for there in alive), default=0) for kind in ("CPU", "GPU")]
        message = (
            f"no node of the cluster has {resources.n_cpus:g} CPUs (--cell-cpus) and {resources.n_gpus:g} GPUs "
            f"(--cell-gpus); the most that one has are {most[0]:g} and {most[1]:g}."
        )
        raise CliError(message)
