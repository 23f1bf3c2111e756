"""The starter corpus expanded: files of intents, scenes and slots become dialogues, always the same ones for a seed.

What is held out, for validation and for the test, is chosen before anything is expanded: ways to ask, names, ways to
ask for a name, questions from outside the bot's world.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tinychat.corpus.dialogue import Turn
from tinychat.starter.dividing import divide, divide_by_hash, settled_parts
from tinychat.starter.habits import as_typed
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import AnyOf, Between, Intent, Names, Scene, SceneExchange, Starter

T = TypeVar("T")

NAME = "name"
HELD_OUT = 0.15
HELD_OUT_UNKNOWN = 0.20
PLAINEST = 3  # ways of an intent, the first in its list, that are always trained on
PLAIN = 0.18  # share of an intent's questions that are asked in one of these: what most people type first
TYPED = 0.25  # share of the user's turns that are as people type
N_NAMES = 2400
RANDOM_NAMES = 0.3
COMMON = tuple(
    char
    for code in range(0xB0A1, 0xC8FF)
    if 0xA1 <= code & 0xFF <= 0xFE
    for char in [code.to_bytes(2, "big").decode("euc_kr")]
)  # the 2,350 syllables of KS X 1001
SHARES = {"single": 0.44, "chain": 0.12, "names": 0.21, "scenes": 0.10, "unknown": 0.13}
CHAIN = (
    2,
    6,
)  # exchanges: a chat grows longer than any single question, and each one costs the same in a long dialogue
BY_HAND = 0.6  # share of the questions from outside that were written one by one
AFTER_SOMETHING = 0.3  # share of them that are asked after another exchange
TRIES = 4  # for each dialogue that is wanted: a draw that was there already gives none


@dataclass(frozen=True)
class Sample:
    """A dialogue's turns, what stands in its slots, and all replies to the last question that are right."""

    turns: tuple[Turn, ...]
    values: dict[str, str] = field(default_factory=dict)
    accept: tuple[str, ...] = ()


class Dealer(random.Random):
    """A generator that also deals: each of some items comes once before one of them comes again.

    Of 30 ways to ask that are drawn 100 times by chance, one is never drawn, and three are drawn once.
    """

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._left: dict[tuple[object, ...], list[object]] = {}

    def deal(self, items: Sequence[T]) -> T:
        """The next of these; each list of items is dealt for itself."""
        left: list[T] = self._left.setdefault(tuple(items), [])  # type: ignore[assignment]
        if not left:
            left += self.sample(items, len(items))
        return left.pop()


class Expansion:
    """What is trained on and what is held out, and the training dialogues."""

    def __init__(self, starter: Starter, seed: int) -> None:
        self.starter, self.seed = starter, seed
        self.ways = {name: divide(intent.ask, HELD_OUT, seed, PLAINEST) for name, intent in starter.intents.items()}
        self.unknown = {kind: divide(texts, HELD_OUT_UNKNOWN, seed) for kind, texts in starter.unknown.ask.items()}
        self.templates = divide(starter.unknown.templates, HELD_OUT_UNKNOWN, seed)
        self.names = divide(all_names(starter.names, self.rng("names")), HELD_OUT, seed)
        # By the hash: a list of ways that several scenes share is divided in the same way in each. A way that an intent
        # has too (고마워) is held out where it is held out there.
        settled = settled_parts(self.ways.values())
        self.scene_ways = {
            (scene.name, number): divide_by_hash(part.user, HELD_OUT, seed, settled)
            for scene in starter.scenes.values()
            for number, part in enumerate(scene.parts)
            if isinstance(part, SceneExchange)
        }
        self.name_scenes = [scene for scene in starter.scenes.values() if NAME in scene.slots()]
        self.other_scenes = [scene for scene in starter.scenes.values() if NAME not in scene.slots()]
        self._intents = [*starter.intents.values()]
        self._names_in_turn = self.rng("names in turn").sample(self.names.train, len(self.names.train))
        self._kinds: dict[str, Callable[[Dealer, int], Sample]] = {
            "single": self._single,
            "chain": self._chain,
            "unknown": self._unknown,
        }
        if self.name_scenes:
            self._kinds["names"] = self._name_scene
        if self.other_scenes:
            self._kinds["scenes"] = self._other_scene

    def rng(self, purpose: str) -> Dealer:
        """A generator of its own for each purpose, so that one more of something changes nothing else."""
        return Dealer(f"{self.seed} {purpose}")

    def training(self, size: int) -> Iterator[Sample]:
        """About `size` dialogues, all different: of one exchange, of several, of scenes, from outside the world."""
        for kind, make in self._kinds.items():
            rng, wanted = self.rng(kind), round(size * SHARES[kind])
            seen: set[tuple[Turn, ...]] = set()
            for n in range(wanted * TRIES):
                sample = make(rng, n)
                if sample.turns not in seen:
                    seen.add(sample.turns)
                    yield sample
                if len(seen) == wanted:
                    break

    def scene(
        self, scene: Scene, rng: Dealer, values: dict[str, str], ways: Callable[[Scene, int], Sequence[str]]
    ) -> Sample:
        """A scene with these values in its slots; `ways` gives what the user may say at a place."""
        turns: list[Turn] = []
        accept: tuple[str, ...] = ()
        for number, part in enumerate(scene.parts):
            match part:
                case SceneExchange():
                    asked = fill(rng.deal(ways(scene, number)), values)
                    turns += exchange(self.typed(asked, rng), fill(rng.deal(part.bot), values))
                    accept = tuple(fill(answer, values) for answer in (*part.bot, *part.also))
                case AnyOf():
                    intent = self.starter.intents[rng.choice(part.intents)]
                    turns += self.exchange_of(intent, rng)
                    accept = intent.answers
                case Between():
                    for _ in range(rng.randint(part.least, part.most)):
                        intent = rng.choice(self._intents)
                        turns += self.exchange_of(intent, rng)
                        accept = intent.answers
        return Sample(tuple(turns), values, accept)

    def exchange_of(self, intent: Intent, rng: Dealer) -> list[Turn]:
        """A way to ask that is trained on, and an answer."""
        ways = self.ways[intent.name].train
        asked = rng.deal(ways[:PLAINEST] if rng.random() < PLAIN else ways)
        return exchange(self.typed(asked, rng), rng.deal(intent.answers))

    def typed(self, text: str, rng: Dealer) -> str:
        """The text as a user may type it."""
        return as_typed(text, rng) if rng.random() < TYPED else text

    def train_ways(self, scene: Scene, number: int) -> Sequence[str]:
        """What the user may say at a place of a scene, in training."""
        return self.scene_ways[scene.name, number].train

    def values_of(self, scene: Scene, rng: Dealer) -> dict[str, str]:
        """A value for each slot of a scene; a name is one that is trained on."""
        choices = {NAME: self.names.train, **self.starter.slots}
        return {slot: rng.choice(choices[slot]) for slot in sorted(scene.slots())}

    def _single(self, rng: Dealer, n: int) -> Sample:
        intent = self._intents[n % len(self._intents)]
        return Sample(tuple(self.exchange_of(intent, rng)), accept=intent.answers)

    def _chain(self, rng: Dealer, n: int) -> Sample:
        others = rng.choices(self._intents, k=rng.randint(*CHAIN) - 1)
        intents = [self._intents[n % len(self._intents)], *others]
        turns = tuple(turn for intent in intents for turn in self.exchange_of(intent, rng))
        return Sample(turns, accept=intents[-1].answers)

    def _name_scene(self, rng: Dealer, n: int) -> Sample:
        """The names take turns, so that as many as can be are heard."""
        scene = self.name_scenes[n % len(self.name_scenes)]
        values = self.values_of(scene, rng) | {NAME: self._names_in_turn[n % len(self._names_in_turn)]}
        return self.scene(scene, rng, values, self.train_ways)

    def _other_scene(self, rng: Dealer, n: int) -> Sample:
        scene = self.other_scenes[n % len(self.other_scenes)]
        return self.scene(scene, rng, self.values_of(scene, rng), self.train_ways)

    def _unknown(self, rng: Dealer, n: int) -> Sample:
        kinds = [*self.unknown.values()]
        by_hand = rng.random() < BY_HAND
        asked = rng.deal(kinds[n % len(kinds)].train) if by_hand else self.from_template(self.templates.train, rng)
        turns = exchange(self.typed(asked, rng), rng.deal(self.starter.unknown.answers))
        if rng.random() < AFTER_SOMETHING:
            turns = [*self.exchange_of(rng.choice(self._intents), rng), *turns]
        return Sample(tuple(turns), accept=self.starter.unknown.answers)

    def from_template(self, templates: Sequence[str], rng: Dealer) -> str:
        """A question from outside the world, of a template."""
        template = rng.deal(templates)
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
    while len(found) < min(possible, N_NAMES * (1 - RANDOM_NAMES)):
        found[rng.choice(first) + rng.choice(second)] = None
    while len(found) < N_NAMES:
        found[random_syllables(syllables, rng)] = None
    return tuple(found)


def random_syllables(usual: Sequence[str], rng: random.Random) -> str:
    """Two syllables, one in two of them a usual one of names, the others any of Hangul's common ones."""
    return "".join(rng.choice(usual) if rng.random() < 0.5 else rng.choice(COMMON) for _ in range(2))
