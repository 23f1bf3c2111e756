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
from tinychat.generation.int8_decoder import Int8Decoder, load_int8_kernels
from tinychat.generation.native_decoder import NativeDecoder, load_kernels
from tinychat.generation.numpy_decoder import NumpyDecoder
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import load_model
from tinychat.model.base import LanguageModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model, load_config
from tinychat.model.storage import save_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import to_json_text

needs_compiler = pytest.mark.skipif(
    sys.platform == "win32" or not find_compiler(), reason="there is no C compiler here: CC, cc, gcc or clang"
)
KINDS = ["numpy", pytest.param("native", marks=needs_compiler), "torch"]
SMALL = ClassicConfig(vocab_size=300, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=24)
ARTICLE = ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)


@dataclass(frozen=True)
class Sample:
    """A model, and the shape that its decoders need besides."""

    config: ClassicConfig
    model: LanguageModel

    def decoder(self, kind: str, slots: int = 4) -> Decoder:
        """numpy, native (with two threads), int8, torch or plain."""
        if kind == "plain":
            return PlainDecoder(self.model, slots)
        if kind == "torch":
            return TorchDecoder(self.model, slots)
        weights = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        if kind == "native":
            return NativeDecoder(load_kernels(), self.config, weights, slots, threads=2)
        if kind == "int8":
            return Int8Decoder(load_int8_kernels(), self.config, weights, slots)
        assert kind == "numpy", kind
        return NumpyDecoder(self.config, weights, slots)


def random_sample(config: ClassicConfig, seed: int) -> Sample:
    """Weights that a mix-up would show: no norm or bias is neutral, words lie far apart, some are much likelier."""
    torch.manual_seed(seed)
    model = build_model(config).eval()
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
    """The model as it is trained: each sequence alone, read from its beginning for each of its tokens."""

    def __init__(self, model: LanguageModel, slots: int) -> None:
        self.model, self.slots = model, slots
        self.vocab_size, self.max_len = model.vocab_size, model.max_len
        self.sequences: dict[int, list[int]] = {}

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        self.sequences |= {slot: list(prompt) for slot, prompt in zip(slots, prompts, strict=True)}
        return self._logits(slots)

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        for slot, token in zip(slots, ids, strict=True):
            self.sequences[slot].append(token)
        return self._logits(slots)

    def free(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self.sequences.pop(slot, None)

    @torch.inference_mode()
    def _logits(self, slots: Sequence[int]) -> Floats:
        sequences = [self.sequences[slot] for slot in slots]
        logits: Floats = torch.stack([self.model(torch.tensor([ids]))[0, -1] for ids in sequences]).numpy()
        return logits


class InOrder:
    """A decoder whose sequences are numbered in the order in which they came; slots are chosen for them.

    scattered  takes the highest free slot first, so that sequences stand in another order than their slots
    """

    def __init__(self, decoder: Decoder, scattered: bool = False) -> None:
        self.decoder, self.scattered = decoder, scattered
        self.slots: list[int] = []  # of the sequences

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        free = [slot for slot in range(self.decoder.slots) if slot not in self.slots]
        new = (free[::-1] if self.scattered else free)[: len(prompts)]
        logits = self.decoder.prefill(prompts, new)
        self.slots += new
        return logits

    def step(self, ids: Sequence[int]) -> Floats:
        return self.decoder.step(ids, self.slots)

    def keep(self, sequences: Sequence[int]) -> None:
        kept = [self.slots[number] for number in sequences]
        self.decoder.free([slot for slot in self.slots if slot not in kept])
        self.slots = kept


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
            change(model.weights()[name])
    return Sample(sample.config, model)
