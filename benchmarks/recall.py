"""How often a model recalls what it was told, in talks that it takes part in: a name, and what somebody likes.

    python -m benchmarks.recall [--model models/dialogue] [--talks 200] [--exchanges 8]

In each talk the user tells a name, says ordinary things, and asks for the name; the bot's own replies stand between.
Names and phrasings are those that the starter corpus holds out for the test; the names are built as most Korean ones
are (서연), as in the measure `name`. A reply that contains the name is right. Greedy.

Then the same with a favourite food, a hobby, a favourite animal, and two ordinary exchanges between: words that the
starter corpus has in its slots, and words that it has not (benchmarks/unseen/facts.yaml); where nothing else was told,
where a name was told before, and in the plainest words with nothing between.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

import tinychat
from tinychat.starter.drawing import Rng
from tinychat.starter.evaluation_set import has_ordinary_syllables
from tinychat.starter.expanding import NAME, Expansion
from tinychat.starter.particles import fill
from tinychat.starter.reading import SceneExchange, read_starter

STARTER = Path("data/starter")
# Of each slot the scene of data/starter/scenes in which its word is told, and asked for.
SCENES = {NAME: "name_recall", "food": "food_recall", "hobby": "hobby_recall", "animal": "animal_recall"}
UNSEEN_WORDS = Path(__file__).with_name("unseen") / "facts.yaml"
BETWEEN = 2  # exchanges between what one likes and the question for it
# How each is told and asked for in the plainest words, whether the starter corpus has them or not.
PLAIN = {
    "food": ("나는 {food} 좋아해", "내가 뭐 좋아한다고 했지?"),
    "hobby": ("내 취미는 {hobby:이야/야}", "내 취미가 뭐라고 했지?"),
    "animal": ("나는 {animal} 좋아해", "내가 무슨 동물 좋아한다고 했지?"),
}
Talk = tuple[str, list[str]]  # what is to be recalled, and the user's messages


def telling_and_asking(expansion: Expansion, name: str) -> tuple[Sequence[str], Sequence[str]]:
    """The held-out phrasings of the first and the last exchange of a scene."""
    steps = [n for n, step in enumerate(expansion.starter.scenes[name].steps) if isinstance(step, SceneExchange)]
    return expansion.scene_phrasings[name, steps[0]].test, expansion.scene_phrasings[name, steps[-1]].test


def talks(
    expansion: Expansion,
    slot: str,
    words: Sequence[str],
    n_talks: int,
    n_exchanges: int,
    *,
    after_a_name: bool = False,
) -> list[Talk]:
    """Talks in which one of these words is told and, after so many ordinary exchanges, asked for.

    `after_a_name`: a name is told first.
    """
    rng = Rng(f"recall {n_exchanges}" if slot == NAME else f"recall {slot} {after_a_name}")
    telling, asking = telling_and_asking(expansion, SCENES[slot])
    telling_a_name, _ = telling_and_asking(expansion, SCENES[NAME])
    ordinary = [text for split in expansion.phrasings.values() for text in split.test]
    names = ordinary_names(expansion)
    found = []
    for _ in range(n_talks):
        word = rng.draw_without_replacement(words)
        first = [fill(rng.choice(telling_a_name), {NAME: rng.choice(names)})] if after_a_name else []
        told = fill(rng.choice(telling), {slot: word})
        between = rng.sample(ordinary, n_exchanges)
        found.append((word, [*first, told, *between, fill(rng.choice(asking), {slot: word})]))
    return found


def plain_talks(slot: str, words: Sequence[str], n_talks: int) -> list[Talk]:
    """Talks in which one of these words is told in the plainest words, and asked for at once."""
    rng = Rng(f"plain {slot}")
    drawn = [rng.draw_without_replacement(words) for _ in range(n_talks)]
    return [(word, [fill(text, {slot: word}) for text in PLAIN[slot]]) for word in drawn]


def ordinary_names(expansion: Expansion) -> list[str]:
    """The held-out names that are built as most are."""
    return [name for name in expansion.names.test if has_ordinary_syllables(expansion, name)]


def recalled(bot: tinychat.Bot, talking: Sequence[Talk]) -> list[bool]:
    """Whether the last reply of each talk contains what is to be recalled."""
    dialogues: list[list[dict[str, str]]] = [[] for _ in talking]
    for messages in zip(*(messages for _, messages in talking), strict=True):
        for dialogue, message in zip(dialogues, messages, strict=True):
            dialogue.append({"role": "user", "content": message})
        for dialogue, reply in zip(dialogues, bot.reply(dialogues), strict=True):
            dialogue.append({"role": "assistant", "content": reply.text or "…"})
    return [told in dialogue[-1]["content"] for (told, _), dialogue in zip(talking, dialogues, strict=True)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/dialogue"))
    parser.add_argument("--talks", type=int, default=200)
    parser.add_argument("--exchanges", type=int, default=8, help="at most so many between the name and the question")
    parser.add_argument("--seed", type=int, default=0, help="corpus.starter.seed of the model's training")
    arguments = parser.parse_args()
    bot = tinychat.load(arguments.model)
    expansion = Expansion(read_starter(STARTER), arguments.seed)
    names = ordinary_names(expansion)
    table = Table("exchanges between", "recalled of", "share")
    for n in range(arguments.exchanges + 1):
        right = recalled(bot, talks(expansion, NAME, names, arguments.talks, n))
        table.add_row(str(n), f"{sum(right)} / {len(right)}", f"{np.mean(right):.1%}")
    console = Console()
    console.print(table)
    unseen: dict[str, list[str]] = yaml.safe_load(UNSEEN_WORDS.read_text(encoding="utf-8"))
    facts = Table("told", "words", "alone", "after a name", "plainly, at once")
    for slot, unseen_words in unseen.items():
        for kind, words in (("of the slots", expansion.starter.slots[slot]), ("unseen", unseen_words)):
            asked = [
                talks(expansion, slot, words, arguments.talks, BETWEEN),
                talks(expansion, slot, words, arguments.talks, BETWEEN, after_a_name=True),
                plain_talks(slot, words, arguments.talks),
            ]
            facts.add_row(slot, kind, *(f"{np.mean(recalled(bot, talking)):.1%}" for talking in asked))
    console.print(facts)


if __name__ == "__main__":
    main()
