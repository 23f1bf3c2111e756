"""What a page takes in a browser: the memory of its kernels, as the kernels themselves count it."""

import json
import shutil
import subprocess
from dataclasses import astuple
from pathlib import Path

import pytest

from tinychat.model.classic_config import ClassicConfig
from tinychat.page.fitting import CALL_TOKENS, FLOAT, SLOTS, kernel_memory

# What web/src/engine/model.js asks of `arrange` in int8.c, beside which it keeps logits and the largest matrix.
COUNT = """
const [file, layers, slots, heads, maxLen, width, ffn, vocab, tokens] = JSON.parse(process.argv[1]);
const { instance } = await WebAssembly.instantiate(require("fs").readFileSync(file));
console.log(instance.exports.arrange(0, layers, slots, heads, maxLen, width, ffn, vocab, tokens, 1));
"""
SIZES = [
    ClassicConfig(vocab_size=8000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=192),
    ClassicConfig(vocab_size=9, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48),
    ClassicConfig(vocab_size=32_000, embed_dim=1024, n_layers=12, n_heads=16, ffn_dim=4096, max_len=512),
    ClassicConfig(vocab_size=500, embed_dim=64, n_layers=1, n_heads=1, ffn_dim=16, max_len=20_000),
]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("config", SIZES, ids=[str(astuple(config)) for config in SIZES])
def test_the_memory_of_the_kernels_is_that_which_they_take(repo: Path, config: ClassicConfig) -> None:
    file = str(repo / "tinychat/page/int8.wasm")
    sizes = [config.n_layers, SLOTS, config.n_heads, config.max_len, config.embed_dim, config.ffn_dim]
    given = json.dumps([file, *sizes, config.vocab_size, CALL_TOKENS])
    ended = subprocess.run(
        ["node", "-e", f"(async () => {{{COUNT}}})()", given], check=True, capture_output=True, text=True
    )
    d, f, v = config.embed_dim, config.ffn_dim, config.vocab_size
    beside = max(3 * d * d, d * f, v * d) + FLOAT * CALL_TOKENS * v
    taken = int(ended.stdout) + beside
    assert kernel_memory(config) == pytest.approx(taken, rel=0.05)
