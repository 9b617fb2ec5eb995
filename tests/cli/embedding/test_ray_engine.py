"""Shards on actors that are lost at any time: every shard is done, as long as one actor finds room."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_cli.embedding import ray_engine
from xl_cli.errors import CliError

exceptions = pytest.importorskip("ray.exceptions")


class Actor:
    """Does shards below a number, and takes no other call before it has begun."""

    n_shards = 0

    def begin(self, _: object) -> None:
        self.has_begun = True

    def shard(self, number: int) -> int | None:
        assert self.has_begun
        return number if number < self.n_shards else None

    def inputs(self) -> list[str]:
        assert self.has_begun
        return ["the inputs"]


class Cluster:
    """Takes the place of Ray: room for some actors, of which a call may lose one, with its room or without."""

    def __init__(self, n_nodes: int, order: Random, is_lost: Callable[[str, tuple], bool]) -> None:
        self.room, self.n_nodes, self.order, self.is_lost = n_nodes, n_nodes, order, is_lost
        self.placed: set[object] = set()

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.n_nodes)}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0}}] * self.n_nodes

    def put(self, value: object) -> int:
        return id(value)

    def remote(self, **_: object) -> Callable[[type], Any]:
        return lambda kind: SimpleNamespace(remote=lambda: Handle(kind()))

    def wait(self, asked: Sequence[tuple]) -> tuple[list[tuple], list[tuple]]:
        for actor, *_ in asked:
            if len(self.placed) < self.room:
                self.placed.add(actor)
        ready = [each for each in asked if each[0] in self.placed]
        assert ready, "nothing that was asked for can ever be done"
        return [self.order.choice(ready)], []

    def get(self, asked: tuple) -> Any:
        actor, call, given = asked
        if self.is_lost(call, given):
            self.placed.remove(actor)
            self.room = max(1, self.room - self.order.randint(0, 1))
            raise exceptions.ActorDiedError
        return getattr(actor, call)(*given)


class Handle:
    """Of an actor: calls are kept till they are waited for."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def __getattr__(self, call: str) -> Any:
        return SimpleNamespace(remote=lambda *given: (self._actor, call, given))


def results(n_shards: int, n_nodes: int, order: Random, is_lost: Callable[[str, tuple], bool]) -> list[Any]:
    job: Any = SimpleNamespace(config=SimpleNamespace(jobs=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Actor, "n_shards", n_shards)
        patch.setattr(ray_engine, "_Actor", Actor)
        return list(ray_engine._Actors(cast("Any", Cluster(n_nodes, order, is_lost)), job).results())


@given(
    n_shards=st.integers(0, 12),
    n_nodes=st.integers(1, 4),
    lost=st.lists(st.booleans(), max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_every_shard_is_done_whatever_is_lost(n_shards: int, n_nodes: int, lost: list[bool], order: Random) -> None:
    fates, times = iter(lost), Counter[tuple]()

    def is_lost(call: str, given: tuple) -> bool:
        key = (call, *given) if call == "shard" else (call,)
        is_now = next(fates, False) and times[key] < 3
        times[key] += is_now
        return is_now

    *shards, inputs = results(n_shards, n_nodes, order, is_lost)
    assert sorted(shards) == [(number, number) for number in range(n_shards)]
    assert inputs == ["the inputs"]


FATES = [("begin", "at the model"), ("shard", "at shard 0"), ("inputs", "at the end")]


@pytest.mark.parametrize(("call", "said"), FATES)
def test_what_is_always_lost_ends_the_job(call: str, said: str) -> None:
    with pytest.raises(CliError, match=f"4 processes were lost {said}"):
        results(1, 2, Random(0), lambda asked, given: asked == call and given != (1,))
