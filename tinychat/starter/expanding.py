"""The starter corpus expanded: files of intents, scenes and slots become dialogues, always the same ones for a seed.

What is held out, for validation and for the test, is chosen before anything is expanded: phrasings of intents, names,
phrasings in scenes and intents that scenes go on after, out-of-scope questions and statements.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tinychat.corpus.dialogue import Turn
from tinychat.corpus.text_keys import text_key
from tinychat.starter.drawing import Rng
from tinychat.starter.fillers import FillerScenes
from tinychat.starter.holdout import TRAIN, HoldOut, assigned_splits, hold_out, hold_out_by_hash
from tinychat.starter.out_of_scope import OutOfScopeSplit
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import (
    NAME_SLOTS,
    FillerExchanges,
    Intent,
    IntentExchange,
    Names,
    OutOfScopeExchange,
    Scene,
    SceneExchange,
    Starter,
)
from tinychat.starter.typing_noise import add_typing_noise

NAME, OTHER_NAME = NAME_SLOTS
HELD_OUT_SHARE = 0.15
MIN_TOPICS = 4  # a scene that goes on after so many intents, or more, is not trained on after some of them
ALWAYS_TRAINED = 3  # phrasings of an intent, the first in its list, that are never held out
ALWAYS_TRAINED_SHARE = 0.18  # of an intent's questions in one of these phrasings: what most people type first
PHRASINGS_PER_ROUND = 10  # see _as_often_as_phrasings
TYPING_NOISE_SHARE = 0.25  # of the user's turns
N_NAMES = 2400
RANDOM_NAME_SHARE = 0.25
FULL_NAME_SHARE = 0.12  # of the names, with a surname
SURNAMES = (
    *"김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염",
    *("남궁", "황보", "제갈", "선우", "독고"),
)
COMMON_SYLLABLES = tuple(
    char
    for code in range(0xB0A1, 0xC8FF)
    if 0xA1 <= code & 0xFF <= 0xFE
    for char in [code.to_bytes(2, "big").decode("euc_kr")]
)  # the 2,350 syllables of KS X 1001
SHARES = {
    "single": 0.265,
    "chain": 0.110,
    "names": 0.201,
    "scenes": 0.171,
    "unknown": 0.108,
    "statements": 0.109,
    "advice": 0.036,
}
CHAIN_LENGTHS = (2, 5)  # dialogues
CHAIN_SHARES = {
    "single": 0.36,
    "scenes": 0.34,
    "unknown": 0.07,
    "statements": 0.18,
    "advice": 0.05,
}  # of these dialogues
HAND_WRITTEN_SHARE = 0.8  # of what is out of scope; the others are filled templates
FILLERS_OUT_OF_SCOPE_SHARE = 0.36  # of the exchanges between two steps of a scene
FILLER_SCENES_SHARE = 0.5  # of what stands between two steps of a scene: another scene, where it is short enough
MIN_FILLER_SCENES = 20  # where fewer fit, none of them stands there
CONNECTED_SHARE = 0.12  # of the intents' questions that follow another exchange: begin as a change of topic does
CONNECTORS = ("근데", "그나저나", "아 맞다,", "아 참,", "참,", "그건 그렇고", "있잖아,", "티니야,")
# What these begin needs no connector, or has one: greetings, calls, sounds.
NEVER_CONNECTED = re.compile(r"안녕|근데|그나저나|참|아|야|어|음|오|와|응|네|헐|헤|하하|ㅋ|ㅎ|저기|티니|있잖")
AFTER_EXCHANGES_SHARE = 0.5  # of what is out of scope that follows other exchanges
MAX_EXCHANGES_BEFORE = 3
MAX_EXCHANGES = 10
TRIES_PER_DIALOGUE = 4  # a duplicate does not count


@dataclass(frozen=True)
class StarterDialogue:
    """A dialogue's turns, the values of its slots, and all replies to the last question that are right."""

    turns: tuple[Turn, ...]
    slot_values: dict[str, str] = field(default_factory=dict)
    accept: tuple[str, ...] = ()


class Expansion:
    """What is trained on and what is held out, and the training dialogues."""

    def __init__(self, starter: Starter, seed: int) -> None:
        self.starter, self.seed = starter, seed
        self.phrasings = {
            name: hold_out(intent.ask, HELD_OUT_SHARE, seed, ALWAYS_TRAINED) for name, intent in starter.intents.items()
        }
        self.with_details = {
            name: hold_out(intent.with_details, HELD_OUT_SHARE, seed) for name, intent in starter.intents.items()
        }
        self.out_of_scope = {kind: OutOfScopeSplit.of(texts, seed) for kind, texts in starter.out_of_scope.items()}
        self.names = hold_out(all_names(starter.names, self.rng("names")), HELD_OUT_SHARE, seed)
        # By the hash, so that a list that several scenes share is split alike in each. A phrasing that an intent has
        # too (고마워) keeps its split; others that are the first of their list (왜?) are trained on.
        exchanges = [s for scene in starter.scenes.values() for s in scene.steps if isinstance(s, SceneExchange)]
        first = {split_key(step.user[0]): TRAIN for step in exchanges}
        assigned = first | assigned_splits([*self.phrasings.values(), *self.with_details.values()])
        self.scene_phrasings = {
            (scene.name, number): hold_out_by_hash(step.user, HELD_OUT_SHARE, seed, assigned, key=split_key)
            for scene in starter.scenes.values()
            for number, step in enumerate(scene.steps)
            if isinstance(step, SceneExchange)
        }
        self.scene_topics = {
            (scene.name, number): hold_out(
                step.intents, HELD_OUT_SHARE if len(step.intents) >= MIN_TOPICS else 0, seed, valid=0
            )
            for scene in starter.scenes.values()
            for number, step in enumerate(scene.steps)
            if isinstance(step, IntentExchange)
        }
        scenes = [self._without_held_out_topics(scene) for scene in starter.scenes.values()]
        self.name_scenes = [scene for scene in scenes if NAME in scene.slots]
        self.other_scenes = [scene for scene in scenes if NAME not in scene.slots]
        self._weighted_scenes = [scene for scene in self.other_scenes for _ in range(scene.weight)]
        self._filler_scenes = FillerScenes([_without_fillers(scene) for scene in self.other_scenes], scenes)
        self._held_out = {text_key(text) for split in self._splits() for text in split.held_out}
        n_phrasings = {name: len(self.train_phrasings_of(intent)) for name, intent in starter.intents.items()}
        # The first round has each intent once, in order: the number of an intent is its place here too.
        self._intents = [*_as_often_as_phrasings(n_phrasings)]
        self._filler_intents = self._oftener_where_scenes_are_few(scenes, n_phrasings)
        self._shuffled_names = self.rng("names in turn").sample(self.names.train, len(self.names.train))
        self._kinds: dict[str, Callable[[Rng, int], StarterDialogue]] = {
            "single": self._single,
            "chain": self._chain,
        }
        self._kinds |= {kind: partial(self._out_of_scope, split) for kind, split in self.out_of_scope.items()}
        if self.name_scenes:
            self._kinds["names"] = self._name_scene
        if self.other_scenes:
            self._kinds["scenes"] = self._other_scene

    def _splits(self) -> Iterator[HoldOut]:
        """All splits of texts that a user says."""
        yield from (*self.phrasings.values(), *self.with_details.values(), *self.scene_phrasings.values())
        for split in self.out_of_scope.values():
            yield from split.by_hand

    def rng(self, purpose: str) -> Rng:
        """A generator of its own for each purpose, so that one more draw for one changes no other."""
        return Rng(f"{self.seed} {purpose}")

    def training(self, size: int) -> Iterator[StarterDialogue]:
        """About `size` dialogues, all of a kind different: one exchange, several, scenes, out-of-scope questions."""
        left: dict[tuple[object, ...], list[object]] = {}  # for all kinds together, so that each phrasing is drawn
        for kind, make in self._kinds.items():
            rng, wanted = self.rng(kind), round(size * SHARES[kind])
            rng.left = left
            seen: set[tuple[Turn, ...]] = set()
            for n in range(wanted * TRIES_PER_DIALOGUE):
                dialogue = make(rng, n)
                if dialogue.turns not in seen:
                    seen.add(dialogue.turns)
                    yield dialogue
                if len(seen) == wanted:
                    break

    def scene(
        self,
        scene: Scene,
        rng: Rng,
        values: dict[str, str],
        phrasings: Callable[[Scene, int], Sequence[str]],
    ) -> StarterDialogue:
        """A scene with these values in its slots; `phrasings` gives the user's phrasings of a step."""
        turns: list[Turn] = []
        accept: tuple[str, ...] = ()
        for number, step in enumerate(scene.steps):
            match step:
                case SceneExchange():
                    asked = self.filled(rng.draw_without_replacement(phrasings(scene, number)), values, rng)
                    turns += exchange(asked, fill(rng.draw_without_replacement(step.bot), values))
                    accept = tuple(fill(answer, values) for answer in (*step.bot, *step.also))
                case IntentExchange():
                    intent = self.starter.intents[rng.draw_without_replacement(step.intents)]
                    turns += self.exchange_of(intent, rng, step.answers_of(intent), follows=bool(turns))
                    accept = step.answers_of(intent)
                case FillerExchanges():
                    n = rng.randint(step.minimum, step.maximum)
                    fillers = [*self.fillers(rng, n, follows=bool(turns), around=scene)]
                    turns += (turn for filler in fillers for turn in filler.turns)
                    accept = fillers[-1].accept if fillers else accept
                case OutOfScopeExchange():
                    split = self.out_of_scope[step.kind]
                    turns += self.exchange_out_of_scope(split, rng)
                    accept = split.texts.answers
        return StarterDialogue(tuple(turns), values, accept)

    def _oftener_where_scenes_are_few(self, scenes: Sequence[Scene], n_phrasings: Mapping[str, int]) -> list[int]:
        """The numbers of the intents, each as often as in `_intents`, and two or three times as often where few scenes
        begin with it. In the end all phrasings occur about equally often, except the plainest, which occur more often.
        """
        times = dict.fromkeys(self.starter.intents, 0.0)
        steps = ((step, scene.weight) for scene in scenes for step in scene.steps)
        for step, weight in ((step, weight) for step, weight in steps if isinstance(step, IntentExchange)):
            for name in step.intents:
                times[name] += weight / len(step.intents)
        times = {name: n / n_phrasings[name] for name, n in times.items()}
        ranked = sorted(times.values())
        limits = ranked[len(ranked) // 2], ranked[len(ranked) // 4]
        oftener = {name: 1 + sum(times[name] <= limit for limit in limits) for name in times}
        return [n for n, name in enumerate(times) for _ in range(oftener[name] * self._intents.count(name))]

    def _without_held_out_topics(self, scene: Scene) -> Scene:
        """The scene as it is trained on."""
        steps = (
            replace(step, intents=self.scene_topics[scene.name, number].train)
            if isinstance(step, IntentExchange)
            else step
            for number, step in enumerate(scene.steps)
        )
        return replace(scene, steps=tuple(steps))

    def fillers(
        self, rng: Rng, n_exchanges: int, *, follows: bool, around: Scene | None = None
    ) -> Iterator[StarterDialogue]:
        """So many exchanges that stand before or between others: other scenes, single exchanges of any intent, and what
        is out of scope.

        follows  whether something stands before them
        around   the scene in which they stand
        """
        scenes = [around] if around else []
        while n_exchanges:
            scene = self._filler_scene(rng, n_exchanges, scenes)
            if scene is None:
                filler = self._single_filler(rng, follows)
            else:
                filler = self.scene(scene, rng, self.values_of(scene, rng), self.train_phrasings)
                scenes.append(scene)
            yield filler
            n_exchanges -= len(filler.turns) // 2
            follows = True

    def _filler_scene(self, rng: Rng, most: int, around: Sequence[Scene]) -> Scene | None:
        """A scene of at most so many exchanges. None where a single exchange should stand: so it is in some of the
        cases, and where few scenes fit, since each would occur too often: always where one exchange is left.
        """
        if most == 1 or rng.random() >= FILLER_SCENES_SHARE:
            return None
        fitting = self._filler_scenes.fitting(most, around)
        return self._filler_scenes.scenes[rng.draw_rarest(fitting)] if len(fitting) >= MIN_FILLER_SCENES else None

    def _single_filler(self, rng: Rng, follows: bool) -> StarterDialogue:
        """One exchange of any intent, or out of scope."""
        if rng.random() < FILLERS_OUT_OF_SCOPE_SHARE:
            kinds = [*self.out_of_scope]
            split = self.out_of_scope[rng.choices(kinds, [SHARES[kind] for kind in kinds])[0]]
            turns = self.exchange_out_of_scope(split, rng)
            return StarterDialogue(tuple(turns), accept=split.texts.answers)
        return self._single(rng, rng.draw_without_replacement(self._filler_intents), follows=follows)

    def exchange_of(
        self, intent: Intent, rng: Rng, answers: Sequence[str] = (), *, follows: bool = False
    ) -> list[Turn]:
        """A phrasing to train on, and one of these answers (none given: of the intent's). Where it follows another
        exchange, the phrasing may begin as a change of topic does.
        """
        phrasings = self.train_phrasings_of(intent)
        if rng.random() < ALWAYS_TRAINED_SHARE:
            phrasings = phrasings[:ALWAYS_TRAINED]
        changing = connected(rng.choice(phrasings), rng) if follows and rng.random() < CONNECTED_SHARE else None
        if changing is None or text_key(changing) in self._held_out:
            asked = rng.draw_without_replacement(phrasings)
        else:
            asked = changing
        return exchange(self.typed(asked, rng), rng.draw_without_replacement(answers or intent.answers))

    def exchange_out_of_scope(self, split: OutOfScopeSplit, rng: Rng) -> list[Turn]:
        """A text out of scope to train on, written by hand or from a template, and an answer."""
        if rng.random() < HAND_WRITTEN_SHARE:
            said = rng.draw_without_replacement(split.train_by_hand)
        else:
            said = split.from_template(split.templates.train, rng)
        return exchange(self.typed(said, rng), rng.draw_without_replacement(split.texts.answers))

    def filled(self, phrasing: str, values: dict[str, str], rng: Rng) -> str:
        """The phrasing with these values, as a user may type it; what stands in a slot is typed as it is (거야 may be
        typed as 꺼야, but not in 수거야, which tells the name 수거).
        """
        text = fill(phrasing, values)
        typed = self.typed(text, rng)
        told = [values[slot].replace(" ", "") for slot, _ in slots_in(phrasing)]
        return typed if all(value in typed.replace(" ", "") for value in told) else text

    def typed(self, text: str, rng: Rng) -> str:
        """The text as a user may type it."""
        return add_typing_noise(text, rng) if rng.random() < TYPING_NOISE_SHARE else text

    def train_phrasings_of(self, intent: Intent) -> tuple[str, ...]:
        """An intent's phrasings to train on, those with details last."""
        return self.phrasings[intent.name].train + self.with_details[intent.name].train

    def train_phrasings(self, scene: Scene, number: int) -> Sequence[str]:
        """The user's phrasings of a step of a scene, in training."""
        return self.scene_phrasings[scene.name, number].train

    def values_of(self, scene: Scene, rng: Rng) -> dict[str, str]:
        """A value for each slot of a scene; a name is one that is trained on."""
        choices = {**dict.fromkeys(NAME_SLOTS, self.names.train), **self.starter.slots}
        return {slot: rng.choice(choices[slot]) for slot in sorted(scene.slots)}

    def _single(self, rng: Rng, n: int, *, follows: bool = False) -> StarterDialogue:
        intent = self.starter.intents[self._intents[n % len(self._intents)]]
        return StarterDialogue(tuple(self.exchange_of(intent, rng, follows=follows)), accept=intent.answers)

    def _chain(self, rng: Rng, n: int) -> StarterDialogue:
        """One thing after the other, as a talk goes: exchanges of intents, scenes, what is out of scope."""
        numbers = {"single": self._filler_intents, "scenes": range(len(self._weighted_scenes))}
        kinds = [("single", n)]
        for kind in rng.choices([*CHAIN_SHARES], [*CHAIN_SHARES.values()], k=rng.randint(*CHAIN_LENGTHS) - 1):
            kind = kind if kind in self._kinds else "single"
            among = numbers.get(kind)
            kinds.append((kind, rng.draw_without_replacement(among) if among else rng.randrange(10**6)))
        rng.shuffle(kinds)
        parts: list[StarterDialogue] = []
        for kind, number in kinds:
            if kind == "single":
                part = self._single(rng, number, follows=bool(parts))
            else:
                part = self._kinds[kind](rng, number)
            if sum(len(one.turns) for one in (*parts, part)) <= 2 * MAX_EXCHANGES:
                parts.append(part)
        return StarterDialogue(tuple(turn for part in parts for turn in part.turns), accept=parts[-1].accept)

    def _name_scene(self, rng: Rng, n: int) -> StarterDialogue:
        """Cycles through the names, so that as many as possible occur."""
        scene = self.name_scenes[n % len(self.name_scenes)]
        values = self.values_of(scene, rng) | {NAME: self._shuffled_names[n % len(self._shuffled_names)]}
        return self.scene(scene, rng, values, self.train_phrasings)

    def _other_scene(self, rng: Rng, n: int) -> StarterDialogue:
        scene = self._weighted_scenes[n % len(self._weighted_scenes)]
        return self.scene(scene, rng, self.values_of(scene, rng), self.train_phrasings)

    def _out_of_scope(self, split: OutOfScopeSplit, rng: Rng, _: int) -> StarterDialogue:
        turns = self.exchange_out_of_scope(split, rng)
        if rng.random() < AFTER_EXCHANGES_SHARE:
            before = self.fillers(rng, rng.randint(1, MAX_EXCHANGES_BEFORE), follows=False)
            turns = [*(turn for filler in before for turn in filler.turns), *turns]
        return StarterDialogue(tuple(turns), accept=split.texts.answers)


def _as_often_as_phrasings(n_phrasings: Mapping[str, int]) -> Iterator[str]:
    """The names of the intents in rounds: an intent is in as many rounds as it has tens of phrasings. If all were in
    each round, a phrasing of an intent with 60 would occur half as often as one of an intent with 30.
    """
    rounds = {name: max(1, round(n / PHRASINGS_PER_ROUND)) for name, n in n_phrasings.items()}
    for number in range(max(rounds.values(), default=0)):
        yield from (name for name, n in rounds.items() if number < n)


def _without_fillers(scene: Scene) -> Scene:
    """The scene with nothing between its steps, which keep their numbers."""
    steps = (FillerExchanges(0, 0) if isinstance(step, FillerExchanges) else step for step in scene.steps)
    return replace(scene, steps=tuple(steps))


def connected(text: str, rng: random.Random) -> str | None:
    """The text as it changes the topic: 근데 배고파; None where it is one word, a greeting or a sound."""
    if " " not in text or NEVER_CONNECTED.match(text):
        return None
    return f"{rng.choice(CONNECTORS)} {text}"


def split_key(phrasing: str) -> str:
    """Equal for phrasings that must not be in different splits: one name is told as the other is."""
    return text_key(phrasing.replace(f"{{{OTHER_NAME}", f"{{{NAME}"))


def exchange(question: str, answer: str) -> list[Turn]:
    """A user's turn and the bot's."""
    return [Turn("user", question), Turn("assistant", answer)]


def all_names(names: Names, rng: random.Random) -> tuple[str, ...]:
    """Names as they are, names of two syllables that go together, with a surname too, and names of any two: N_NAMES
    different ones.
    """
    first, second = names.first, names.second
    syllables = sorted({syllable for name in (*first, *second, *names.whole) for syllable in name})
    found = dict.fromkeys(names.whole)
    possible = len({*names.whole, *(one + two for one in first for two in second)})
    while len(found) < min(possible, N_NAMES * (1 - RANDOM_NAME_SHARE - FULL_NAME_SHARE)):
        found[rng.choice(first) + rng.choice(second)] = None
    most = len(found) + len(SURNAMES) * possible // 4
    while len(found) < min(most, N_NAMES * (1 - RANDOM_NAME_SHARE)):
        # Half of them have one of the twenty commonest surnames, as nearly four in five people do.
        surname = rng.choice(SURNAMES[:20] if rng.random() < 0.5 else SURNAMES)
        found[surname + rng.choice(first) + rng.choice(second)] = None
    while len(found) < N_NAMES:
        found[random_syllables(syllables, rng)] = None
    return tuple(found)


def random_syllables(usual: Sequence[str], rng: random.Random) -> str:
    """Two syllables, one in two of them a usual one of names, the others any of Hangul's common ones."""
    return "".join(rng.choice(usual) if rng.random() < 0.5 else rng.choice(COMMON_SYLLABLES) for _ in range(2))
