"""Work on a Ray cluster (https://docs.ray.io). docs/scale.md says how to start one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import tinychat
from tinychat.errors import InputError

Result = TypeVar("Result")


class Cluster:
    """The cluster that this process is connected to.

    cores  how many tasks it can run at once
    """

    def __init__(self) -> None:
        import ray

        self._ray = ray
        self._call = ray.remote(_call)
        self.cores = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def share(self, value: object) -> object:
        """What `submit` takes in place of a value that many tasks need, so that each machine gets it once."""
        return self._ray.put(value)

    def submit(self, function: Callable[..., Result], *arguments: object) -> Callable[[], Result]:
        """Begin `function(*arguments)` on a core of the cluster, and give what waits for its result."""
        pending = self._call.remote(function, *arguments)

        def result() -> Result:
            try:
                return self._ray.get(pending)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except self._ray.exceptions.RayError as error:
                raise InputError(
                    "TINYCHAT_CLUSTER: the cluster lost the work: {error}", error=" ".join(str(error).split())
                ) from None

        return result


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Within this context, this process is connected to the cluster at `address`: ray://HOST:PORT, or auto.

    The cluster's processes get this package, but not those that it imports. What was submitted and not yet done is
    cancelled at the end. Raises InputError where Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise InputError(
            'TINYCHAT_CLUSTER is {address}, but Ray is not installed: pip install "ray[client]"', address=address
        ) from None
    environment = {
        "py_modules": [str(Path(tinychat.__file__).parent)],
        "env_vars": {"TOKENIZERS_PARALLELISM": "false"},  # the other cores have tasks of their own
    }
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError) as error:
        raise InputError(
            "TINYCHAT_CLUSTER is {address}, but no Ray cluster answers there: {error}",
            address=address,
            error=" ".join(str(error).split()),
        ) from None
    try:
        yield Cluster()
    finally:
        ray.shutdown()


def _call(function: Callable[..., object], *arguments: object) -> object:
    return function(*arguments)
