"""Settings of the machine: device, precision, threads. Not in params.yaml, so that machines share one cache.

TINYCHAT_DEVICE     auto (default: cuda, else mps, else cpu), cpu, cuda, mps
TINYCHAT_PRECISION  auto (default: bf16 in training where it is faster, fp32 elsewhere), fp32, bf16
TINYCHAT_THREADS    auto (default: torch's choice; one for the numpy decoder, two for the native one), or 1 to 1024
TINYCHAT_DECODER    auto (default: on a CPU in fp32 native, or numpy where nothing can be compiled; else torch), numpy,
                    native, torch
TINYCHAT_WEIGHTS    of the native decoder: auto (default: fp32), fp32, int8 (faster; a few replies differ)
"""

import contextlib
import ctypes
import importlib
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinychat.environment import choice, number
from tinychat.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
DECODERS = ("auto", "numpy", "native", "torch")
WEIGHTS = ("auto", "fp32", "int8")
MAX_THREADS = 1024  # libgomp ends the process where threads cannot be started

# Matrix products are half of a training step in bf16, so they must be clearly faster to outweigh the conversions.
MAX_BF16_TIME_RATIO = 0.7


@dataclass(frozen=True)
class Runtime:
    """Where and how the model computes in this process."""

    device: str
    precision: str
    threads: int

    def autocast(self) -> "contextlib.AbstractContextManager[object]":
        """The context in which the forward pass runs: bf16 products where the precision says so."""
        import torch

        if self.precision == "bf16":
            return torch.autocast(self.device, dtype=torch.bfloat16)
        return contextlib.nullcontext()


def configure_runtime(environment: Mapping[str, str] | None = None) -> Runtime:
    """Read TINYCHAT_*, detect the hardware, and set torch's threads and determinism for this process.

    Raises InputError as `check_environment` does, and for a device that is not available.
    """
    environment = os.environ if environment is None else environment
    check_environment(environment)
    import torch

    device, precision, threads = (
        requested_device(environment),
        requested_precision(environment),
        requested_threads(environment),
    )
    if threads is not None:
        torch.set_num_threads(threads)
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        found = ", ".join(name for name, is_available in available.items() if is_available)
        raise InputError(
            "TINYCHAT_DEVICE is {device}, but torch {version} sees only: {found}",
            device=device,
            version=torch.__version__,
            found=found,
        )
    if precision == "auto":
        precision = "bf16" if bf16_is_faster(torch.device(device)) else "fp32"
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As torch.use_deterministic_algorithms, which also loads torch.compile: seconds at each start.
    torch.set_deterministic_debug_mode("error" if device == "cuda" else "default")
    return Runtime(device=device, precision=precision, threads=torch.get_num_threads())


def check_environment(environment: Mapping[str, str] | None = None) -> None:
    """Raise InputError where a TINYCHAT_* is invalid, or two of them exclude each other. Without torch.

    All of them are always checked: training has no decoder, but later stages do.
    """
    choose_decoder(environment)
    requested_threads(environment)


def choose_decoder(environment: Mapping[str, str] | None = None, device: str | None = None) -> str:
    """Which decoder computes replies: numpy, native or torch; or auto, native's where it can be compiled, else numpy's.

    `device` is where the caller already computes, if at all. A GPU is used only where TINYCHAT_DEVICE or the caller
    selects one: detecting it takes torch, whose import takes longer than a reply. Raises InputError for an unknown
    value, or one that numpy or native does not support.
    """
    environment = os.environ if environment is None else environment
    decoder = choice(environment, "TINYCHAT_DECODER", DECODERS)
    asked = requested_device(environment)
    on_cpu = (device or asked) in ("auto", "cpu")
    in_bf16 = requested_precision(environment) == "bf16"
    if decoder in ("numpy", "native") and in_bf16:
        raise InputError(
            "TINYCHAT_DECODER is {decoder}, which computes in fp32 only, but TINYCHAT_PRECISION is bf16",
            decoder=decoder,
        )
    if decoder in ("numpy", "native") and asked not in ("auto", "cpu"):
        raise InputError(
            "TINYCHAT_DECODER is {decoder}, which computes on the CPU only, but TINYCHAT_DEVICE is {asked}",
            decoder=decoder,
            asked=asked,
        )
    chosen = decoder if decoder != "auto" else "auto" if on_cpu and not in_bf16 else "torch"
    if requested_weights(environment) == "int8" and chosen not in ("auto", "native"):
        raise InputError(
            "TINYCHAT_WEIGHTS is int8, which only the native decoder computes, on a CPU, but the decoder is {decoder}; "
            "unset TINYCHAT_DECODER, TINYCHAT_DEVICE and TINYCHAT_PRECISION, or TINYCHAT_WEIGHTS",
            decoder=chosen,
        )
    return chosen


def requested_device(environment: Mapping[str, str] | None = None) -> str:
    """TINYCHAT_DEVICE: auto, cpu, cuda or mps. Raises InputError for anything else."""
    return choice(os.environ if environment is None else environment, "TINYCHAT_DEVICE", DEVICES)


def requested_precision(environment: Mapping[str, str] | None = None) -> str:
    """TINYCHAT_PRECISION: auto, fp32 or bf16. Raises InputError for anything else."""
    return choice(os.environ if environment is None else environment, "TINYCHAT_PRECISION", PRECISIONS)


def requested_weights(environment: Mapping[str, str] | None = None) -> str:
    """TINYCHAT_WEIGHTS: auto, fp32 or int8. Raises InputError for anything else."""
    environment = os.environ if environment is None else environment
    return choice(environment, "TINYCHAT_WEIGHTS", WEIGHTS)


def requested_threads(environment: Mapping[str, str] | None = None) -> int | None:
    """The number in TINYCHAT_THREADS; None for auto. Raises InputError for anything else."""
    environment = os.environ if environment is None else environment
    return number(environment, "TINYCHAT_THREADS", MAX_THREADS)


_active: "list[BlasThreads]" = []  # OpenBLAS has one number of threads per process
_active_lock = threading.Lock()


class BlasThreads:
    """Within this context, numpy's OpenBLAS uses `number` threads; the original number is restored after the last
    active context. Of several active ones, also in other threads, the last to enter counts.

    By default OpenBLAS takes every core, and its threads spin while they wait: next to another program two of them were
    slower than one (docs/experiments.md).
    """

    def __init__(self, number: int) -> None:
        from threadpoolctl import ThreadpoolController

        self.number = number
        self._libraries = ThreadpoolController().select(internal_api="openblas").lib_controllers
        with _active_lock:
            # While another context is active, the current number is that of the context, not the original one.
            self._before: dict[str, int] = {library.filepath: library.num_threads for library in self._libraries}
            for other in _active:
                self._before |= other._before

    def __enter__(self) -> None:
        with _active_lock:
            _active.append(self)
            self._set()

    def __exit__(self, *error: object) -> None:
        with _active_lock:
            _active[:] = [one for one in _active if one is not self]
            self._set()

    def _set(self) -> None:
        for library in self._libraries:
            library.set_num_threads(_active[-1].number if _active else self._before[library.filepath])


def device_memory(device: str) -> float:
    """Bytes of memory that training on `device` (cpu, cuda, mps) may use; infinity where that is unknown."""
    if device == "cpu":
        return machine_memory()
    import torch

    if device == "cuda":
        return float(torch.cuda.get_device_properties(0).total_memory)
    return float(torch.mps.recommended_max_memory())


def machine_memory(root: Path = Path("/")) -> float:
    """Bytes of memory that a process may use: the machine's, or the limit of a container or `ulimit`; infinity where
    that is unknown (Windows). `root` is the folder of /proc and /sys.
    """
    limits = [math.inf, *_cgroup_limits(root)]
    with contextlib.suppress(ValueError, OSError, AttributeError):  # no sysconf on Windows
        limits.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    with contextlib.suppress(ImportError):  # on Windows
        resource = importlib.import_module("resource")
        soft = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
        limits += [float(limit) for limit in soft if limit != resource.RLIM_INFINITY]
    return min(limit for limit in limits if limit > 0)


def _cgroup_limits(root: Path) -> Iterator[float]:
    """The memory limits of this process' cgroup and its parents (cgroups(7), version 1 and 2).

    In a container the path may be that of the host: then the limit is at the top.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if kinds else "")
        name = "memory.limit_in_bytes" if kinds else "memory.max"
        inner = top / path.lstrip("/")
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(top):
                with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                    yield float(int((folder / name).read_text(encoding="utf-8")))


@contextlib.contextmanager
def out_of_memory_as_input_error(template: str, **values: object) -> Iterator[None]:
    """Within this context, an out-of-memory error of numpy or torch becomes an InputError with this message."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        message = str(error).lower()
        words = ("out of memory", "can't allocate memory", "not enough memory")  # torch: CUDA and MPS, Linux, Windows
        if isinstance(error, MemoryError) or any(word in message for word in words):
            raise InputError(template, **values) from None
        raise


# Of glibc's malloc.h, for `mallopt`.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> None:
    """With glibc, let this process keep freed memory for the next training step.

    By default blocks of a few MB go back to the system at once, and each step has page faults for all of them: a tenth
    to a sixth of its time in bf16 (docs/experiments.md). The peak memory stays the same.
    """
    with contextlib.suppress(OSError, TypeError, AttributeError):  # no such library on Windows, no mallopt elsewhere
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 2**26)


def bf16_is_faster(device: "torch.device") -> bool:
    """Whether training in bf16 is faster on this device.

    On GPUs that support it, and CPUs with AMX. Of two CPUs with avx512_bf16 alone one trained at 0.7 of its fp32 speed,
    the other at 1.5 times (docs/experiments.md): there a matrix product is timed.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        if _cpu_has("_is_amx_tile_supported"):
            return True
        return _cpu_has("_is_avx512_bf16_supported") and bf16_time_ratio() < MAX_BF16_TIME_RATIO
    return False


def _cpu_has(function: str) -> bool:
    import torch

    return bool(getattr(torch.cpu, function, lambda: False)())  # private functions of torch, which may disappear


def bf16_time_ratio() -> float:
    """The time of a matrix product in bf16 on the CPU, relative to fp32: the best of 12 interleaved runs."""
    import torch

    pairs = [torch.ones(2, 1024, 256, dtype=dtype).unbind() for dtype in (torch.float32, torch.bfloat16)]
    seconds = [math.inf, math.inf]
    for _ in range(12):
        for i, (inputs, weight) in enumerate(pairs):
            start = time.perf_counter()
            torch.nn.functional.linear(inputs, weight)
            seconds[i] = min(seconds[i], time.perf_counter() - start)
    return seconds[1] / seconds[0]
