"""Loads a model folder into an engine, with the fastest decoder for this machine."""

import os
from pathlib import Path

from tinychat.environment import usable_cores
from tinychat.errors import InputError
from tinychat.generation.decoder import Decoder
from tinychat.generation.engine import Engine
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig
from tinychat.model.generation_config import load_generation_config
from tinychat.model.registry import load_config
from tinychat.model.weights import load_weights
from tinychat.runtime import choose_decoder, out_of_memory_as_input_error, requested_threads, requested_weights
from tinychat.tokenizer import load_tokenizer

SLOTS = 32  # dialogues at once; in numpy the cache takes memory only for slots in use, in torch for all


def load_engine(folder: str | Path, slots: int = SLOTS, device: str | None = None) -> Engine:
    """The model in `folder`, with `slots` slots; `device` is the caller's, if it already computes on one.

    Raises InputError where the folder or a file of it is missing, damaged, of a newer version or not ours, or where
    TINYCHAT_* asks for what is not available.
    """
    folder = Path(folder)
    if slots < 1:
        raise InputError("batch_size is {batch_size}; it must be at least 1", batch_size=slots)
    if not folder.exists():
        raise InputError(
            "{folder}: no such folder; `make repro` trains a model and puts it into models/dialogue, and "
            "`--model FOLDER` names another",
            folder=folder,
        )
    config = load_config(folder)
    tokenizer = load_tokenizer(folder, vocab_size=config.vocab_size)
    with out_of_memory_as_input_error(
        "{folder}: no memory for {batch_size} dialogues of {max_len} tokens at once; batch_size=1 takes the least",
        folder=folder,
        batch_size=slots,
        max_len=config.max_len,
    ):
        decoder = load_decoder(folder, slots, choose_decoder(device=device), device)
    return Engine(decoder, tokenizer, folder, load_generation_config(folder))


def load_decoder(folder: str | Path, slots: int, kind: str, device: str | None = None) -> Decoder:
    """The model in `folder` in the numpy, native or torch decoder. `auto`: native, or numpy where nothing can be
    compiled, or torch where neither supports the architecture. With TINYCHAT_WEIGHTS int8, the native one in int8.
    Raises InputError as `load_engine` does.
    """
    if kind == "torch":
        return _load_torch_decoder(folder, slots, device)
    config = load_config(folder)
    in_int8 = requested_weights() == "int8"
    setting = ("TINYCHAT_WEIGHTS", "int8") if in_int8 else ("TINYCHAT_DECODER", kind)
    if kind in ("auto", "native"):
        from tinychat.generation.compiling import NotCompiled
        from tinychat.generation.native_decoder import NativeDecoder

        if NativeDecoder.computes(config):
            try:
                return _load_native_decoder(folder, config, slots, in_int8=in_int8)
            except NotCompiled as reason:
                if kind == "native" or in_int8:
                    raise InputError(
                        "{name} is {value}, which a C compiler makes on this machine, but {reason}. Debian's is in gcc "
                        "and libc6-dev. Without it numpy computes the replies, in fp32: unset {name}",
                        name=setting[0],
                        value=setting[1],
                        reason=reason,
                    ) from None
        elif kind == "native" or in_int8:
            raise _wrong_architecture(setting, config)
    from tinychat.generation.numpy_decoder import NumpyDecoder

    if NumpyDecoder.computes(config):
        return NumpyDecoder(config, load_weights(folder, config), slots, threads=requested_threads() or 1)
    if kind == "numpy":
        raise _wrong_architecture(setting, config)
    return _load_torch_decoder(folder, slots, device)


def _load_native_decoder(folder: str | Path, config: ClassicConfig, slots: int, *, in_int8: bool) -> Decoder:
    """Raises NotCompiled where there is no library."""
    if in_int8:
        from tinychat.generation.int8_decoder import Int8Decoder, load_int8_kernels

        return Int8Decoder(load_int8_kernels(), config, load_weights(folder, config), slots)
    from tinychat.generation.native_decoder import NativeDecoder, load_kernels

    # Two threads by default: unlike those of a BLAS they never wait for each other (kernels.c).
    threads = requested_threads() or min(2, usable_cores())
    return NativeDecoder(load_kernels(), config, load_weights(folder, config), slots, threads)


def _wrong_architecture(setting: tuple[str, str], config: ModelConfig) -> InputError:
    return InputError(
        "{name} is {value}, which does not compute the architecture {architecture}; unset it",
        name=setting[0],
        value=setting[1],
        architecture=config.architecture,
    )


def _load_torch_decoder(folder: str | Path, slots: int, device: str | None) -> Decoder:
    # More than in the stages: the pauses between tokens are longer than those of training (docs/experiments.md).
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        import torch
    except ModuleNotFoundError:
        raise InputError(
            "this needs torch, which is not installed: pip install 'tinychat[torch]'. Without it replies are "
            "computed on the CPU in fp32: unset TINYCHAT_DECODER, TINYCHAT_DEVICE and TINYCHAT_PRECISION"
        ) from None
    from tinychat.generation.torch_decoder import TorchDecoder
    from tinychat.model.storage import load_model
    from tinychat.runtime import configure_runtime, requested_precision

    dtype = torch.bfloat16 if requested_precision() == "bf16" else torch.float32
    return TorchDecoder(load_model(folder, device or configure_runtime().device), slots, dtype)
