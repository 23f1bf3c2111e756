"""Dialogues that measure what was learnt: each with the name of its measure and the replies that are right."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tinychat.starter.expanding import NAME, Dealer, Expansion, Sample, exchange
from tinychat.starter.nearness import is_near
from tinychat.starter.particles import slots_in
from tinychat.starter.reading import Intent, Scene, SceneExchange

MOST = 400  # dialogues of a measure
ODD_NAMES = (
    "엘사",
    "뽀로로",
    "피카츄",
    "왕감자",
    "제임스",
    "슈퍼맨",
    "또치",
    "루피",
    "크롱",
    "핑핑이",
    "뚱이",
    "몽블랑",
)


@dataclass(frozen=True)
class Measured:
    """A dialogue whose last answer is measured.

    accept   the replies that count
    repeats  its question is trained on, or measured before
    """

    measure: str
    sample: Sample
    accept: tuple[str, ...]
    repeats: bool = False

    def metadata(self) -> dict[str, object]:
        """What stands beside the dialogue in the corpus."""
        return {"measure": self.measure, "accept": list(self.accept)} | ({"repeats": True} if self.repeats else {})


def measured(expansion: Expansion) -> Iterator[Measured]:
    """All of them, measure by measure; each draws from a generator of its own."""
    makers: dict[str, Callable[[Dealer], Iterator[Measured]]] = {
        "seen": partial(_seen, expansion),
        "held_out_ways": partial(_held_out_ways, expansion),
        "unknown": partial(_unknown, expansion),
        "names": partial(_names, expansion),
    }
    for name, make in makers.items():
        yield from make(expansion.rng(f"measure {name}"))


def _seen(expansion: Expansion, rng: Dealer) -> Iterator[Measured]:
    pairs = [
        (intent, way) for intent in expansion.starter.intents.values() for way in expansion.ways[intent.name].train
    ]
    for intent, way in rng.sample(pairs, min(MOST, len(pairs))):
        yield replace(_asked("seen", way, intent, rng), repeats=True)


def _held_out_ways(expansion: Expansion, rng: Dealer) -> Iterator[Measured]:
    """Near: all core words of the way occur in ways of the same intent that are trained on."""
    for intent in expansion.starter.intents.values():
        ways = expansion.ways[intent.name]
        for way in ways.test:
            near = is_near(way, ways.train)
            yield _asked("near" if near else "far", way, intent, rng)
            if near:  # the same question, to count where it is taken for one from outside the world
                yield Measured("taken_for_unknown", _sample(way, intent, rng), expansion.starter.unknown.answers, True)


def _unknown(expansion: Expansion, rng: Dealer) -> Iterator[Measured]:
    answers = expansion.starter.unknown.answers
    by_hand = [text for parts in expansion.unknown.values() for text in parts.test]
    templates = expansion.templates.test
    by_template = dict.fromkeys(expansion.from_template(templates, rng) for _ in range(MOST // 2 if templates else 0))
    for measure, texts in (("unknown_by_hand", by_hand), ("unknown_by_template", by_template)):
        for text in texts:
            yield Measured(measure, Sample(tuple(exchange(text, rng.choice(answers)))), answers)


def _names(expansion: Expansion, rng: Dealer) -> Iterator[Measured]:
    usual = [name for name in expansion.names.test if _is_usual(expansion, name)]
    scenes = [scene for scene in expansion.name_scenes if isinstance(scene.parts[-1], SceneExchange)]
    anew = _last_anew(expansion)
    for n in range(MOST // 2 if usual and scenes else 0):
        scene = scenes[n % len(scenes)]
        yield _remembered("name", expansion, scene, rng.choice(usual), expansion.train_ways, rng)
        if anew(scene, len(scene.parts) - 1):
            yield _remembered("name_asked_anew", expansion, scene, rng.choice(usual), anew, rng)
    other = [name for name in expansion.names.test if name in expansion.starter.names.whole and name not in usual]
    for n in range(MOST // 4 if other and scenes else 0):
        scene = scenes[n % len(scenes)]
        yield _remembered("name_other", expansion, scene, rng.choice(other), expansion.train_ways, rng)
    for name in ODD_NAMES:
        for scene in scenes:
            yield _remembered("name_odd", expansion, scene, name, expansion.train_ways, rng)
    told = [scene for scene in map(_until_told, scenes) if scene is not None]
    for n in range(MOST // 2 if usual and told else 0):
        scene = told[n % len(told)]
        yield _remembered("name_told", expansion, scene, rng.choice(usual), expansion.train_ways, rng)


def _until_told(scene: Scene) -> Scene | None:
    """The scene up to where the user says the name, and the answer to that; None where only the bot says one."""
    for number, part in enumerate(scene.parts):
        if isinstance(part, SceneExchange) and any(slot == NAME for text in part.user for slot, _ in slots_in(text)):
            return replace(scene, parts=scene.parts[: number + 1])
    return None


def _last_anew(expansion: Expansion) -> Callable[[Scene, int], Sequence[str]]:
    """Ways that are trained on, but a held-out one for the last question."""

    def ways(scene: Scene, number: int) -> Sequence[str]:
        parts = expansion.scene_ways[scene.name, number]
        return parts.test if number == len(scene.parts) - 1 else parts.train

    return ways


def _remembered(
    measure: str,
    expansion: Expansion,
    scene: Scene,
    name: str,
    ways: Callable[[Scene, int], Sequence[str]],
    rng: Dealer,
) -> Measured:
    sample = expansion.scene(scene, rng, {**expansion.values_of(scene, rng), NAME: name}, ways)
    return Measured(measure, sample, sample.accept)


def _is_usual(expansion: Expansion, name: str) -> bool:
    """Whether it is a name of ordinary syllables, as those of most Koreans are: 서연, 한별, not 제시카 or 고구마."""
    names = expansion.starter.names
    if name in names.whole:
        return {*name} <= {*names.first, *names.second}
    return len(name) == 2 and name[0] in names.first and name[1] in names.second


def _asked(measure: str, way: str, intent: Intent, rng: Dealer) -> Measured:
    return Measured(measure, _sample(way, intent, rng), intent.answers)


def _sample(way: str, intent: Intent, rng: Dealer) -> Sample:
    return Sample(tuple(exchange(way, rng.choice(intent.answers))))
