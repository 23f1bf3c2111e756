"""A model on disk: `config.json` (its shape), `model.safetensors` (its weights), `tokenizer.json`, and what its replies
need, `generation_config.json`. No pickle.
"""

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tinychat.files import to_json
from tinychat.model.base import LanguageModel
from tinychat.model.config import ModelConfig
from tinychat.model.generation_config import GENERATION_CONFIG_FILE, GenerationConfig
from tinychat.model.registry import CONFIG_FILE, build_model, config_record, load_config
from tinychat.model.weights import WEIGHTS_FILE, load_weights, record
from tinychat.tokenizer.vocabulary import TOKENIZER_FILE


def save_model(
    folder: Path,
    config: ModelConfig,
    weights: dict[str, torch.Tensor],
    tokenizer: bytes | None = None,
    generation: GenerationConfig | None = None,
) -> None:
    """Write a model into an existing folder, with the content of the tokenizer.json that it was trained with.

    The same weights give the same bytes.
    """
    (folder / CONFIG_FILE).write_text(to_json(config_record(config)), encoding="utf-8", newline="\n")
    if generation is not None:
        content = to_json(generation.to_dict())
        (folder / GENERATION_CONFIG_FILE).write_text(content, encoding="utf-8", newline="\n")
    if tokenizer is not None:
        (folder / TOKENIZER_FILE).write_bytes(tokenizer)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    data = safetensors.torch.save(tensors, metadata=record(config, tokenizer))
    (folder / WEIGHTS_FILE).write_bytes(data)


class _NoInitialisation(TorchFunctionMode):
    """Skips torch.nn.init: tensors on the meta device have no values, but initialising them loads torch.compile, which
    takes seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def load_model(path: str | Path, device: str | torch.device = "cpu") -> LanguageModel:
    """The model in folder `path`, in evaluation mode, its weights in fp32 on `device`.

    Raises InputError as `load_config` and `load_weights` do.
    """
    config = load_config(path)
    tensors = {name: torch.from_numpy(array) for name, array in load_weights(path, config).items()}
    with torch.device("meta"), _NoInitialisation():
        model = build_model(config)
    loaded = {id(weight): nn.Parameter(tensors[name]) for name, weight in model.weights().items()}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            module.register_parameter(name, loaded[id(parameter)])
    return model.to(device).eval()
