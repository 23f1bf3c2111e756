"""How often a model recalls what was told in talks that people wrote, with the rule for it and without.

    python -m benchmarks.told [--model models/dialogue] [--texts benchmarks/unseen/told_first …] [--show]

In each talk of `talks.yaml` the user tells what they like, do, eat or have, says other things, and asks for it; the
bot's own replies stand between. A reply with one of the wanted words is right. In those of `traps.yaml` (somebody else
likes it, it was taken back, nothing was told …) a reply with a word that does not answer is counted as taken. Greedy.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import yaml
from rich.console import Console
from rich.table import Table

import tinychat
from tinychat.generation.reply_rules import ReplyRules

UNSEEN = Path(__file__).with_name("unseen")
Talk = TypedDict("Talk", {"say": list[str], "want": list[str], "not": list[str]}, total=False)


def last_replies(bot: tinychat.Bot, talks: Sequence[Talk]) -> list[str]:
    """What the bot answers to the last message of each talk."""
    dialogues: list[list[dict[str, str]]] = [[] for _ in talks]
    for n in range(max(len(talk["say"]) for talk in talks)):
        going = [
            (dialogue, talk["say"][n]) for dialogue, talk in zip(dialogues, talks, strict=True) if n < len(talk["say"])
        ]
        for dialogue, message in going:
            dialogue.append({"role": "user", "content": message})
        for (dialogue, _), reply in zip(going, bot.reply([dialogue for dialogue, _ in going]), strict=True):
            dialogue.append({"role": "assistant", "content": reply.text or "…"})
    return [dialogue[-1]["content"] for dialogue in dialogues]


@contextmanager
def without_the_rule() -> Iterator[None]:
    """No reply is taken back because it does not say what was told."""
    rule = ReplyRules._told_fact
    ReplyRules._told_fact = lambda self, request, token: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        ReplyRules._told_fact = rule  # type: ignore[method-assign]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--texts", type=Path, nargs="+", default=sorted(UNSEEN.glob("told_*")))
    parser.add_argument("--show", action="store_true", help="the last message and reply of each talk, with the rule")
    arguments = parser.parse_args()
    bot, console = tinychat.load(arguments.model), Console()
    table = Table("", "talks", "recalled", "no rule", "traps", "taken", "no rule")
    for folder in arguments.texts:
        talks, traps = (
            yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("talks", "traps")
        )
        row = [folder.name]
        for some, words in ((talks, "want"), (traps, "not")):
            counts = []
            with_rule = last_replies(bot, some)
            with without_the_rule():
                both = (with_rule, last_replies(bot, some))
            for replies in both:
                found = [any(word in reply for word in talk[words]) for talk, reply in zip(some, replies, strict=True)]
                counts.append(f"{sum(found)} ({sum(found) / len(some):.1%})")
            row += [str(len(some)), *counts]
            if arguments.show:
                for talk, reply in zip(some, with_rule, strict=True):
                    console.print(" › ".join(talk["say"]), "|", reply, highlight=False, markup=False)
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
