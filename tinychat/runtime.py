"""What the machine decides: device, precision, threads. Never in params.yaml, so that machines share one cache.

TINYCHAT_DEVICE     auto (default: cuda, else mps, else cpu), cpu, cuda, mps
TINYCHAT_PRECISION  auto (default: bf16 in training where it is faster, fp32 elsewhere), fp32, bf16
TINYCHAT_THREADS    auto (default: torch's choice) or a number
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinychat.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")


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


def choose_runtime(environment: Mapping[str, str] | None = None) -> Runtime:
    """Read TINYCHAT_*, look at the machine, and set torch's threads and determinism for this process.

    Raises InputError for a value that is not known, or a device that is not there.
    """
    import torch

    environment = os.environ if environment is None else environment
    device = _choice(environment, "TINYCHAT_DEVICE", DEVICES)
    precision = _choice(environment, "TINYCHAT_PRECISION", PRECISIONS)
    threads = environment.get("TINYCHAT_THREADS", "auto").strip() or "auto"
    if threads != "auto":
        if not (threads.isascii() and threads.isdigit() and int(threads) > 0):
            raise InputError(f"TINYCHAT_THREADS is {threads!r}; it must be auto or a number from 1 on")
        torch.set_num_threads(int(threads))
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise InputError(f"TINYCHAT_DEVICE is {device}, but torch {torch.__version__} sees only: {there}")
    if precision == "auto":
        precision = "bf16" if bf16_is_faster(torch.device(device)) else "fp32"
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(device == "cuda")
    return Runtime(device=device, precision=precision, threads=torch.get_num_threads())


def bf16_is_faster(device: "torch.device") -> bool:
    """Whether training in bf16 pays on this device.

    GPUs that have it, and CPUs with AMX tiles. A CPU with avx512_bf16 alone was measured at 0.7 of its fp32 speed
    (docs/experiments.md), so it stays in fp32 unless TINYCHAT_PRECISION asks.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        return bool(has_amx())
    return False


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = environment.get(name, "auto").strip().lower() or "auto"
    if value not in choices:
        raise InputError(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
    return value
