"""Models with random weights that are far from flat, and the plain way to compute one: without a cache."""

import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tinychat.generation.compiling import find_compiler
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.native import load_kernels
from tinychat.generation.native_decoder import NativeDecoder
from tinychat.generation.numpy_decoder import NumpyDecoder
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import DialogueModel, load_model
from tinychat.model.config import ModelConfig, load_config
from tinychat.model.storage import save_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import to_json_text

needs_compiler = pytest.mark.skipif(
    sys.platform == "win32" or not find_compiler(), reason="there is no C compiler here: CC, cc, gcc or clang"
)
KINDS = ["numpy", pytest.param("native", marks=needs_compiler), "torch"]
SMALL = ModelConfig(vocab_size=300, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=24)
ARTICLE = ModelConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)


@dataclass(frozen=True)
class Sample:
    """A model, and the shape that its decoders need besides."""

    config: ModelConfig
    model: DialogueModel

    def decoder(self, kind: str, rows: int = 4) -> Decoder:
        """numpy, native (with two threads), torch or plain."""
        if kind == "plain":
            return PlainDecoder(self.model, rows)
        if kind == "torch":
            return TorchDecoder(self.model, rows)
        weights = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        if kind == "native":
            return NativeDecoder(load_kernels(), self.config, weights, rows, threads=2)
        return NumpyDecoder(self.config, weights, rows)


def random_sample(config: ModelConfig, seed: int) -> Sample:
    """Weights that a mix-up would show: no norm or bias is neutral, words lie far apart, some are much likelier."""
    torch.manual_seed(seed)
    model = config.build().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                torch.nn.init.xavier_uniform_(parameter)
        model.input_layer.word_embedding.weight.normal_()
        model.input_layer.pos_embedding.weight.normal_()
        model.output_layer.weight.mul_(4)
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(1.0 if "norm" in name and "weight" in name else 0.0, 0.2)
    return Sample(config, model)


def stored_sample(folder: Path) -> Sample:
    """The model in a folder."""
    return Sample(load_config(folder), load_model(folder))


def save_sample(sample: Sample, tokenizer: Tokenizer, folder: Path) -> Path:
    """The folder, with all that is needed to talk."""
    folder.mkdir(exist_ok=True)
    save_model(folder, sample.config, sample.model.state_dict())
    (folder / "tokenizer.json").write_text(to_json_text(tokenizer), encoding="utf-8")
    return folder


class PlainDecoder:
    """The model as it is trained: each sentence alone, read from its beginning for each of its tokens."""

    def __init__(self, model: DialogueModel, rows: int) -> None:
        self.model, self.rows = model, rows
        self.vocab_size, self.max_len = model.vocab_size, model.max_len
        self.sentences: list[list[int]] = []

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        self.sentences += [list(prompt) for prompt in prompts]
        return self._logits(self.sentences[-len(prompts) :])

    def step(self, ids: Sequence[int]) -> Floats:
        for sentence, token in zip(self.sentences, ids, strict=True):
            sentence.append(token)
        return self._logits(self.sentences)

    def keep(self, sentences: Sequence[int]) -> None:
        self.sentences = [self.sentences[place] for place in sentences]

    @torch.inference_mode()
    def _logits(self, sentences: list[list[int]]) -> Floats:
        logits: Floats = torch.stack([self.model(torch.tensor([ids]))[0, -1] for ids in sentences]).numpy()
        return logits


def biased(sample: Sample, bias: Mapping[int, float]) -> Sample:
    """A copy whose likelihood of some tokens is as a test needs it."""

    def set_values(weight: torch.Tensor) -> None:
        for token, value in bias.items():
            weight[token] = value

    return changed(sample, {"output_layer.bias": set_values})


def changed(sample: Sample, changes: Mapping[str, Callable[[torch.Tensor], object]]) -> Sample:
    """A copy with some weights changed, in place."""
    model = deepcopy(sample.model)
    with torch.no_grad():
        for name, change in changes.items():
            change(model.get_parameter(name))
    return Sample(sample.config, model)
