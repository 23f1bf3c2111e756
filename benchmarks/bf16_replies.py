"""How often a greedy reply in bf16 differs from fp32, and in a batch from the same one alone.

    python -m benchmarks.bf16_replies [--model models/dialogue] [--questions 500]

The trained model answers training questions of data/corpus. For comparison: numpy and torch, both in fp32, and random
weights of the article's size, whose logits are closer together.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # as the stages do

import torch
from rich.console import Console
from rich.table import Table

from tinychat.corpus.dialogue import read_corpus
from tinychat.evaluation.caching_engine import GREEDY
from tinychat.evaluation.evaluate import Question, evenly_spaced, questions_of
from tinychat.generation.decoder import Decoder
from tinychat.generation.engine import Engine
from tinychat.generation.numpy_decoder import NumpyDecoder
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import load_model
from tinychat.model.base import LanguageModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model, load_config
from tinychat.tokenizer import Tokenizer, load_tokenizer

SLOTS = 32
Replies = list[tuple[int, ...]]


def differing(replies: Replies, others: Replies) -> float:
    """Share of replies with other tokens."""
    pairs = zip(replies, others, strict=True)
    return sum(reply != other for reply, other in pairs) / len(replies)


def replies_by(decoder: Decoder, tokenizer: Tokenizer, questions: Sequence[Question]) -> Replies:
    """The tokens of each greedy reply."""
    replies = Engine(decoder, tokenizer).reply([question.messages for question in questions], GREEDY)
    return [reply.token_ids for reply in replies]


def shares(
    config: ClassicConfig, model: LanguageModel, tokenizer: Tokenizer, questions: Sequence[Question]
) -> tuple[float, float, float]:
    """Shares that differ: numpy from torch, bf16 from fp32, bf16 in a batch from bf16 alone."""
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    bf16 = torch.bfloat16
    fp32_replies = replies_by(TorchDecoder(model, SLOTS), tokenizer, questions)
    bf16_replies = replies_by(TorchDecoder(model, SLOTS, bf16), tokenizer, questions)
    return (
        differing(replies_by(NumpyDecoder(config, weights, SLOTS), tokenizer, questions), fp32_replies),
        differing(bf16_replies, fp32_replies),
        differing(bf16_replies, replies_by(TorchDecoder(model, 1, bf16), tokenizer, questions)),
    )


def random_model(vocab_size: int) -> tuple[ClassicConfig, LanguageModel]:
    """The article's sizes, never trained."""
    torch.manual_seed(0)
    config = ClassicConfig(vocab_size, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)
    return config, build_model(config).eval()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus/train.jsonl"))
    parser.add_argument("--questions", type=int, default=500)
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(arguments.model)
    config = load_config(arguments.model)
    assert isinstance(config, ClassicConfig)
    trained = config, load_model(arguments.model)
    dialogues = evenly_spaced(list(read_corpus(arguments.corpus)), arguments.questions)
    questions = questions_of(dialogues, tokenizer, config.max_len)
    table = Table("", "numpy, not torch, fp32", "bf16, not fp32", "bf16: in a batch, not alone")
    table.title = f"share of {len(questions)} greedy replies that differ"
    for name, model, asked in (
        ("trained", trained, questions),
        ("random weights", random_model(tokenizer.size), questions[:: max(1, len(questions) // 100)]),
    ):
        found = shares(*model, tokenizer, asked)
        table.add_row(f"{name}, {len(asked)} questions", *(f"{share:.1%}" for share in found))
    Console().print(table)


if __name__ == "__main__":
    main()
