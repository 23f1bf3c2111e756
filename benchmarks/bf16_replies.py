"""How often a greedy reply is another one in bf16 than in fp32, and in bf16 another one in a batch than alone.

    python -m benchmarks.bf16_replies [--model models/dialogue] [--questions 500]

The trained model answers training questions of data/corpus. Beside it: numpy and torch, both in fp32, and the same
questions put to random weights of the article's size, whose logits lie closer together.
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
from tinychat.evaluation.asking import GREEDY
from tinychat.evaluation.evaluate import Question, questions_of, spread
from tinychat.generation.decoder import Decoder
from tinychat.generation.engine import Engine
from tinychat.generation.numpy_decoder import NumpyDecoder
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import load_model
from tinychat.model.base import LanguageModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import load_config
from tinychat.tokenizer import Tokenizer, load_tokenizer

ROWS = 32
Replies = list[tuple[int, ...]]


def differing(replies: Replies, others: Replies) -> float:
    """Share of replies that are not the same tokens."""
    pairs = zip(replies, others, strict=True)
    return sum(reply != other for reply, other in pairs) / len(replies)


def replies_by(decoder: Decoder, tokenizer: Tokenizer, questions: Sequence[Question]) -> Replies:
    """The tokens of each greedy reply."""
    replies = Engine(decoder, tokenizer).reply([question.messages for question in questions], GREEDY)
    return [reply.token_ids for reply in replies]


def shares(
    config: ClassicConfig, model: LanguageModel, tokenizer: Tokenizer, questions: Sequence[Question]
) -> tuple[float, float, float]:
    """Of numpy's replies that are not torch's; of those in bf16 that are not those in fp32, and not those alone."""
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    bf16 = torch.bfloat16
    fp32_replies = replies_by(TorchDecoder(model, ROWS), tokenizer, questions)
    bf16_replies = replies_by(TorchDecoder(model, ROWS, bf16), tokenizer, questions)
    return (
        differing(replies_by(NumpyDecoder(config, weights, ROWS), tokenizer, questions), fp32_replies),
        differing(bf16_replies, fp32_replies),
        differing(bf16_replies, replies_by(TorchDecoder(model, 1, bf16), tokenizer, questions)),
    )


def random_model(vocab_size: int) -> tuple[ClassicConfig, LanguageModel]:
    """The article's sizes, never trained."""
    torch.manual_seed(0)
    config = ClassicConfig(vocab_size, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)
    return config, config.build().eval()


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
    questions = questions_of(spread(list(read_corpus(arguments.corpus)), arguments.questions))
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
