"""Dialogues that measure what was learnt, each with the name of its measure and the accepted replies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinychat.starter.expanding import NAME, Expansion, Rng, StarterDialogue, exchange
from tinychat.starter.nearness import is_near
from tinychat.starter.particles import slots_in
from tinychat.starter.reading import Intent, Scene, SceneExchange

MAX_PER_MEASURE = 400  # dialogues
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
class EvalDialogue:
    """A dialogue whose last answer is measured.

    accept   the replies that are right
    repeats  its question is trained on, or measured before
    """

    measure: str
    dialogue: StarterDialogue
    accept: tuple[str, ...]
    repeats: bool = False

    def metadata(self) -> dict[str, object]:
        """The dialogue's `metadata` in the corpus."""
        return {"measure": self.measure, "accept": list(self.accept)} | ({"repeats": True} if self.repeats else {})


def evaluation_set(expansion: Expansion) -> Iterator[EvalDialogue]:
    """All dialogues, measure by measure; each group of measures has its own random generator."""
    # The second item is the seed. Other seeds would draw other reference answers.
    makers: list[tuple[Callable[[Expansion, Rng], Iterator[EvalDialogue]], str]] = [
        (_seen, "seen"),
        (_held_out_phrasings, "held_out_ways"),
        (_unknown, "unknown"),
        (_names, "names"),
    ]
    for make, seed in makers:
        yield from make(expansion, expansion.rng(f"measure {seed}"))


def _seen(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    pairs = [
        (intent, phrasing)
        for intent in expansion.starter.intents.values()
        for phrasing in expansion.phrasings[intent.name].train
    ]
    for intent, phrasing in rng.sample(pairs, min(MAX_PER_MEASURE, len(pairs))):
        yield replace(_question("seen", phrasing, intent, rng), repeats=True)


def _held_out_phrasings(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    """Near: all core words occur in phrasings of the same intent that are trained on."""
    unknown = expansion.starter.unknown.answers
    for intent in expansion.starter.intents.values():
        split = expansion.phrasings[intent.name]
        for phrasing in split.test:
            near = is_near(phrasing, split.train)
            yield _question("near" if near else "far", phrasing, intent, rng)
            if near:  # the same question, to count where it is answered as out of scope
                yield EvalDialogue("taken_for_unknown", _dialogue(phrasing, intent, rng), unknown, True)


def _unknown(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    answers = expansion.starter.unknown.answers
    by_hand = [text for split in expansion.unknown.values() for text in split.test]
    templates = expansion.templates.test
    by_template = dict.fromkeys(
        expansion.from_template(templates, rng) for _ in range(MAX_PER_MEASURE // 2 if templates else 0)
    )
    for measure, texts in (("unknown_by_hand", by_hand), ("unknown_by_template", by_template)):
        for text in texts:
            yield EvalDialogue(measure, StarterDialogue(tuple(exchange(text, rng.choice(answers)))), answers)


def _names(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    usual = [name for name in expansion.names.test if _has_ordinary_syllables(expansion, name)]
    scenes = [scene for scene in expansion.name_scenes if isinstance(scene.steps[-1], SceneExchange)]
    last_held_out = _last_held_out(expansion)
    for n in range(MAX_PER_MEASURE // 2 if usual and scenes else 0):
        scene = scenes[n % len(scenes)]
        yield _name_recall("name", expansion, scene, rng.choice(usual), expansion.train_phrasings, rng)
        if last_held_out(scene, len(scene.steps) - 1):
            yield _name_recall("name_asked_anew", expansion, scene, rng.choice(usual), last_held_out, rng)
    other = [name for name in expansion.names.test if name in expansion.starter.names.whole and name not in usual]
    for n in range(MAX_PER_MEASURE // 4 if other and scenes else 0):
        scene = scenes[n % len(scenes)]
        yield _name_recall("name_other", expansion, scene, rng.choice(other), expansion.train_phrasings, rng)
    for name in ODD_NAMES:
        for scene in scenes:
            yield _name_recall("name_odd", expansion, scene, name, expansion.train_phrasings, rng)
    until_name = [scene for scene in map(_until_name_is_given, scenes) if scene is not None]
    for n in range(MAX_PER_MEASURE // 2 if usual and until_name else 0):
        scene = until_name[n % len(until_name)]
        yield _name_recall("name_told", expansion, scene, rng.choice(usual), expansion.train_phrasings, rng)


def _until_name_is_given(scene: Scene) -> Scene | None:
    """The scene up to where the user says the name, and the answer to that; None where only the bot says one."""
    for number, step in enumerate(scene.steps):
        if isinstance(step, SceneExchange) and any(slot == NAME for text in step.user for slot, _ in slots_in(text)):
            return replace(scene, steps=scene.steps[: number + 1])
    return None


def _last_held_out(expansion: Expansion) -> Callable[[Scene, int], Sequence[str]]:
    """Phrasings that are trained on, but held-out ones for the last question."""

    def phrasings(scene: Scene, number: int) -> Sequence[str]:
        split = expansion.scene_phrasings[scene.name, number]
        return split.test if number == len(scene.steps) - 1 else split.train

    return phrasings


def _name_recall(
    measure: str,
    expansion: Expansion,
    scene: Scene,
    name: str,
    phrasings: Callable[[Scene, int], Sequence[str]],
    rng: Rng,
) -> EvalDialogue:
    dialogue = expansion.scene(scene, rng, {**expansion.values_of(scene, rng), NAME: name}, phrasings)
    return EvalDialogue(measure, dialogue, dialogue.accept)


def _has_ordinary_syllables(expansion: Expansion, name: str) -> bool:
    """Whether it is built like the names of most Koreans: 서연, 한별, not 제시카 or 고구마."""
    names = expansion.starter.names
    if name in names.whole:
        return {*name} <= {*names.first, *names.second}
    return len(name) == 2 and name[0] in names.first and name[1] in names.second


def _question(measure: str, phrasing: str, intent: Intent, rng: Rng) -> EvalDialogue:
    return EvalDialogue(measure, _dialogue(phrasing, intent, rng), intent.answers)


def _dialogue(phrasing: str, intent: Intent, rng: Rng) -> StarterDialogue:
    return StarterDialogue(tuple(exchange(phrasing, rng.choice(intent.answers))))
