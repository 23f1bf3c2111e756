"""The shape of a model as `config.json` keeps it, and the names and shapes of the weights that belong to it."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinychat.errors import InputError
from tinychat.files import read_regular

if TYPE_CHECKING:
    from tinychat.model.classic import DialogueModel

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
ARCHITECTURES = ("classic",)

LARGEST = 1_000_000_000  # of any size: beyond it a file is damaged, and its products would need big numbers
MOST_LAYERS = 10_000  # the names of so many weights are still made in an instant
MOST_BYTES = 1_000_000  # of config.json, which has a few hundred


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model: what DialogueModel is made with."""

    vocab_size: int
    embed_dim: int
    n_layers: int
    n_heads: int
    ffn_dim: int
    max_len: int

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.embed_dim // self.n_heads

    def build(self, dropout: float = 0.0) -> "DialogueModel":
        """A model of this shape with random weights."""
        from tinychat.model.classic import DialogueModel

        sizes = {field.name: getattr(self, field.name) for field in fields(self)}
        return DialogueModel(**sizes, dropout=dropout)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each tensor in `model.safetensors`."""
        v, d, f = self.vocab_size, self.embed_dim, self.ffn_dim
        shapes: dict[str, tuple[int, ...]] = {
            "input_layer.word_embedding.weight": (v, d),
            "input_layer.pos_embedding.weight": (self.max_len, d),
            "input_layer.norm.weight": (d,),
            "input_layer.norm.bias": (d,),
        }
        for n in range(self.n_layers):
            layer = f"decoder_layers.{n}"
            shapes |= {
                f"{layer}.self_attn.in_proj_weight": (3 * d, d),
                f"{layer}.self_attn.in_proj_bias": (3 * d,),
                f"{layer}.self_attn.out_proj.weight": (d, d),
                f"{layer}.self_attn.out_proj.bias": (d,),
                f"{layer}.norm1.weight": (d,),
                f"{layer}.norm1.bias": (d,),
                f"{layer}.ffn.0.weight": (f, d),
                f"{layer}.ffn.0.bias": (f,),
                f"{layer}.ffn.2.weight": (d, f),
                f"{layer}.ffn.2.bias": (d,),
                f"{layer}.norm2.weight": (d,),
                f"{layer}.norm2.bias": (d,),
            }
        return shapes | {"output_layer.weight": (v, d), "output_layer.bias": (v,)}


def load_config(path: str | Path) -> ModelConfig:
    """The shape of the model in folder `path`. Raises InputError where there is none or it is faulty."""
    file = Path(path) / CONFIG_FILE
    try:
        data: Any = json.loads(read_regular(file, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise InputError("{file}: no such file; train a model with `make repro`", file=file) from None
    except NotADirectoryError:
        raise InputError("{folder} is a file; name the folder of a model", folder=file.parent) from None
    except OSError as error:
        raise InputError("{file}: cannot be read: {reason}", file=file, reason=error.strerror) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{file}: damaged, no JSON: {error}; `make repro` makes it again", file=file, error=error
        ) from None
    if not isinstance(data, dict) or "architecture" not in data:
        raise InputError("{file}: not a model of tinychat: it names no architecture", file=file)
    architecture = data.pop("architecture")
    if architecture not in ARCHITECTURES:
        raise InputError("{file}: architecture is {value!r}; this version knows classic", file=file, value=architecture)
    names = [field.name for field in fields(ModelConfig)]
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
        most = MOST_LAYERS if name == "n_layers" else LARGEST
        if type(value) is not int or not 0 < value <= most:
            raise InputError(
                "{file}: {name} is {value!r}; it must be a whole number above 0, at most {most}",
                file=file,
                name=name,
                value=value,
                most=most,
            )
    config = ModelConfig(**data)
    if config.embed_dim % config.n_heads:
        raise InputError(
            "{file}: n_heads {n_heads} does not divide embed_dim {embed_dim}",
            file=file,
            n_heads=config.n_heads,
            embed_dim=config.embed_dim,
        )
    return config
