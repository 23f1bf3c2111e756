"""The architectures, and `config.json`, which names one of them and the sizes of a model.

To add an architecture: a module with its network (a LanguageModel), one with its config dataclass (a ModelConfig), a
function that imports the network and builds it, and a line in ARCHITECTURES. Only what builds a network loads torch.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinychat.errors import InputError
from tinychat.files import read_regular
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig, TrainingSizes

if TYPE_CHECKING:
    from tinychat.model.base import LanguageModel

CONFIG_FILE = "config.json"
MAX_CONFIG_BYTES = 1_000_000  # of config.json, which has a few hundred
# Limits for config.json. A model may be larger than params.yaml allows; beyond these limits the file is damaged.
MAX_CONFIG_VALUE = 1_000_000_000
MAX_CONFIG_LAYERS = 10_000


@dataclass(frozen=True)
class Architecture:
    """The config class of an architecture, and the function that builds its network from a config and a dropout."""

    config: type[ModelConfig]
    build: Callable[[Any, float], "LanguageModel"]


def _build_classic(config: ClassicConfig, dropout: float) -> "LanguageModel":
    from tinychat.model.classic import DialogueModel

    return DialogueModel(config, dropout)


ARCHITECTURES = {"classic": Architecture(ClassicConfig, _build_classic)}


def build_model(config: ModelConfig, dropout: float = 0.0) -> "LanguageModel":
    """A model of this shape with random weights. It imports torch."""
    return ARCHITECTURES[config.architecture].build(config, dropout)


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor in `model.safetensors`: the config's table, or else that of the network."""
    shapes = config.weight_shapes()
    return _on_meta_device(config).weight_shapes() if shapes is None else shapes


def training_sizes(config: ModelConfig) -> TrainingSizes:
    """The memory that training needs: from the config, or else counted on the network."""
    sizes = config.training_sizes()
    return _on_meta_device(config).training_sizes() if sizes is None else sizes


def _on_meta_device(config: ModelConfig) -> "LanguageModel":
    """The network, without memory for its weights."""
    import torch

    with torch.device("meta"):
        return build_model(config)


def config_record(config: ModelConfig) -> dict[str, Any]:
    """The content of config.json."""
    return {"architecture": config.architecture, **config.to_dict()}


def load_config(path: str | Path) -> ModelConfig:
    """The shape of the model in folder `path`. Raises InputError where there is none or it is faulty."""
    file = Path(path) / CONFIG_FILE
    try:
        data: Any = json.loads(read_regular(file, MAX_CONFIG_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise InputError("{file}: no such file; train a model with `make repro`", file=file) from None
    except NotADirectoryError:
        raise InputError("{folder} is a file; name the folder of a model", folder=file.parent) from None
    except OSError as error:
        raise InputError("{file}: cannot be read: {reason}", file=file, reason=error.strerror) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{file}: damaged, not JSON: {error}; `make repro` makes it again", file=file, error=error
        ) from None
    if not isinstance(data, dict) or "architecture" not in data:
        raise InputError("{file}: not a model of tinychat: it names no architecture", file=file)
    architecture = data.pop("architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(
            "{file}: architecture is {value!r}; this version knows {known}", file=file, value=architecture, known=known
        )
    return _config_from(file, ARCHITECTURES[architecture].config, data)


def _config_from(file: Path, kind: type[ModelConfig], data: dict[str, Any]) -> ModelConfig:
    names = [field.name for field in kind.config_fields()]
    if missing := [name for name in names if name not in data]:
        raise InputError("{file}: not a model of tinychat: {names} missing", file=file, names=", ".join(missing))
    if unknown := [name for name in data if name not in names]:
        raise InputError(
            "{file}: {names} unknown to this version of tinychat; a newer one wrote it?",
            file=file,
            names=", ".join(map(repr, unknown)),
        )
    for name in names:
        value = data[name]
        maximum = MAX_CONFIG_LAYERS if name == "n_layers" else MAX_CONFIG_VALUE
        if type(value) is not int or not 0 < value <= maximum:
            raise InputError(
                "{file}: {name} is {value!r}; it must be a whole number above 0, at most {maximum}",
                file=file,
                name=name,
                value=value,
                maximum=maximum,
            )
    config = kind(**data)
    if fault := config.fault():
        raise InputError("{file}: no model can have this shape: {fault}", file=file, fault=fault)
    return config
