"""Whether a browser can run a model: its architecture, and the memory that it takes there."""

from dataclasses import dataclass

from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig

# Of a page with all that it holds while it opens, besides what a browser takes for any page (some 300 MB). More is too
# much for a telephone, and for a computer with 4 GB that runs other programs too.
MAX_MEMORY = 1_000_000_000  # bytes
# A weight's bytes besides those of the kernels: its text in the file and as a string, deflated, and unpacked. Measured
# in Chromium and Firefox with models of 117 and 218 million weights (docs/experiments.md).
COPIES = 4
SLOTS = 3  # sequences that web/src/engine/model.js keeps
CALL_TOKENS = 64  # that it computes in one call
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Unfit:
    """Why a model cannot run in a page: `key` of the text that says so (without_model.py), and the values in it."""

    key: str
    values: dict[str, object]


def fit(config: ModelConfig) -> ClassicConfig | Unfit:
    """The config of a model that a page can run; else why it cannot."""
    if not isinstance(config, ClassicConfig):
        return Unfit("architecture", {"architecture": config.architecture, "known": ClassicConfig.architecture})
    memory = page_memory(config)
    if memory > MAX_MEMORY:
        sizes = {"needed": round(memory / 1e6), "most": round(MAX_MEMORY / 1e6)}
        return Unfit("memory", {"weights": round(n_weights(config), -6), **sizes})
    return config


def page_memory(config: ClassicConfig) -> int:
    """Bytes that a page takes while it opens: the weights on their way, and what the kernels need."""
    return COPIES * n_weights(config) + kernel_memory(config)


def n_weights(config: ClassicConfig) -> int:
    """Numbers in the weight matrices, of which each is a byte in the page."""
    d, f = config.embed_dim, config.ffn_dim
    return 2 * config.vocab_size * d + config.n_layers * (4 * d * d + 2 * d * f)


def kernel_memory(config: ClassicConfig) -> int:
    """Bytes that the kernels need: within 5% of what web/src/engine/model.js and `arrange` in int8.c take."""
    d, f, v, t = config.embed_dim, config.ffn_dim, config.vocab_size, config.max_len
    layers, heads = config.n_layers, config.n_heads
    vectors = t * d + 2 * v + layers * 2 * (9 * d + f)  # positions, scales, biases, norms
    cache = 2 * layers * SLOTS * t * d
    seen = layers * heads * t + (2 * layers + 1) * d + layers * f  # of each token of a call
    call = 6 * d + f + max(d, f) // 2 + seen + v
    largest = max(v * d, 3 * d * d, d * f)  # a matrix before it is packed
    return n_weights(config) + largest + FLOAT * (vectors + cache + CALL_TOKENS * call)
