"""A model on disk: `config.json` (its shape) and `model.safetensors` (its weights); nothing is pickled."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from tinychat.errors import InputError
from tinychat.files import read_json, to_json
from tinychat.model.classic import DialogueModel

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model: what DialogueModel is made with."""

    vocab_size: int
    embed_dim: int
    n_layers: int
    n_heads: int
    ffn_dim: int
    max_len: int

    def build(self, dropout: float = 0.0) -> DialogueModel:
        """A model of this shape with random weights."""
        return DialogueModel(**asdict(self), dropout=dropout)


def save_model(folder: Path, config: ModelConfig, weights: dict[str, torch.Tensor]) -> None:
    """Write a model into an existing folder; the same weights give the same bytes."""
    (folder / CONFIG_FILE).write_text(
        to_json({"architecture": "classic", **asdict(config)}), encoding="utf-8", newline="\n"
    )
    # One metadata key: several are written in random order.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    data = safetensors.torch.save(tensors, metadata={"format": "pt"})
    (folder / WEIGHTS_FILE).write_bytes(data)


def load_config(path: str | Path) -> ModelConfig:
    """The shape of the model in folder `path`. Raises InputError where there is none or it is faulty."""
    file = Path(path) / CONFIG_FILE
    try:
        data: dict[str, Any] = read_json(file)
        architecture = data.pop("architecture")
        if architecture != "classic":
            raise InputError(f"{file}: architecture is {architecture!r}; this version knows classic")
        config = ModelConfig(**data)
        with torch.device("meta"):
            config.build()
        return config
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; train a model with `make repro`") from None
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, RuntimeError) as error:
        raise InputError(f"{file}: not the shape of a tinychat model: {error}") from None


def load_model(path: str | Path, device: str | torch.device = "cpu") -> DialogueModel:
    """The model in folder `path`, in evaluation mode, its weights in fp32 on `device`.

    Raises InputError where a file is missing, damaged, or does not fit config.json.
    """
    config = load_config(path)
    file = Path(path) / WEIGHTS_FILE
    try:
        weights = safetensors.torch.load_file(file, device=str(device))
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; train a model with `make repro`") from None
    except Exception as error:  # safetensors raises its own SafetensorError, which is not exported everywhere
        raise InputError(f"{file}: not readable as safetensors: {error}") from None
    with torch.device("meta"):
        model = config.build()
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise InputError(f"{file}: does not fit {CONFIG_FILE}: {error}") from None
    return model.to(device).eval()
