"""How often a model recalls a name after some ordinary exchanges, in talks that it takes part in.

    python -m benchmarks.recall [--model models/dialogue] [--talks 200] [--exchanges 8]

In each talk the user tells a name, says ordinary things, and asks for the name; the bot's own replies stand between.
Names and phrasings are those that the starter corpus holds out for the test; the names are built as most Korean ones
are (서연), as in the measure `name`. A reply that contains the name is right. Greedy.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import tinychat
from tinychat.starter.evaluation_set import has_ordinary_syllables
from tinychat.starter.expanding import NAME, Expansion, Rng
from tinychat.starter.particles import fill
from tinychat.starter.reading import SceneExchange, read_starter

STARTER = Path("data/starter")
SCENE = "name_recall"  # of data/starter/scenes/names.yaml: the name is told, and asked for


def talks(expansion: Expansion, n_talks: int, n_exchanges: int) -> list[tuple[str, list[str]]]:
    """Name and user's messages of each talk: it tells the name, has so many ordinary exchanges, asks for the name."""
    rng = Rng(f"recall {n_exchanges}")
    scene = expansion.starter.scenes[SCENE]
    steps = [n for n, step in enumerate(scene.steps) if isinstance(step, SceneExchange)]
    telling, asking = (expansion.scene_phrasings[scene.name, n].test for n in (steps[0], steps[-1]))
    ordinary = [text for split in expansion.phrasings.values() for text in split.test]
    names = [name for name in expansion.names.test if has_ordinary_syllables(expansion, name)]
    found = []
    for _ in range(n_talks):
        name = rng.draw_without_replacement(names)
        told = fill(rng.choice(telling), {NAME: name})
        found.append((name, [told, *rng.sample(ordinary, n_exchanges), fill(rng.choice(asking), {NAME: name})]))
    return found


def recalled(bot: tinychat.Bot, talking: Sequence[tuple[str, list[str]]]) -> list[bool]:
    """Whether the last reply of each talk contains its name."""
    dialogues: list[list[dict[str, str]]] = [[] for _ in talking]
    for messages in zip(*(messages for _, messages in talking), strict=True):
        for dialogue, message in zip(dialogues, messages, strict=True):
            dialogue.append({"role": "user", "content": message})
        for dialogue, reply in zip(dialogues, bot.reply(dialogues), strict=True):
            dialogue.append({"role": "assistant", "content": reply.text or "…"})
    return [name in dialogue[-1]["content"] for (name, _), dialogue in zip(talking, dialogues, strict=True)]


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
    table = Table("exchanges between", "recalled of", "share")
    for n in range(arguments.exchanges + 1):
        right = recalled(bot, talks(expansion, arguments.talks, n))
        table.add_row(str(n), f"{sum(right)} / {len(right)}", f"{np.mean(right):.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
