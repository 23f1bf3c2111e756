"""A model on disk: `config.json` (its shape) and `model.safetensors` (its weights); nothing is pickled."""

from dataclasses import asdict
from pathlib import Path

import safetensors.torch
import torch

from tinychat.files import to_json
from tinychat.model.classic import DialogueModel
from tinychat.model.config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig, load_config
from tinychat.model.weights import load_weights


def save_model(folder: Path, config: ModelConfig, weights: dict[str, torch.Tensor]) -> None:
    """Write a model into an existing folder; the same weights give the same bytes."""
    (folder / CONFIG_FILE).write_text(
        to_json({"architecture": "classic", **asdict(config)}), encoding="utf-8", newline="\n"
    )
    # One metadata key: several are written in random order.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    data = safetensors.torch.save(tensors, metadata={"format": "pt"})
    (folder / WEIGHTS_FILE).write_bytes(data)


def load_model(path: str | Path, device: str | torch.device = "cpu") -> DialogueModel:
    """The model in folder `path`, in evaluation mode, its weights in fp32 on `device`.

    Raises InputError where a file is missing, damaged, does not fit config.json, or holds what is no number.
    """
    config = load_config(path)
    weights = {name: torch.from_numpy(array) for name, array in load_weights(path, config).items()}
    with torch.device("meta"):
        model = config.build()
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval()
