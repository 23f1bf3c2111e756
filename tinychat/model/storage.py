"""A model on disk: `config.json` (its shape), `model.safetensors` (its weights), `tokenizer.json`. No pickle."""

from dataclasses import asdict
from pathlib import Path

import safetensors.torch
import torch

from tinychat.files import to_json
from tinychat.model.classic import DialogueModel
from tinychat.model.config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig, load_config
from tinychat.model.weights import load_weights, record
from tinychat.tokenizer.vocabulary import TOKENIZER_FILE


def save_model(
    folder: Path, config: ModelConfig, weights: dict[str, torch.Tensor], tokenizer: bytes | None = None
) -> None:
    """Write a model into an existing folder, with the tokenizer.json (its content) that it was trained with.

    The same weights give the same bytes.
    """
    (folder / CONFIG_FILE).write_text(
        to_json({"architecture": "classic", **asdict(config)}), encoding="utf-8", newline="\n"
    )
    if tokenizer is not None:
        (folder / TOKENIZER_FILE).write_bytes(tokenizer)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    data = safetensors.torch.save(tensors, metadata=record(config, tokenizer))
    (folder / WEIGHTS_FILE).write_bytes(data)


def load_model(path: str | Path, device: str | torch.device = "cpu") -> DialogueModel:
    """The model in folder `path`, in evaluation mode, its weights in fp32 on `device`.

    Raises InputError as `load_weights` does.
    """
    config = load_config(path)
    weights = {name: torch.from_numpy(array) for name, array in load_weights(path, config).items()}
    with torch.device("meta"):
        model = config.build()
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval()
