"""A Ray cluster on this machine, and stages that run on it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SMALL = """
from tinychat import shards
from tinychat.corpus import row_batches
shards.SHARD_BYTES, row_batches.ROWS = 5000, 20
from stages.{stage} import main
main()
"""


@dataclass(frozen=True)
class RayCluster:
    """A cluster of two machines with a core each, all on this one.

    names  what TINYCHAT_CLUSTER may be, and the address that Ray is told for it
    """

    names: dict[str, str]

    def run(self, name: str, root: Path, stage: str) -> subprocess.CompletedProcess[str]:
        """A stage in the project `root`, in small pieces."""
        environment = {"TINYCHAT_CLUSTER": name, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
        return subprocess.run(
            [sys.executable, "-c", SMALL.format(stage=stage)],
            cwd=root,
            env=os.environ | environment | ({"RAY_ADDRESS": self.names[name]} if self.names[name] else {}),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """Skips where Ray is not installed."""
    pytest.importorskip("ray", reason='Ray is not installed: pip install "ray[client]"')
    from ray.cluster_utils import Cluster

    port = 30_000 + os.getpid() % 10_000
    settings = {"num_cpus": 1, "object_store_memory": 80 << 20}
    head = settings | {"include_dashboard": False, "ray_client_server_port": port}
    running = Cluster(initialize_head=True, head_node_args=head)
    try:
        running.add_node(**settings)
        yield RayCluster({"auto": running.address, f"ray://127.0.0.1:{port}": ""})
    finally:
        running.shutdown()
