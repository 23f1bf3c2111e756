from collections.abc import Iterator

import pytest
import torch

from tinychat.errors import InputError
from tinychat.runtime import choose_runtime


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


class Machine:
    """Makes torch see another machine than this one."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        patch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # set for CUDA; put back after the test

    def has(self, *devices: str) -> None:
        self._patch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
        self._patch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)

    def computes_bf16(self, *, gpu: bool = False, gpu_emulates: bool = False, amx: bool = False) -> None:
        self._patch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda including_emulation=True: gpu or (gpu_emulates and including_emulation),
        )
        self._patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)


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
    assert choose_runtime({}).device == chosen


@pytest.mark.parametrize(
    ("devices", "bf16", "chosen"),
    [
        (("cuda",), {"gpu": True}, "bf16"),
        (("cuda",), {"gpu_emulates": True, "amx": True}, "fp32"),
        ((), {"amx": True}, "bf16"),
        ((), {"gpu": True}, "fp32"),
        (("mps",), {"gpu": True, "amx": True}, "fp32"),
    ],
)
def test_where_nothing_is_asked_bf16_is_taken_where_the_chosen_device_is_faster_with_it(
    machine: Machine, devices: tuple[str, ...], bf16: dict[str, bool], chosen: str
) -> None:
    machine.has(*devices)
    machine.computes_bf16(**bf16)
    assert choose_runtime({}).precision == chosen
    assert choose_runtime({"TINYCHAT_PRECISION": "fp32"}).precision == "fp32"


def test_wishes_are_followed() -> None:
    runtime = choose_runtime({"TINYCHAT_DEVICE": "CPU", "TINYCHAT_PRECISION": "bf16", "TINYCHAT_THREADS": "1"})
    assert (runtime.device, runtime.precision, runtime.threads) == ("cpu", "bf16", 1)
    with runtime.autocast():
        assert torch.nn.Linear(4, 4)(torch.ones(1, 4)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TINYCHAT_DEVICE", "gpu", "TINYCHAT_DEVICE is 'gpu'; it must be one of auto, cpu, cuda, mps"),
        ("TINYCHAT_PRECISION", "fp16", "it must be one of auto, fp32, bf16"),
        ("TINYCHAT_THREADS", "0", "it must be auto or a number from 1 on"),
        ("TINYCHAT_THREADS", "two", "it must be auto or a number from 1 on"),
    ],
)
def test_an_unknown_wish_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_runtime({name: value})


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA GPU")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"TINYCHAT_DEVICE is cuda, but torch .* sees only: cpu"):
        choose_runtime({"TINYCHAT_DEVICE": "cuda"})
