"""How many replies are shown broken while they are made, by us and by others.

    python -m tests.generation.broken_pieces [--model models/dialogue] [--replies 400]

A reply is shown broken where what was shown at any moment is not whole characters (grapheme clusters) of the whole
reply: half a syllable as a replacement character, a family of emoji as its members, a letter before its accent.
"""

import argparse
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
from rich.console import Console
from rich.table import Table
from transformers import PreTrainedTokenizerFast, TextStreamer

from tests.generation.asking import asked
from tests.generation.characters import is_whole
from tests.generation.hard_texts import TEXTS, byte_ids
from tinychat.corpus.dialogue import read_corpus
from tinychat.generation.engine import Engine
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.generation.text import ReplyText
from tinychat.params.loading import load_params
from tinychat.tokenizer import Tokenizer

Pieces = tuple[list[str], str]  # what is shown one after the other, and the whole reply
Show = Callable[[Tokenizer, Sequence[int]], Pieces]


def by_us(tokenizer: Tokenizer, ids: Sequence[int]) -> Pieces:
    growing = ReplyText(tokenizer.decode)
    pieces = [growing.grow_to(ids[: n + 1]) for n in range(len(ids))]
    return [*pieces, growing.end(cut=False)], growing.text


class Recorder(TextStreamer):
    """transformers' own streamer; it prints into a list."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        super().__init__(tokenizer)
        self.pieces: list[str] = []

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.pieces.append(text)


def by_text_streamer(tokenizer: Tokenizer, ids: Sequence[int]) -> Pieces:
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend, clean_up_tokenization_spaces=False)
    streamer = Recorder(theirs)
    for token in ids:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return streamer.pieces, theirs.decode(list(ids))


def token_by_token(tokenizer: Tokenizer, ids: Sequence[int]) -> Pieces:
    return [tokenizer.decode([token]) for token in ids], tokenizer.decode(ids)


def only_what_is_new(tokenizer: Tokenizer, ids: Sequence[int]) -> Pieces:
    """Decode all so far, print what comes after the length that was printed before."""
    pieces: list[str] = []
    for n in range(1, len(ids) + 1):
        pieces.append(tokenizer.decode(ids[:n])[sum(map(len, pieces)) :])
    return pieces, tokenizer.decode(ids)


METHODS: dict[str, Show] = {
    "tinychat": by_us,
    "transformers' TextStreamer": by_text_streamer,
    "only what is new": only_what_is_new,
    "token by token": token_by_token,
}


def sampled(engine: Engine, questions: Sequence[str], n: int, temperature: float) -> list[tuple[int, ...]]:
    """Token ids of `n` replies, each with a seed of its own."""
    options = SamplingOptions("sample", temperature=temperature)
    requests = [
        engine.request(asked(questions[seed % len(questions)]), replace(options, seed=seed)) for seed in range(n)
    ]
    waiting = deque(requests)
    while any(request.finish_reason is None for request in requests):
        engine.admit([waiting.popleft() for _ in range(min(engine.free_slots, len(waiting)))])
        engine.step()
    return [request.reply().token_ids for request in requests]


def n_broken(show: Show, tokenizer: Tokenizer, replies: Sequence[Sequence[int]]) -> int:
    return sum(not is_whole(*show(tokenizer, ids)) for ids in replies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--replies", type=int, default=400)
    arguments = parser.parse_args()
    engine = load_engine(arguments.model)
    corpus = Path("data/corpus/train.jsonl")
    questions = (
        [d.turns[0].content for d in read_corpus(corpus)] if corpus.exists() else load_params(Path()).generate.prompts
    )
    kinds = {
        f"replies at temperature {temperature:g}": sampled(engine, questions, arguments.replies, temperature)
        for temperature in (1.0, 5.0)
    }
    kinds["texts built to break it, byte by byte"] = [byte_ids(engine.tokenizer, data) for data in TEXTS.values()]
    table = Table("streamed by", *(f"{kind} (of {len(replies)})" for kind, replies in kinds.items()))
    for name, show in METHODS.items():
        broken = [(n_broken(show, engine.tokenizer, replies), len(replies)) for replies in kinds.values()]
        table.add_row(name, *(f"{n} ({n / of:.0%})" for n, of in broken))
    Console().print(table)


if __name__ == "__main__":
    main()
