"""A model's replies to 100 everyday first sentences that are not in its corpus, as a table.

    python -m benchmarks.openings [--model models/dialogue] > replies.md

Asks each line of benchmarks/openings.txt greedily as a dialogue of its own, and prints a Markdown table: sentence,
reply, and the geometric mean of its tokens' probabilities. On stderr it reports sentences that are in data/corpus after
all.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import tinychat
from tinychat.corpus.dialogue import Dialogue, read_corpus
from tinychat.corpus.text_keys import text_key

OPENINGS = Path(__file__).with_suffix(".txt")
CORPUS = Path("data/corpus/train.jsonl")


def openings() -> list[str]:
    """The sentences, in their order."""
    return OPENINGS.read_text(encoding="utf-8").splitlines()


def trained_on(texts: Sequence[str], dialogues: Iterable[Dialogue]) -> list[str]:
    """Those that a user says in the dialogues, ignoring spaces and punctuation."""
    said = {text_key(turn.content) for dialogue in dialogues for turn in dialogue.turns if turn.role == "user"}
    return [text for text in texts if text_key(text) in said]


def row(*cells: str) -> str:
    """A row of a Markdown table, with cells escaped."""
    inside = [" ".join(cell.replace("|", r"\|").split()) for cell in cells]
    return f"| {' | '.join(inside)} |"


def verdict(texts: Sequence[str], corpus: Path) -> str:
    """A line on which of the texts are in the corpus."""
    if not corpus.is_file():
        return f"{corpus}: no such file, so nothing is known of what was trained on"
    if known := trained_on(texts, read_corpus(corpus)):
        return f"{len(known)} of {len(texts)} sentences are trained on in {corpus}: {', '.join(known)}"
    return f"none of the {len(texts)} sentences is trained on in {corpus}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    model: Path = parser.parse_args().model
    asked = openings()
    replies = tinychat.load(model).reply(asked)
    print(row("물음", "대답", "평균 확률"))
    print("|---|---|--:|")
    for text, reply in zip(asked, replies, strict=True):
        print(row(text, reply.text, f"{math.exp(reply.mean_logprob):.0%}"))
    print(verdict(asked, CORPUS), file=sys.stderr)


if __name__ == "__main__":
    main()
