"""What a model answers to benchmarks/unseen, or to a folder in it, as numbered lists for a reader to judge.

    python -m benchmarks.unseen_replies [--model models/dialogue] [--texts benchmarks/unseen] [--folder .]

Writes openings.md, talks.md, statements.md and questions.md, of those that the folder has; they do not name the model.
Prints how many replies to its messages without a name, if it has such, call somebody by one. Greedy.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import yaml

import tinychat
from tinychat.tokenizer.called_names import called_names

UNSEEN = Path(__file__).with_name("unseen")
SINGLE = ("openings", "statements", "questions")


def talked(bot: tinychat.Bot, messages: Sequence[str]) -> list[tuple[str, str]]:
    """A talk: each message, and the reply that the bot gives to it after the earlier ones."""
    dialogue: list[dict[str, str]] = []
    for message in messages:
        dialogue.append({"role": "user", "content": message})
        dialogue.append({"role": "assistant", "content": bot.reply(dialogue).text or "…"})
    said = [turn["content"] for turn in dialogue]
    return list(zip(said[::2], said[1::2], strict=True))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--texts", type=Path, default=UNSEEN)
    parser.add_argument("--folder", type=Path, default=Path())
    arguments = parser.parse_args()
    bot = tinychat.load(arguments.model)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in SINGLE:
        if (file := arguments.texts / f"{name}.txt").exists():
            texts = file.read_text(encoding="utf-8").splitlines()
            replies = zip(texts, bot.reply(texts), strict=True)
            lines = [f"{n}. {text} → {reply.text}\n" for n, (text, reply) in enumerate(replies, 1)]
            (arguments.folder / f"{name}.md").write_text("".join(lines), encoding="utf-8", newline="\n")
    if (file := arguments.texts / "talks.yaml").exists():
        talks = yaml.safe_load(file.read_text(encoding="utf-8"))
        lines = []
        for n, messages in enumerate(talks, 1):
            lines.append(f"Talk {n}\n")
            lines += (f"  {n}.{k} {said} → {reply}\n" for k, (said, reply) in enumerate(talked(bot, messages), 1))
        (arguments.folder / "talks.md").write_text("".join(lines), encoding="utf-8", newline="\n")
    if (file := arguments.texts / "no_names.txt").exists():
        texts = file.read_text(encoding="utf-8").splitlines()
        titles = bot.engine.generation.titles if bot.engine.generation else ()
        called = [
            (text, reply.text)
            for text, reply in zip(texts, bot.reply(texts), strict=True)
            if any(name not in titles for _, name in called_names(reply.text))
        ]
        print(f"{len(called)} of {len(texts)} replies to messages without a name call one", *called, sep="\n  ")


if __name__ == "__main__":
    main()
