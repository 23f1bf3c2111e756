"""The starter corpus expanded: files of intents, scenes and slots become dialogues, always the same ones for a seed.

What is held out, for validation and for the test, is chosen before anything is expanded: phrasings of intents, names,
phrasings in scenes, out-of-scope questions.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tinychat.corpus.dialogue import Turn
from tinychat.starter.holdout import assigned_splits, hold_out, hold_out_by_hash
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import FillerExchanges, Intent, IntentExchange, Names, Scene, SceneExchange, Starter
from tinychat.starter.typing_noise import add_typing_noise

T = TypeVar("T")

NAME = "name"
HELD_OUT_SHARE = 0.15
HELD_OUT_UNKNOWN_SHARE = 0.20
ALWAYS_TRAINED = 3  # phrasings of an intent, the first in its list, that are never held out
ALWAYS_TRAINED_SHARE = 0.18  # of an intent's questions in one of these phrasings: what most people type first
TYPING_NOISE_SHARE = 0.25  # of the user's turns
N_NAMES = 2400
RANDOM_NAME_SHARE = 0.3
COMMON_SYLLABLES = tuple(
    char
    for code in range(0xB0A1, 0xC8FF)
    if 0xA1 <= code & 0xFF <= 0xFE
    for char in [code.to_bytes(2, "big").decode("euc_kr")]
)  # the 2,350 syllables of KS X 1001
SHARES = {"single": 0.44, "chain": 0.12, "names": 0.21, "scenes": 0.10, "unknown": 0.13}
CHAIN_LENGTHS = (2, 6)  # exchanges
HAND_WRITTEN_SHARE = 0.6  # of the out-of-scope questions; the others are filled templates
AFTER_EXCHANGE_SHARE = 0.3  # of the out-of-scope questions that follow another exchange
TRIES_PER_DIALOGUE = 4  # a duplicate does not count


@dataclass(frozen=True)
class StarterDialogue:
    """A dialogue's turns, the values of its slots, and all replies to the last question that are right."""

    turns: tuple[Turn, ...]
    slot_values: dict[str, str] = field(default_factory=dict)
    accept: tuple[str, ...] = ()


class Rng(random.Random):
    """A random number generator that also draws without replacement.

    Of 30 phrasings drawn 100 times with replacement, one is never drawn, and three are drawn once.
    """

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._left: dict[tuple[object, ...], list[object]] = {}

    def draw_without_replacement(self, items: Sequence[T]) -> T:
        """The next item: each comes once before one comes again. Each list of items is counted by itself."""
        left: list[T] = self._left.setdefault(tuple(items), [])  # type: ignore[assignment]
        if not left:
            left += self.sample(items, len(items))
        return left.pop()


class Expansion:
    """What is trained on and what is held out, and the training dialogues."""

    def __init__(self, starter: Starter, seed: int) -> None:
        self.starter, self.seed = starter, seed
        self.phrasings = {
            name: hold_out(intent.ask, HELD_OUT_SHARE, seed, ALWAYS_TRAINED) for name, intent in starter.intents.items()
        }
        self.unknown = {
            kind: hold_out(texts, HELD_OUT_UNKNOWN_SHARE, seed) for kind, texts in starter.unknown.ask.items()
        }
        self.templates = hold_out(starter.unknown.templates, HELD_OUT_UNKNOWN_SHARE, seed)
        self.names = hold_out(all_names(starter.names, self.rng("names")), HELD_OUT_SHARE, seed)
        # By the hash alone, so that a list that several scenes share is split alike in each. A phrasing that an intent
        # has too (고마워) keeps its split.
        assigned = assigned_splits(self.phrasings.values())
        self.scene_phrasings = {
            (scene.name, number): hold_out_by_hash(step.user, HELD_OUT_SHARE, seed, assigned)
            for scene in starter.scenes.values()
            for number, step in enumerate(scene.steps)
            if isinstance(step, SceneExchange)
        }
        self.name_scenes = [scene for scene in starter.scenes.values() if NAME in scene.slots()]
        self.other_scenes = [scene for scene in starter.scenes.values() if NAME not in scene.slots()]
        self._intents = [*starter.intents.values()]
        self._shuffled_names = self.rng("names in turn").sample(self.names.train, len(self.names.train))
        self._kinds: dict[str, Callable[[Rng, int], StarterDialogue]] = {
            "single": self._single,
            "chain": self._chain,
            "unknown": self._unknown,
        }
        if self.name_scenes:
            self._kinds["names"] = self._name_scene
        if self.other_scenes:
            self._kinds["scenes"] = self._other_scene

    def rng(self, purpose: str) -> Rng:
        """A generator of its own for each purpose, so that one more draw for one changes no other."""
        return Rng(f"{self.seed} {purpose}")

    def training(self, size: int) -> Iterator[StarterDialogue]:
        """About `size` dialogues, all different: one exchange, several, scenes, out-of-scope questions."""
        for kind, make in self._kinds.items():
            rng, wanted = self.rng(kind), round(size * SHARES[kind])
            seen: set[tuple[Turn, ...]] = set()
            for n in range(wanted * TRIES_PER_DIALOGUE):
                dialogue = make(rng, n)
                if dialogue.turns not in seen:
                    seen.add(dialogue.turns)
                    yield dialogue
                if len(seen) == wanted:
                    break

    def scene(
        self, scene: Scene, rng: Rng, values: dict[str, str], phrasings: Callable[[Scene, int], Sequence[str]]
    ) -> StarterDialogue:
        """A scene with these values in its slots; `phrasings` gives the user's phrasings of a step."""
        turns: list[Turn] = []
        accept: tuple[str, ...] = ()
        for number, step in enumerate(scene.steps):
            match step:
                case SceneExchange():
                    asked = fill(rng.draw_without_replacement(phrasings(scene, number)), values)
                    turns += exchange(self.typed(asked, rng), fill(rng.draw_without_replacement(step.bot), values))
                    accept = tuple(fill(answer, values) for answer in (*step.bot, *step.also))
                case IntentExchange():
                    intent = self.starter.intents[rng.choice(step.intents)]
                    turns += self.exchange_of(intent, rng)
                    accept = intent.answers
                case FillerExchanges():
                    for _ in range(rng.randint(step.minimum, step.maximum)):
                        intent = rng.choice(self._intents)
                        turns += self.exchange_of(intent, rng)
                        accept = intent.answers
        return StarterDialogue(tuple(turns), values, accept)

    def exchange_of(self, intent: Intent, rng: Rng) -> list[Turn]:
        """A phrasing to train on, and an answer."""
        phrasings = self.phrasings[intent.name].train
        if rng.random() < ALWAYS_TRAINED_SHARE:
            phrasings = phrasings[:ALWAYS_TRAINED]
        asked = rng.draw_without_replacement(phrasings)
        return exchange(self.typed(asked, rng), rng.draw_without_replacement(intent.answers))

    def typed(self, text: str, rng: Rng) -> str:
        """The text as a user may type it."""
        return add_typing_noise(text, rng) if rng.random() < TYPING_NOISE_SHARE else text

    def train_phrasings(self, scene: Scene, number: int) -> Sequence[str]:
        """The user's phrasings of a step of a scene, in training."""
        return self.scene_phrasings[scene.name, number].train

    def values_of(self, scene: Scene, rng: Rng) -> dict[str, str]:
        """A value for each slot of a scene; a name is one that is trained on."""
        choices = {NAME: self.names.train, **self.starter.slots}
        return {slot: rng.choice(choices[slot]) for slot in sorted(scene.slots())}

    def _single(self, rng: Rng, n: int) -> StarterDialogue:
        intent = self._intents[n % len(self._intents)]
        return StarterDialogue(tuple(self.exchange_of(intent, rng)), accept=intent.answers)

    def _chain(self, rng: Rng, n: int) -> StarterDialogue:
        others = rng.choices(self._intents, k=rng.randint(*CHAIN_LENGTHS) - 1)
        intents = [self._intents[n % len(self._intents)], *others]
        turns = tuple(turn for intent in intents for turn in self.exchange_of(intent, rng))
        return StarterDialogue(turns, accept=intents[-1].answers)

    def _name_scene(self, rng: Rng, n: int) -> StarterDialogue:
        """Cycles through the names, so that as many as possible occur."""
        scene = self.name_scenes[n % len(self.name_scenes)]
        values = self.values_of(scene, rng) | {NAME: self._shuffled_names[n % len(self._shuffled_names)]}
        return self.scene(scene, rng, values, self.train_phrasings)

    def _other_scene(self, rng: Rng, n: int) -> StarterDialogue:
        scene = self.other_scenes[n % len(self.other_scenes)]
        return self.scene(scene, rng, self.values_of(scene, rng), self.train_phrasings)

    def _unknown(self, rng: Rng, n: int) -> StarterDialogue:
        kinds = [*self.unknown.values()]
        by_hand = rng.random() < HAND_WRITTEN_SHARE
        asked = (
            rng.draw_without_replacement(kinds[n % len(kinds)].train)
            if by_hand
            else self.from_template(self.templates.train, rng)
        )
        turns = exchange(self.typed(asked, rng), rng.draw_without_replacement(self.starter.unknown.answers))
        if rng.random() < AFTER_EXCHANGE_SHARE:
            turns = [*self.exchange_of(rng.choice(self._intents), rng), *turns]
        return StarterDialogue(tuple(turns), accept=self.starter.unknown.answers)

    def from_template(self, templates: Sequence[str], rng: Rng) -> str:
        """An out-of-scope question from a template."""
        template = rng.draw_without_replacement(templates)
        return fill(template, {slot: rng.choice(self.starter.unknown.slots[slot]) for slot, _ in slots_in(template)})


def exchange(question: str, answer: str) -> list[Turn]:
    """A user's turn and the bot's."""
    return [Turn("user", question), Turn("assistant", answer)]


def all_names(names: Names, rng: random.Random) -> tuple[str, ...]:
    """Names as they are, names of two syllables that go together, and names of any two: N_NAMES different ones."""
    first, second = names.first, names.second
    syllables = sorted({syllable for name in (*first, *second, *names.whole) for syllable in name})
    found = dict.fromkeys(names.whole)
    possible = len({*names.whole, *(one + two for one in first for two in second)})
    while len(found) < min(possible, N_NAMES * (1 - RANDOM_NAME_SHARE)):
        found[rng.choice(first) + rng.choice(second)] = None
    while len(found) < N_NAMES:
        found[random_syllables(syllables, rng)] = None
    return tuple(found)


def random_syllables(usual: Sequence[str], rng: random.Random) -> str:
    """Two syllables, one in two of them a usual one of names, the others any of Hangul's common ones."""
    return "".join(rng.choice(usual) if rng.random() < 0.5 else rng.choice(COMMON_SYLLABLES) for _ in range(2))
