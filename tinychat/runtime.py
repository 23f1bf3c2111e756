"""What the machine decides: device, precision, threads. Never in params.yaml, so that machines share one cache.

TINYCHAT_DEVICE     auto (default: cuda, else mps, else cpu), cpu, cuda, mps
TINYCHAT_PRECISION  auto (default: bf16 in training where it is faster, fp32 elsewhere), fp32, bf16
TINYCHAT_THREADS    auto (default: torch's choice; one for the numpy decoder) or a number
TINYCHAT_DECODER    auto (default: numpy where replies are computed on a CPU in fp32, else torch), numpy, torch
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
DECODERS = ("auto", "numpy", "torch")


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
    precision = asked_precision(environment)
    threads = asked_threads(environment)
    if threads is not None:
        torch.set_num_threads(threads)
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


def choose_decoder(environment: Mapping[str, str] | None = None, device: str | None = None) -> str:
    """Which decoder computes replies, numpy or torch; `device` is where the caller already computes, if anywhere.

    A GPU is taken only where one was asked for, or the caller computes on one: to look for one takes torch, whose
    import takes longer than a reply. Raises InputError for a value that is not known, or that numpy cannot do.
    """
    environment = os.environ if environment is None else environment
    decoder = _choice(environment, "TINYCHAT_DECODER", DECODERS)
    asked = _choice(environment, "TINYCHAT_DEVICE", DEVICES)
    on_cpu = (device or asked) in ("auto", "cpu")
    in_bf16 = asked_precision(environment) == "bf16"
    if decoder == "numpy" and in_bf16:
        raise InputError("TINYCHAT_DECODER is numpy, which computes in fp32 only, but TINYCHAT_PRECISION is bf16")
    if decoder == "numpy" and asked not in ("auto", "cpu"):
        raise InputError(f"TINYCHAT_DECODER is numpy, which computes on the CPU only, but TINYCHAT_DEVICE is {asked}")
    if decoder == "auto":
        return "numpy" if on_cpu and not in_bf16 else "torch"
    return decoder


def asked_precision(environment: Mapping[str, str] | None = None) -> str:
    """TINYCHAT_PRECISION: auto, fp32 or bf16. Raises InputError for anything else."""
    return _choice(os.environ if environment is None else environment, "TINYCHAT_PRECISION", PRECISIONS)


def asked_threads(environment: Mapping[str, str] | None = None) -> int | None:
    """The number in TINYCHAT_THREADS; None where it leaves the choice. Raises InputError for anything else."""
    environment = os.environ if environment is None else environment
    threads = environment.get("TINYCHAT_THREADS", "auto").strip().lower() or "auto"
    if threads == "auto":
        return None
    if not (threads.isascii() and threads.isdigit() and int(threads) > 0):
        raise InputError(f"TINYCHAT_THREADS is {threads!r}; it must be auto or a number from 1 on")
    return int(threads)


class BlasThreads:
    """While this context lasts, numpy's OpenBLAS computes with so many threads; afterwards as when this was made.

    By default it takes every core, and its threads wait for each other in a busy loop: beside another program two of
    them were slower than one (docs/experiments.md).
    """

    def __init__(self, number: int) -> None:
        from threadpoolctl import ThreadpoolController

        self.number = number
        self._libraries = ThreadpoolController().select(internal_api="openblas").lib_controllers
        # Asked once: after a Ctrl-C in the middle, or beside another thread, one would take its own number for theirs.
        self._before = [library.num_threads for library in self._libraries]

    def __enter__(self) -> None:
        self._set([self.number] * len(self._libraries))

    def __exit__(self, *error: object) -> None:
        self._set(self._before)

    def _set(self, numbers: list[int]) -> None:
        for library, number in zip(self._libraries, numbers, strict=True):
            library.set_num_threads(number)


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
