"""A model folder made ready to answer, by the decoder that suits the machine."""

import os
from pathlib import Path

from tinychat.errors import InputError
from tinychat.generation.decoder import Decoder
from tinychat.generation.engine import Engine
from tinychat.model.config import load_config
from tinychat.runtime import asked_threads, choose_decoder, naming_lack_of_memory, usable_cores
from tinychat.tokenizer import load_tokenizer

ROWS = 32  # dialogues at once; in numpy the cache takes memory only for those that are there, in torch for all


def load_engine(folder: str | Path, rows: int = ROWS, device: str | None = None) -> Engine:
    """The model in `folder`, with room for `rows` dialogues at once; `device` is where the caller computes, if it does.

    Raises InputError in one line where the folder is not there, a file of it is missing, damaged, of a newer version
    or not ours, or where TINYCHAT_* asks for what is not there.
    """
    folder = Path(folder)
    if rows < 1:
        raise InputError("rows is {rows}; room for one dialogue at least is needed", rows=rows)
    if not folder.exists():
        raise InputError(
            "{folder}: no such folder; `make repro` trains a model and puts it into models/dialogue", folder=folder
        )
    config = load_config(folder)
    tokenizer = load_tokenizer(folder, at_most=config.vocab_size)
    with naming_lack_of_memory(
        "{folder}: no memory for {rows} dialogues of {max_len} tokens at once; rows=1 takes the least",
        folder=folder,
        rows=rows,
        max_len=config.max_len,
    ):
        return Engine(load_decoder(folder, rows, choose_decoder(device=device), device), tokenizer, folder)


def load_decoder(folder: str | Path, rows: int, kind: str, device: str | None = None) -> Decoder:
    """The model in `folder` as numpy, native or torch computes it; by auto native does, or numpy where nothing can be
    compiled. Raises InputError as `load_engine` does.
    """
    if kind == "torch":
        return _load_torch_decoder(folder, rows, device)
    if kind in ("auto", "native"):
        from tinychat.generation.compiling import NotCompiled
        from tinychat.generation.native_decoder import load_native_decoder

        # Two threads by default: unlike those of a BLAS they never wait for each other (kernels.c).
        threads = asked_threads() or min(2, usable_cores())
        try:
            return load_native_decoder(folder, rows, threads)
        except NotCompiled as reason:
            if kind == "native":
                raise InputError(
                    "TINYCHAT_DECODER is native, which a C compiler makes on this machine, but {reason}. "
                    "Debian's is in gcc and libc6-dev. Without it numpy computes the replies: unset TINYCHAT_DECODER",
                    reason=reason,
                ) from None
    from tinychat.generation.numpy_decoder import load_numpy_decoder

    return load_numpy_decoder(folder, rows, threads=asked_threads() or 1)


def _load_torch_decoder(folder: str | Path, rows: int, device: str | None) -> Decoder:
    # More than the stages have: who asks for torch wants its speed, and the pauses between tokens are longer than
    # those of training (docs/experiments.md).
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
    from tinychat.runtime import asked_precision, choose_runtime

    dtype = torch.bfloat16 if asked_precision() == "bf16" else torch.float32
    return TorchDecoder(load_model(folder, device or choose_runtime().device), rows, dtype)
