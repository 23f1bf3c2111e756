"""The weights of a model, read and checked without torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from tinychat.errors import InputError
from tinychat.model.config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig


def load_weights(folder: str | Path, config: ModelConfig) -> dict[str, npt.NDArray[np.float32]]:
    """The weights in `model.safetensors`, by name, in fp32.

    Raises InputError where the file is missing, damaged, does not fit `config`, or holds what is no number.
    """
    file = Path(folder) / WEIGHTS_FILE
    try:
        found: dict[str, npt.NDArray[np.generic]] = safetensors.numpy.load_file(file)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; train a model with `make repro`") from None
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{file}: damaged, no safetensors: {error}; `make repro` makes it again") from None
    except TypeError as error:  # bfloat16 and the like, which numpy does not have
        raise InputError(f"{file}: its weights are not float32: {error}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error}") from None
    expected = config.weight_shapes()
    faults = [f"{name} is missing" for name in expected if name not in found]
    faults += [f"{name!r} is unknown" for name in found if name not in expected]
    weights: dict[str, npt.NDArray[np.float32]] = {}
    for name, shape in expected.items():
        if name not in found:
            continue
        tensor = found[name]
        if tensor.shape != shape:
            faults.append(f"{name} has the shape {tensor.shape} instead of {shape}")
        if tensor.dtype != np.float32:
            faults.append(f"{name} is {tensor.dtype} instead of float32")
        else:
            weights[name] = tensor.astype(np.float32, copy=False)
            # A sum is not a number where one of its terms is not.
            with np.errstate(over="ignore", invalid="ignore"):
                total = np.add.reduce(weights[name], axis=None)
            if not np.isfinite(total):
                faults.append(f"{name} holds what is no number")
    if faults:
        more = f", and {len(faults) - 1} more such faults" if len(faults) > 1 else ""
        raise InputError(f"{file}: does not fit {CONFIG_FILE}: {faults[0]}{more}")
    return weights
