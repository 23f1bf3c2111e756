"""The data stages as functions over shards of their data, such as parts of a file: on all cores, or on a cluster.

TINYCHAT_WORKERS   auto (default: all cores, for small data one), or how many processes
TINYCHAT_CLUSTER   empty (default: this machine), auto (the Ray cluster that this machine belongs to), or ray://HOST:PORT

A stage makes a result of each shard and merges them in their order, so that neither the number of shards nor that of
the processes changes a byte of what it writes.
"""

import io
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tinychat.environment import number, usable_cores
from tinychat.errors import InputError
from tinychat.ray_cluster import connected
from tinychat.row_progress import RowProgress

Result = TypeVar("Result")
Context = TypeVar("Context")
Piece = TypeVar("Piece")  # what a process works on: picklable

SHARD_BYTES = 16 << 20  # about a second of work, so that processes end together, and little of a file is in memory
POOL_BYTES = 64 << 20  # of all shards: less takes a process about as long as it takes to start more of them
AHEAD = 2  # shards for each process whose results may wait: memory is bounded, and no process waits for the merge
MAX_WORKERS = 1024
AUTO_CLUSTER, RAY = "auto", "ray://"


@dataclass(frozen=True)
class Shard:
    """Consecutive whole lines of a file.

    begin, end  its bytes in the file
    data        these bytes, for a machine of a cluster that does not see the file; else None
    first_line  the number of its first line in the file, where `data` is given
    """

    path: Path
    begin: int
    end: int
    data: bytes | None = None
    first_line: int = 0

    def __len__(self) -> int:
        return self.end - self.begin

    def lines(self) -> Iterator[bytes]:
        """Its lines with their ends, one by one; only `\\n` ends a line."""
        with self._open() as file:
            left = len(self)
            while left > 0 and (line := file.readline(left)):
                left -= len(line)
                yield line

    def place(self, index: int) -> str:
        """`FILE:LINE` of the line with this index in the shard."""
        return f"{self.path}:{(self.first_line or self._lines_before() + 1) + index}"

    def _open(self) -> BinaryIO:
        if self.data is not None:
            return io.BytesIO(self.data)
        file = open(self.path, "rb")  # noqa: SIM115 (the caller closes it)
        file.seek(self.begin)
        return file

    def _lines_before(self) -> int:
        with open(self.path, "rb") as file:
            left, found = self.begin, 0
            while left and (data := file.read(min(left, 1 << 20))):
                left -= len(data)
                found += data.count(b"\n")
        return found


def shards_of(path: Path, size: int | None = None) -> list[Shard]:
    """A file cut at line ends into shards of about `size` bytes (SHARD_BYTES); none where it is empty."""
    size = SHARD_BYTES if size is None else size
    shards = []
    with open(path, "rb") as file:
        begin, total = 0, os.fstat(file.fileno()).st_size
        while begin < total:
            file.seek(min(begin + size, total) - 1)
            file.readline()
            shards.append(Shard(path, begin, file.tell()))
            begin = file.tell()
    return shards


def run_shards(
    title: str,
    setup: Callable[..., Callable[[Shard], Result]],
    common: tuple[object, ...],
    shards: Sequence[Shard],
    merge: Callable[[Shard, Result], int],
) -> None:
    """Make a result of each shard, on all cores or on a cluster, and merge them in the order of the shards.

    `setup(*common)` is called in each process, and gives the function that makes a result of a shard; all of them must
    be picklable. `merge` returns how many rows the result was made of, for the line of progress, which begins with
    `title`. The first error, or an interruption, ends all processes and is raised; InputError where one was killed, or
    where the variables above are wrong.
    """
    total = sum(map(len, shards))
    results = run_in_order(setup, common, ((shard, shard) for shard in shards), total, at_most=len(shards))
    with RowProgress(title, total) as progress, closing(results):
        for shard, result in results:
            progress.advance(merge(shard, result), len(shard))


def run_in_order(
    setup: Callable[..., Callable[[Piece], Result]],
    common: tuple[object, ...],
    pieces: Iterable[tuple[Context, Piece]],
    total_bytes: int,
    at_most: int = MAX_WORKERS,
) -> Generator[tuple[Context, Result], None, None]:
    """The result of each piece with its context, which stays in this process, in their order; as `run_shards`.

    `pieces` are taken as they are needed, a few ahead of the results. `total_bytes` of them decide whether they are
    worth more than one process; there are `at_most` so many.
    """
    job = pickle.dumps((setup, common))
    address, workers = requested_cluster(), requested_workers()
    if workers is None:
        workers = usable_cores() if total_bytes >= POOL_BYTES else 1
    if address:
        return _on_cluster(address, job, pieces)
    if (workers := min(workers, at_most)) > 1:
        return _in_processes(job, pieces, workers)
    return _in_this_process(job, pieces)


def requested_workers(environment: Mapping[str, str] | None = None) -> int | None:
    """The number in TINYCHAT_WORKERS; None for auto. Raises InputError for anything else."""
    return number(os.environ if environment is None else environment, "TINYCHAT_WORKERS", MAX_WORKERS)


def requested_cluster(environment: Mapping[str, str] | None = None) -> str:
    """TINYCHAT_CLUSTER: empty, auto, or ray://HOST:PORT. Raises InputError for anything else."""
    address = (os.environ if environment is None else environment).get("TINYCHAT_CLUSTER", "").strip()
    if address and address != AUTO_CLUSTER and not address.startswith(RAY):
        raise InputError(
            "TINYCHAT_CLUSTER is {address!r}; it must be ray://HOST:PORT, auto, or empty for this machine alone",
            address=address,
        )
    return address


def _in_order(
    submit: Callable[[Any], Callable[[], Any]], pieces: Iterable[tuple[Context, Any]], ahead: int
) -> Iterator[tuple[Context, Any]]:
    """The results of pieces, in order, of which at most `ahead` are submitted and not yet taken.

    `submit` begins the work on a piece, and gives what waits for its result.
    """
    waiting: deque[tuple[Context, Callable[[], Any]]] = deque()
    for context, piece in pieces:
        waiting.append((context, submit(piece)))
        if len(waiting) >= ahead:
            first, result = waiting.popleft()
            yield first, result()
    while waiting:
        first, result = waiting.popleft()
        yield first, result()


def _set_up(job: bytes) -> Callable[[Any], Any]:
    setup, common = pickle.loads(job)
    work: Callable[[Any], Any] = setup(*common)
    return work


_set_up_once = lru_cache(maxsize=1)(_set_up)  # in a process of its own


def _run_job(job: bytes, piece: Any) -> Any:
    return _set_up_once(job)(piece)


def _in_this_process(job: bytes, pieces: Iterable[tuple[Context, Any]]) -> Generator[tuple[Context, Any], None, None]:
    work = _set_up(job)
    for context, piece in pieces:
        yield context, work(piece)


def _on_cluster(
    address: str, job: bytes, pieces: Iterable[tuple[Context, Any]]
) -> Generator[tuple[Context, Any], None, None]:
    with connected(address) as cluster:
        shared = cluster.share(job)
        first_lines: dict[Path, int] = {}

        def submit(piece: Any) -> Callable[[], Any]:
            if isinstance(piece, Shard):
                data = b"".join(piece.lines())
                first_line = first_lines.get(piece.path, 1)
                first_lines[piece.path] = first_line + data.count(b"\n")
                piece = replace(piece, data=data, first_line=first_line)
            return cluster.submit(_run_job, shared, piece)

        yield from _in_order(submit, pieces, cluster.cores * AHEAD)


def _in_processes(
    job: bytes, pieces: Iterable[tuple[Context, Any]], workers: int
) -> Generator[tuple[Context, Any], None, None]:
    # Imported only here: little data needs no processes, and does not wait for this.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    # Spawned, since a forked process may hang in a library whose threads it does not have.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(job,))

    def submit(piece: Any) -> Callable[[], Any]:
        with _interruption_deferred():  # a process that is started here inherits it: Ctrl-C is for this one alone
            return executor.submit(_run_in_worker, piece).result

    try:
        yield from _in_order(submit, pieces, workers * AHEAD)
    except BrokenProcessPool:
        raise InputError(
            "TINYCHAT_WORKERS: one of {workers} processes was killed, perhaps for lack of memory; take fewer",
            workers=workers,
        ) from None
    except BaseException:  # of a shard or of the merge, or Ctrl-C
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


_job = b""  # of this process, where it is a worker


def _begin_worker(job: bytes) -> None:
    global _job
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal: the first one ends them
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the other cores have processes of their own
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed process would leave its workers waiting for work for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(piece: Any) -> Any:
    return _run_job(_job, piece)


@contextmanager
def _interruption_deferred() -> Iterator[None]:
    """Within this context Ctrl-C waits, also in processes that are started. Not on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
