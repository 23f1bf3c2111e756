"""The weights of a model, read and checked without torch."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors

from tinychat.errors import InputError, Phrase
from tinychat.files import read_regular, refuse_irregular
from tinychat.model.config import ModelConfig
from tinychat.model.registry import CONFIG_FILE, weight_shapes
from tinychat.tokenizer.vocabulary import MAX_TOKENIZER_BYTES, TOKENIZER_FILE

WEIGHTS_FILE = "model.safetensors"
FLOAT32 = "F32"
DTYPES = {"F16": "float16", "BF16": "bfloat16", "F64": "float64"}  # safetensors' names of them
MAX_WEIGHT = 1e15  # far above what training gives; beyond it squares of sums overflow float32
RECORD = "tinychat"  # key in the file's metadata: the config and tokenizer that the weights were saved with


def record(config: ModelConfig, tokenizer: bytes | None) -> dict[str, str]:
    """The metadata of `model.safetensors`: which config.json and which tokenizer.json (its content) go with it.

    One key: several are written in random order.
    """
    saved: dict[str, Any] = {"config": config.to_dict()}
    if tokenizer is not None:
        saved["tokenizer"] = _digest(tokenizer)
    return {RECORD: json.dumps(saved)}


def load_weights(folder: str | Path, config: ModelConfig) -> dict[str, npt.NDArray[np.float32]]:
    """The weights in `model.safetensors`, by name, in fp32.

    Raises InputError where the file is missing, damaged, does not fit `config`, was saved with another config.json or
    another tokenizer.json than those in its folder, or holds NaN or huge numbers. A file of an earlier version does not
    record what it was saved with.
    """
    file = Path(folder) / WEIGHTS_FILE
    expected = weight_shapes(config)
    try:
        refuse_irregular(file)
        with safetensors.safe_open(file, framework="np") as opened:
            names = set(opened.keys())
            kinds = {name: opened.get_slice(name) for name in names}
            _refuse(file, _faults(expected, {n: (k.get_dtype(), tuple(k.get_shape())) for n, k in kinds.items()}))
            _refuse_mixed(file, config, opened.metadata() or {})
            weights = {name: opened.get_tensor(name) for name in expected}
    except FileNotFoundError:
        raise InputError("{file}: no such file; train a model with `make repro`", file=file) from None
    except safetensors.SafetensorError as error:
        raise InputError(
            "{file}: damaged, not safetensors: {error}; `make repro` makes it again", file=file, error=error
        ) from None
    except OSError as error:
        raise InputError("{file}: cannot be read: {error}", file=file, error=error) from None
    _refuse(
        file,
        [
            Phrase("{name} holds NaN, infinity or a number that is too large", name=name)
            for name in weights
            if _is_out_of_range(weights[name])
        ],
    )
    return weights


def _faults(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[str, tuple[int, ...]]]) -> list[Phrase]:
    """Where names, shapes and types of the weights differ from what the architecture needs."""
    faults = [Phrase("{name} is missing", name=name) for name in expected if name not in found]
    faults += [Phrase("{name!r} is unknown", name=name) for name in sorted(found) if name not in expected]
    for name in (name for name in expected if name in found):
        dtype, shape = found[name]
        if shape != expected[name]:
            faults.append(
                Phrase(
                    "{name} has the shape {shape} instead of {wanted}", name=name, shape=shape, wanted=expected[name]
                )
            )
        if dtype != FLOAT32:
            faults.append(Phrase("{name} is {dtype} instead of float32", name=name, dtype=DTYPES.get(dtype, dtype)))
    return faults


def _refuse(file: Path, faults: list[Phrase]) -> None:
    if faults:
        more = Phrase(", and {count} more such faults", count=len(faults) - 1) if len(faults) > 1 else ""
        raise InputError(
            "{file}: does not fit {config_file}: {fault}{more}",
            file=file,
            config_file=CONFIG_FILE,
            fault=faults[0],
            more=more,
        )


def _refuse_mixed(file: Path, config: ModelConfig, metadata: dict[str, str]) -> None:
    """Raise InputError where config.json or tokenizer.json is of another model, whose shapes may be the same."""
    if RECORD not in metadata:
        return
    try:
        saved = json.loads(metadata[RECORD])
        shape, digest = dict(saved["config"]), saved.get("tokenizer")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError("{file}: damaged: its metadata does not say what it was saved with", file=file) from None
    current = config.to_dict()
    for name in sorted(shape.keys() | current.keys()):
        if shape.get(name) != current.get(name):
            raise InputError(
                "{file}: saved where {name} is {saved!r}, but {other} says {found!r}; they are not of one model",
                file=file,
                name=name,
                saved=shape.get(name),
                other=CONFIG_FILE,
                found=current.get(name),
            )
    tokenizer = file.with_name(TOKENIZER_FILE)
    if digest is not None and tokenizer.exists() and digest != _digest(read_regular(tokenizer, MAX_TOKENIZER_BYTES)):
        raise InputError(
            "{tokenizer}: not the one that {weights_file} was saved with; they are not of one model",
            tokenizer=tokenizer,
            weights_file=WEIGHTS_FILE,
        )


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _is_out_of_range(weight: npt.NDArray[np.float32]) -> bool:
    """Whether it holds NaN, infinity, or a number too large to compute with."""
    return not (weight.min() >= -MAX_WEIGHT and weight.max() <= MAX_WEIGHT)  # NaN compares as false
