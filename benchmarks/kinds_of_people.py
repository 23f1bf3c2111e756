"""What a model answers to somebody who says what they are and not what they are called (저는 간호사입니다).

    python -m benchmarks.kinds_of_people [--model models/dialogue] [--corpus data/corpus/train.jsonl] [--nouns 400]

Draws nouns for kinds of people that occur nowhere in the corpus, each in one of four forms in which names are told as
well, and counts what is replied: a name, or something about names; an answer that listens; anything else. Once with the
rules for what a reply may not call (`tinychat/tokenizer/told_names.py`), once with what the model says by itself.
Greedy.
"""

import argparse
import random
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.table import Table

import tinychat
from tinychat.corpus.dialogue import read_corpus
from tinychat.starter.particles import fill
from tinychat.starter.reading import read_starter
from tinychat.tokenizer.called_names import NAME_WORD, called_names
from tinychat.tokenizer.nouns import PEOPLE
from tinychat.tokenizer.told_names import NO_NAMES

FORMS = ("저는 {noun}입니다", "저는 {noun:이에요/예요}", "나 {noun:이야/야}", "전 {noun:이에요/예요}")
KINDS = ("a name", "listens", "anything else")
MAX_LETTERS = 4  # longer words look less like a name
STARTER = Path("data/starter")


def messages(corpus: Path, n_nouns: int) -> list[str]:
    """What somebody says who is of each kind."""
    said = "\n".join(turn.content for dialogue in read_corpus(corpus) for turn in dialogue.turns)
    unseen = [noun for noun in sorted(PEOPLE) if len(noun) <= MAX_LETTERS and noun not in said]
    drawn = random.Random(0).sample(unseen, min(n_nouns, len(unseen)))
    return [fill(FORMS[n % len(FORMS)], {"noun": noun}) for n, noun in enumerate(drawn)]


def kind(reply: str, listens: Collection[str], no_names: Collection[str]) -> str:
    """Which of KINDS a reply is."""
    if NAME_WORD in reply or any(name not in no_names for _, name in called_names(reply)):
        return "a name"
    return "listens" if reply in listens else "anything else"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus/train.jsonl"))
    parser.add_argument("--nouns", type=int, default=400)
    arguments = parser.parse_args()
    said = messages(arguments.corpus, arguments.nouns)
    listens = {*read_starter(STARTER).out_of_scope["statements"].answers}
    bot = tinychat.load(arguments.model)
    no_names = {*NO_NAMES, *(bot.engine.generation.titles if bot.engine.generation else ())}
    table = Table("", *KINDS)
    for rules in (True, False):
        if not rules:
            bot.engine.generation = None
        counts = Counter(kind(reply.text, listens, no_names) for reply in bot.reply(said))
        table.add_row("with the rules" if rules else "without", *(f"{counts[one] / len(said):.1%}" for one in KINDS))
    Console().print(f"{len(said)} messages", table)


if __name__ == "__main__":
    main()
