"""Where the parts of a call are computed. Imports nothing heavy."""

from dataclasses import dataclass, fields

from xl_cli.cluster.work import ENGINES, check_engine
from xl_cli.unread_options import ReadWhere
from xl_objectives import setting

_OF_RAY = ("cell_cpus", "cell_gpus", "cell_retries")
CLUSTER_OPTIONS = ("engine", *_OF_RAY)
ON_CLUSTER = ReadWhere(_OF_RAY, lambda call: call.engine == "ray", "without --engine ray")


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """The engine of commands whose work has independent parts, and what one part takes of a cluster."""

    engine: str = setting(
        "local", "local | ray: parts are spread over the cluster of RAY_ADDRESS, or over this machine", choices=ENGINES
    )
    cell_cpus: float = setting(1.0, "of --engine ray: processors of a fitted model or a reading of the texts", above=0)
    cell_gpus: float = setting(0.0, "of --engine ray: GPUs of it, also a part of one, e.g. 0.5", low=0)
    cell_retries: int = setting(2, "of --engine ray: times that it is tried again, on another node if it can", low=0)

    def check_cluster(self) -> None:
        """UsageError, before anything heavy is loaded, for what stands against the engine."""
        of_ray = [field for field in fields(self) if field.name.startswith("cell_")]
        given = [f"--{each.name.replace('_', '-')}" for each in of_ray if getattr(self, each.name) != each.default]
        check_engine(self.engine, given)
