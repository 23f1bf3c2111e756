"""What fewer bits of a weight cost: loss on held-out answers, and greedy replies that differ from fp32.

    python -m benchmarks.int8_replies [--model models/dialogue] [--questions 500] [--examples 400]

Half of the questions are of the training split of data/corpus, half of the test split, evenly spaced. The loss is that
of the answers of so many test examples of data/prepared; its difference to fp32's is a mean over examples, with its
standard error. "the page, 6 bits" are the weights that outputs/tinychat.html carries, computed in fp32.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.bf16_replies import differing, replies_by
from tinychat.batches.prepared import PreparedSplit, open_split
from tinychat.corpus.dialogue import read_corpus
from tinychat.evaluation.evaluate import evenly_spaced, questions_of
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.int8_decoder import Int8Decoder, load_int8_kernels
from tinychat.generation.native_decoder import NativeDecoder, load_kernels
from tinychat.model import load_model
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import load_config
from tinychat.model.weights import load_weights
from tinychat.page.calibrating import read_sequences
from tinychat.page.packing import POSITIONS, bfloat16, round_weights
from tinychat.quantizing import INT6, INT8
from tinychat.tokenizer import load_tokenizer

SLOTS = 32


def examples_of(split: PreparedSplit, n: int) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Token ids and loss mask of `n` examples, evenly spaced."""
    return [
        (split.tokens[begin:end].astype(np.int64), split.loss_mask[begin:end])
        for i in evenly_spaced(range(len(split)), n)
        for begin, end in [split.offsets[i : i + 2]]
    ]


def as_the_page_carries(
    config: ClassicConfig, weights: dict[str, Floats], sequences: Sequence[Sequence[int]]
) -> dict[str, Floats]:
    """The weights of a page with `page.bits: 6`, as floats."""
    rounded = round_weights(config, weights, sequences).items()
    floats = {name: whole * scales[:, None] for name, (whole, scales) in rounded}
    return {**weights, **floats, POSITIONS: bfloat16(weights[POSITIONS])}


def loss_of(logits: Floats, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]) -> tuple[float, int]:
    """The sum of the losses of the tokens with loss (nats), and their number."""
    before, targets = logits[:-1][mask[1:]].astype(np.float64), ids[1:][mask[1:]]
    highest = before.max(axis=1)
    normaliser = np.log(np.exp(before - highest[:, None]).sum(axis=1)) + highest
    return float((normaliser - before[np.arange(len(targets)), targets]).sum()), len(targets)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--examples", type=int, default=400)
    arguments = parser.parse_args()
    config, tokenizer = load_config(arguments.model), load_tokenizer(arguments.model)
    if not Int8Decoder.computes(config):
        parser.error(f"int8 weights are for the classic architecture, not {config.architecture}")
    weights, model = load_weights(arguments.model, config), load_model(arguments.model)
    split = open_split(Path("data/prepared"), "test", vocab_size=config.vocab_size, max_len=config.max_len)
    examples = [one for one in examples_of(split, arguments.examples) if one[1][1:].any()]
    dialogues = (list(read_corpus(Path(f"data/corpus/{name}.jsonl"))) for name in ("train", "test"))
    questions = [
        question
        for each in dialogues
        for question in evenly_spaced(questions_of(each, tokenizer, config.max_len), arguments.questions // 2)
    ]
    with torch.inference_mode():
        exact = [loss_of(model(torch.from_numpy(ids)[None])[0].numpy(), ids, mask) for ids, mask in examples]
        carried = as_the_page_carries(
            config, weights, read_sequences(Path("data/corpus/train.jsonl"), tokenizer, config.max_len)
        )
        model.load_state_dict({name: torch.from_numpy(weight) for name, weight in carried.items()})
        in_page = [loss_of(model(torch.from_numpy(ids)[None])[0].numpy(), ids, mask) for ids, mask in examples]
    in_fp32 = replies_by(NativeDecoder(load_kernels(), config, weights, SLOTS), tokenizer, questions)
    n_tokens = sum(n for _, n in exact)
    table = Table("weights", "loss", "difference", "replies as in fp32")
    table.add_row("fp32", f"{sum(loss for loss, _ in exact) / n_tokens:.4f}", "", f"of {len(questions)}")
    rounded: dict[str, tuple[Decoder, list[tuple[float, int]]]] = {}
    for name, largest in (("int8", INT8), ("int6", INT6)):
        decoder = Int8Decoder(load_int8_kernels(), config, weights, SLOTS, largest)
        rounded[name] = decoder, [loss_of(decoder.all_logits(ids.tolist()), ids, mask) for ids, mask in examples]
    rounded["the page, 6 bits"] = NativeDecoder(load_kernels(), config, carried, SLOTS), in_page
    for name, (side, found) in rounded.items():
        differences = np.array([(one - other) / n for (one, n), (other, _) in zip(found, exact, strict=True)])
        error = differences.std() / np.sqrt(len(differences))
        same = 1 - differing(replies_by(side, tokenizer, questions), in_fp32)
        table.add_row(
            name,
            f"{sum(loss for loss, _ in found) / n_tokens:.4f}",
            f"{differences.mean():+.4f} ± {error:.4f}",
            f"{same:.1%}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
