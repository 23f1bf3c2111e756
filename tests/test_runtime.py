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


def test_the_machine_decides_where_nothing_is_asked() -> None:
    runtime = choose_runtime({})
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert runtime.device == best
    assert runtime.precision in ("fp32", "bf16")


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
