"""The models of the generation benchmarks: tinychat's network and GPT-2, both of the article's size, random weights.

    python -m benchmarks.rivals FOLDER      writes tinychat/, gpt2/, with CTranslate2 ctranslate2-*/, with gguf *.gguf

They never generate `<eos>`, so every side makes the requested number of tokens.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import random
import sys
from pathlib import Path
from typing import Any

from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer.building import build_bpe
from tinychat.tokenizer.chat import BOT, EOS, PAD
from tinychat.tokenizer.vocabulary import TOKENIZER_FILE, Tokenizer

ARTICLE = ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)
PACKAGES = ("torch", "transformers", "ctranslate2", "gguf", "cyllama")
CTRANSLATE2_TYPES = ("float32", "int8")
GGUF_TYPES = ("f32", "q8_0")
GGUF_NAMES = {  # of the tensors, by those of transformers; `blk.0.` stands for `h.0.`
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
HANGUL = range(0xAC00, 0xD7A4)


def missing_packages() -> list[str]:
    """Which of the compared libraries are not installed."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def machine() -> str:
    """Processor, cores, and the versions of the libraries."""
    import numpy  # noqa: F401 so that its library is there
    from threadpoolctl import threadpool_info

    blas = [f"{lib['internal_api']} {lib['version']} {lib.get('architecture', '')}" for lib in threadpool_info()]
    found = [name for name in ("numpy", *PACKAGES) if name not in missing_packages()]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in found]
    return ", ".join(
        [f"{processor()}, {os.cpu_count()} cores", f"Python {platform.python_version()}", *versions, *blas]
    )


def processor() -> str:
    """Its name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def save_all(folder: Path) -> None:
    """The models of every side that is installed, each in a folder of its own. tinychat's needs torch, too."""
    missing = missing_packages()
    tokenizer = syllable_tokenizer()
    save_tinychat(folder / "tinychat", tokenizer)
    if "transformers" not in missing:
        save_gpt2(folder / "gpt2", tokenizer)
        if "ctranslate2" not in missing:
            for kind in CTRANSLATE2_TYPES:
                save_ctranslate2(folder / f"ctranslate2-{kind}", folder / "gpt2", kind)
        if "gguf" not in missing:
            for kind in GGUF_TYPES:
                save_gguf(folder / f"{kind}.gguf", folder / "gpt2", kind)


def syllable_tokenizer() -> Tokenizer:
    """A byte-level vocabulary of the article's size, of random words of Hangul."""
    rng = random.Random(0)
    words = ["".join(chr(rng.choice(HANGUL[::7])) for _ in range(rng.randint(1, 4))) for _ in range(3000)]
    texts = [" ".join(rng.choices(words, k=8)) for _ in range(6000)]
    return build_bpe(texts, max_size=ARTICLE.vocab_size, min_frequency=2)


def save_tinychat(folder: Path, tokenizer: Tokenizer) -> None:
    """A model folder as `train` makes it, with the files that a chat reads."""
    import torch

    from tinychat.model.storage import save_model

    torch.manual_seed(0)
    weights = build_model(ARTICLE).state_dict()
    weights["output_layer.bias"][tokenizer.eos_id] = -1e4
    folder.mkdir(parents=True)
    save_model(folder, ARTICLE, weights)
    tokenizer.backend.save(str(folder / TOKENIZER_FILE))


def save_gpt2(folder: Path, tokenizer: Tokenizer) -> None:
    """GPT-2 of the same size, with ReLU as the article has it, and the same vocabulary."""
    import torch

    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    marks = {"bos_token_id": tokenizer.bot_id, "eos_token_id": None, "pad_token_id": tokenizer.pad_id}
    config = transformers.GPT2Config(
        vocab_size=ARTICLE.vocab_size,
        n_positions=ARTICLE.max_len,
        n_embd=ARTICLE.embed_dim,
        n_layer=ARTICLE.n_layers,
        n_head=ARTICLE.n_heads,
        n_inner=ARTICLE.ffn_dim,
        activation_function="relu",
        **marks,
    )
    folder.mkdir(parents=True)
    tokenizer.backend.save(str(folder / TOKENIZER_FILE))
    texts = {"bos_token": BOT, "eos_token": EOS, "unk_token": EOS, "pad_token": PAD}
    transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / TOKENIZER_FILE), **texts).save_pretrained(folder)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)


def save_ctranslate2(folder: Path, gpt2: Path, kind: str) -> None:
    """The same GPT-2 as CTranslate2 reads it, its weights in `kind`."""
    ctranslate2: Any = importlib.import_module("ctranslate2")
    ctranslate2.converters.TransformersConverter(str(gpt2)).convert(str(folder), quantization=kind)


def save_gguf(path: Path, gpt2: Path, kind: str) -> None:
    """The same GPT-2 as llama.cpp reads it, without a tokenizer. llama.cpp's GPT-2 always has GELU, not ReLU.

    In q8_0 all matrices but the positions', as llama.cpp's own `llama-quantize` has it.
    """
    gguf: Any = importlib.import_module("gguf")
    quants: Any = importlib.import_module("gguf.quants")
    transformers: Any = importlib.import_module("transformers")
    model = transformers.GPT2LMHeadModel.from_pretrained(gpt2)
    config = model.config
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_feed_forward_length(config.n_inner)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    for name, weights in model.transformer.state_dict().items():
        module, _, parameter = name.rpartition(".")
        block, layer, rest = ("blk.", *module.split(".", 2)[1:]) if module.startswith("h.") else ("", "", module)
        tensor = weights.numpy()
        if rest.startswith(("attn.", "mlp.")) and tensor.ndim == 2:
            tensor = tensor.T.copy()  # transformers' Conv1D has them inputs by outputs
        gguf_name = f"{block}{layer}{'.' if layer else ''}{GGUF_NAMES[rest]}.{parameter}"
        if kind == "q8_0" and tensor.ndim == 2 and rest != "wpe":
            writer.add_tensor(gguf_name, quants.quantize(tensor, q8_0), raw_dtype=q8_0)
        else:
            writer.add_tensor(gguf_name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    save_all(Path(sys.argv[1]))
