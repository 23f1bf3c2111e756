import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
import torch

from tinychat.errors import InputError
from tinychat.runtime import (
    BlasThreads,
    bf16_time_ratio,
    choose_decoder,
    configure_runtime,
    device_memory,
    machine_memory,
    out_of_memory_as_input_error,
    requested_precision,
    requested_threads,
)


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


class Machine:
    """Makes torch see another machine than this one."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        patch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # set for CUDA; put back after the test

    def has(self, *devices: str) -> None:
        self._patch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
        self._patch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)

    def computes_bf16(
        self, *, gpu: bool = False, gpu_emulates: bool = False, amx: bool = False, avx512: float | None = None
    ) -> None:
        """`avx512`: what a product in bf16 takes, as a share of fp32's, where the CPU has avx512_bf16."""
        self._patch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda including_emulation=True: gpu or (gpu_emulates and including_emulation),
        )
        self._patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        self._patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512 is not None, raising=False)
        self._patch.setattr("tinychat.runtime.bf16_time_ratio", lambda: avx512)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.mark.parametrize(
    ("devices", "chosen"), [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")]
)
def test_where_nothing_is_asked_a_gpu_comes_before_the_cpu(
    machine: Machine, devices: tuple[str, ...], chosen: str
) -> None:
    machine.has(*devices)
    machine.computes_bf16()
    assert configure_runtime({}).device == chosen


@pytest.mark.parametrize(
    ("devices", "bf16", "chosen"),
    [
        (("cuda",), {"gpu": True}, "bf16"),
        (("cuda",), {"gpu_emulates": True, "amx": True}, "fp32"),
        ((), {"amx": True}, "bf16"),
        ((), {"avx512": 0.4}, "bf16"),
        ((), {"avx512": 0.9}, "fp32"),
        ((), {"gpu": True}, "fp32"),
        (("mps",), {"gpu": True, "amx": True}, "fp32"),
    ],
)
def test_where_nothing_is_asked_bf16_is_taken_where_the_chosen_device_is_faster_with_it(
    machine: Machine, devices: tuple[str, ...], bf16: dict[str, bool], chosen: str
) -> None:
    machine.has(*devices)
    machine.computes_bf16(**bf16)
    assert configure_runtime({}).precision == chosen
    assert configure_runtime({"TINYCHAT_PRECISION": "fp32"}).precision == "fp32"


def test_what_a_product_takes_in_bf16_is_measured() -> None:
    assert 0 < bf16_time_ratio() < math.inf


def test_wishes_are_followed() -> None:
    runtime = configure_runtime({"TINYCHAT_DEVICE": "CPU", "TINYCHAT_PRECISION": "bf16", "TINYCHAT_THREADS": "1"})
    assert (runtime.device, runtime.precision, runtime.threads) == ("cpu", "bf16", 1)
    with runtime.autocast():
        assert torch.nn.Linear(4, 4)(torch.ones(1, 4)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TINYCHAT_DEVICE", "gpu", "TINYCHAT_DEVICE is 'gpu'; it must be one of auto, cpu, cuda, mps"),
        ("TINYCHAT_PRECISION", "fp16", "it must be one of auto, fp32, bf16"),
        ("TINYCHAT_THREADS", "0", "it must be auto or a number from 1 to 1024"),
        ("TINYCHAT_THREADS", "two", "it must be auto or a number from 1 to 1024"),
    ],
)
def test_an_unknown_wish_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        configure_runtime({name: value})


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA GPU")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"TINYCHAT_DEVICE is cuda, but torch .* sees only: cpu"):
        configure_runtime({"TINYCHAT_DEVICE": "cuda"})


@pytest.mark.parametrize(
    ("environment", "device", "decoder"),
    [
        ({}, None, "auto"),
        ({}, "cpu", "auto"),
        ({}, "cuda", "torch"),
        ({}, "mps", "torch"),
        ({"TINYCHAT_DEVICE": "cpu"}, None, "auto"),
        ({"TINYCHAT_DEVICE": "cuda"}, None, "torch"),
        ({"TINYCHAT_DEVICE": "mps"}, None, "torch"),
        ({"TINYCHAT_DEVICE": "cuda"}, "cpu", "auto"),
        ({"TINYCHAT_PRECISION": "fp32"}, None, "auto"),
        ({"TINYCHAT_PRECISION": "bf16"}, None, "torch"),
        ({"TINYCHAT_PRECISION": "bf16"}, "cpu", "torch"),
        ({"TINYCHAT_DECODER": "torch"}, None, "torch"),
        ({"TINYCHAT_DECODER": "numpy"}, None, "numpy"),
        ({"TINYCHAT_DECODER": "native"}, None, "native"),
        ({"TINYCHAT_DECODER": "native"}, "cuda", "native"),
        ({"TINYCHAT_DECODER": " NumPy "}, "cpu", "numpy"),
        ({"TINYCHAT_DECODER": ""}, None, "auto"),
        ({"TINYCHAT_DECODER": "numpy"}, "cuda", "numpy"),
        ({"TINYCHAT_DECODER": "numpy", "TINYCHAT_DEVICE": "cpu", "TINYCHAT_PRECISION": "fp32"}, None, "numpy"),
        ({"TINYCHAT_DECODER": "torch", "TINYCHAT_DEVICE": "cuda", "TINYCHAT_PRECISION": "bf16"}, None, "torch"),
    ],
    ids=str,
)
def test_native_or_numpy_decodes_on_a_cpu_in_fp32_and_torch_everywhere_else(
    environment: dict[str, str], device: str | None, decoder: str
) -> None:
    assert choose_decoder(environment, device) == decoder


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TINYCHAT_DECODER": "jax"}, "TINYCHAT_DECODER is 'jax'; it must be one of auto, numpy, native, torch"),
        ({"TINYCHAT_DEVICE": "gpu"}, "TINYCHAT_DEVICE is 'gpu'; it must be one of auto, cpu, cuda, mps"),
        ({"TINYCHAT_PRECISION": "fp16"}, "TINYCHAT_PRECISION is 'fp16'; it must be one of auto, fp32, bf16"),
        (
            {"TINYCHAT_DECODER": "numpy", "TINYCHAT_PRECISION": "bf16"},
            "TINYCHAT_DECODER is numpy, which computes in fp32 only, but TINYCHAT_PRECISION is bf16",
        ),
        (
            {"TINYCHAT_DECODER": "numpy", "TINYCHAT_DEVICE": "cuda"},
            "TINYCHAT_DECODER is numpy, which computes on the CPU only, but TINYCHAT_DEVICE is cuda",
        ),
        (
            {"TINYCHAT_DECODER": "native", "TINYCHAT_PRECISION": "bf16"},
            "TINYCHAT_DECODER is native, which computes in fp32 only, but TINYCHAT_PRECISION is bf16",
        ),
        (
            {"TINYCHAT_DECODER": "native", "TINYCHAT_DEVICE": "mps"},
            "TINYCHAT_DECODER is native, which computes on the CPU only, but TINYCHAT_DEVICE is mps",
        ),
    ],
    ids=str,
)
def test_a_decoder_that_cannot_be_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        choose_decoder(environment)


def test_where_no_environment_is_given_the_process_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_DECODER", "torch")
    monkeypatch.setenv("TINYCHAT_PRECISION", "bf16")
    monkeypatch.setenv("TINYCHAT_THREADS", "3")
    assert (choose_decoder(), requested_precision(), requested_threads()) == ("torch", "bf16", 3)


@pytest.mark.parametrize(
    ("value", "threads"),
    [(None, None), ("auto", None), ("Auto", None), ("", None), (" ", None), ("1", 1), (" 12 ", 12), ("007", 7)],
)
def test_so_many_threads_are_asked_for(value: str | None, threads: int | None) -> None:
    assert requested_threads({} if value is None else {"TINYCHAT_THREADS": value}) == threads


@pytest.mark.parametrize("value", ["1025", "0", "-1", "1.5", "two", "1 2", "٣", "²", "+1", "0x2"])
def test_what_is_no_number_of_threads_is_named(value: str) -> None:
    with pytest.raises(InputError, match=r"^TINYCHAT_THREADS is '.*'; it must be auto or a number from 1 to 1024$"):
        requested_threads({"TINYCHAT_THREADS": value})


def blas_threads() -> list[int]:
    """How many threads numpy's OpenBLAS takes now, as another look at the process tells."""
    np.ones((2, 2), dtype=np.float32) @ np.ones((2, 2), dtype=np.float32)
    infos = threadpoolctl.threadpool_info()
    return [info["num_threads"] for info in infos if info["internal_api"] == "openblas"]


@pytest.fixture
def two_threads() -> Iterator[None]:
    if not blas_threads():
        pytest.skip("this numpy has no OpenBLAS")
    with threadpoolctl.threadpool_limits(2):
        if set(blas_threads()) != {2}:
            pytest.skip("this OpenBLAS takes no second thread")
        yield


def test_numpy_computes_with_so_many_threads_and_then_with_as_many_as_before(two_threads: None) -> None:
    threads = BlasThreads(1)
    assert set(blas_threads()) == {2}
    for _ in range(3):
        with threads:
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {2}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_so_it_does_after_an_error(two_threads: None, error: type[BaseException]) -> None:
    with pytest.raises(error), BlasThreads(1):
        raise error
    assert set(blas_threads()) == {2}


def test_what_was_before_is_what_was_when_it_was_made_though_it_was_torn_out_of_its_end(two_threads: None) -> None:
    threads = BlasThreads(1)
    threads.__enter__()  # and Ctrl-C comes before the end
    with threads:
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_one_within_another_counts_for_as_long_as_it_lasts(two_threads: None) -> None:
    with BlasThreads(1):
        with BlasThreads(2):
            assert set(blas_threads()) == {2}
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_those_made_while_one_lasts_end_with_the_number_from_before_it(two_threads: None) -> None:
    with BlasThreads(1):
        others = [BlasThreads(1), BlasThreads(1)]
    for other in others:
        with other:
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {2}


def test_of_two_at_once_the_first_that_ends_leaves_the_other_its_number(two_threads: None) -> None:
    first, second = BlasThreads(1), BlasThreads(1)
    first.__enter__()
    with second:
        first.__exit__()
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_freed_memory_is_kept_where_the_c_library_can() -> None:
    code = (
        "import resource, numpy, tinychat.runtime as r; r.keep_freed_memory()\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(3): numpy.ones(1_000_000)\n"
        "before = faults()\n"
        "for _ in range(50): numpy.ones(1_000_000)\n"
        "print(faults() - before)"
    )
    faults = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    if sys.platform == "linux":
        assert int(faults) < 500  # 2,000 pages a round without it


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


MIB = 2**20


@pytest.mark.parametrize(
    ("files", "megabytes"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{64 * MIB}\n"}, 64),
        (
            {
                "proc/self/cgroup": "0::/user.slice/one.scope\n",
                "sys/fs/cgroup/user.slice/memory.max": f"{32 * MIB}\n",
                "sys/fs/cgroup/user.slice/one.scope/memory.max": "max\n",
            },
            32,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu:/a\n4:memory:/docker/1f\n0::/\n",
                "sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes": f"{16 * MIB}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            16,
        ),
        ({"proc/self/cgroup": "4:memory:/outside\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{8 * MIB}"}, 8),
    ],
    ids=["version 2", "around it", "version 1", "seen from within a container"],
)
def test_a_containers_limit_is_the_machines_memory(tmp_path: Path, files: dict[str, str], megabytes: int) -> None:
    assert machine_memory(write(tmp_path, files)) == megabytes * MIB


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}
    assert machine_memory(write(tmp_path, files)) == machine_memory(tmp_path / "nothing") > 100 * MIB
    assert device_memory("cpu") == machine_memory()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ulimit")
def test_a_ulimit_is_the_machines_memory() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, resource.RLIM_INFINITY));"
        "from tinychat.runtime import machine_memory; print(machine_memory() <= 3 * 2**30)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


@pytest.mark.parametrize("make", [torch.empty, np.empty], ids=["torch", "numpy"])
def test_memory_that_cannot_be_had_is_told_in_the_callers_words(make: Callable[[int], object]) -> None:
    with pytest.raises(InputError, match=r"^lower it$"), out_of_memory_as_input_error("lower it"):
        make(2**50)


def test_another_error_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="must match"), out_of_memory_as_input_error("lower it"):
        torch.ones(2) + torch.ones(3)
