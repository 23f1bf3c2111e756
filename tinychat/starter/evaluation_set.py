"""Dialogues that measure what was learnt, each with the name of its measure and the accepted replies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tinychat.corpus.text_keys import text_key
from tinychat.starter.drawing import Rng
from tinychat.starter.expanding import (
    MAX_EXCHANGES_BEFORE,
    NAME,
    OTHER_NAME,
    Expansion,
    StarterDialogue,
    exchange,
)
from tinychat.starter.nearness import is_near
from tinychat.starter.out_of_scope import OutOfScopeSplit
from tinychat.starter.particles import slots_in
from tinychat.starter.reading import Intent, IntentExchange, Scene, SceneExchange

MAX_PER_MEASURE = 400  # dialogues
FOLLOW_UPS_PER_SCENE = 4
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
        (_with_details, "with details"),
        (_follow_ups, "follow-ups"),
        (partial(_out_of_scope, "unknown", "unknown"), "unknown"),
        (partial(_out_of_scope, "statement", "statements"), "statements"),
        (partial(_out_of_scope, "advice", "advice"), "advice"),
        (_hard_negatives, "hard negatives"),
        (_later, "later in a talk"),
        (_names, "names"),
    ]
    for make, seed in makers:
        yield from make(expansion, expansion.rng(f"measure {seed}"))


def _seen(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    pairs = [
        (intent, phrasing)
        for intent in expansion.starter.intents.values()
        for phrasing in (*expansion.phrasings[intent.name].train, *expansion.with_details[intent.name].train)
    ]
    for intent, phrasing in rng.sample(pairs, min(MAX_PER_MEASURE, len(pairs))):
        yield replace(_question("seen", phrasing, intent, rng), repeats=True)


def _held_out_phrasings(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    """Near: all core words occur in phrasings of the same intent that are trained on."""
    unknown = expansion.starter.out_of_scope["unknown"].answers
    for intent in expansion.starter.intents.values():
        split = expansion.phrasings[intent.name]
        for phrasing in split.test:
            near = is_near(phrasing, split.train)
            yield _question("near" if near else "far", phrasing, intent, rng)
            if near:  # the same question, to count where it is answered as out of scope
                yield EvalDialogue("taken_for_unknown", _dialogue(phrasing, intent, rng), unknown, True)


def _with_details(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    pairs = [
        (intent, phrasing)
        for intent in expansion.starter.intents.values()
        for phrasing in expansion.with_details[intent.name].test
    ]
    for intent, phrasing in rng.sample(pairs, min(MAX_PER_MEASURE, len(pairs))):
        yield _question("with_details", phrasing, intent, rng)


def _follow_ups(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    """What goes on after an answer: in a phrasing that is held out, or after an intent that is held out there."""
    scenes = [scene for scene in expansion.other_scenes if isinstance(scene.steps[-1], SceneExchange)]
    last_held_out, last_exchanges = _last_held_out(expansion), _last_exchanges(expansion)
    new = [scene for scene in scenes if last_held_out(scene, len(scene.steps) - 1)]
    for n in range(min(MAX_PER_MEASURE, FOLLOW_UPS_PER_SCENE * len(new))):
        yield _follow_up("follow_up", expansion, new[n % len(new)], last_held_out, last_exchanges, rng)
    pairs = [(scene, topic) for scene in scenes for topic in _new_topics(expansion, scene)]
    for scene, topic in pairs * FOLLOW_UPS_PER_SCENE:
        before = replace(_before_last(scene), intents=(topic,))
        after_topic = replace(scene, steps=(*scene.steps[:-2], before, scene.steps[-1]))
        yield _follow_up("follow_up_new_topic", expansion, after_topic, expansion.train_phrasings, last_exchanges, rng)


@dataclass(frozen=True)
class _LastExchange:
    """The last exchange of a scene: what the bot may say before it, the keys of what the user says, and the replies
    that are right.
    """

    before: frozenset[str]
    asked: frozenset[str]
    right: tuple[str, ...]


def _last_exchanges(expansion: Expansion) -> list[_LastExchange]:
    """Those of all scenes that end in an exchange which is written out."""
    return [
        _LastExchange(
            frozenset(_answers_before_last(expansion, scene)), frozenset(map(text_key, last.user)), last.bot + last.also
        )
        for scene in expansion.starter.scenes.values()
        if isinstance(last := scene.steps[-1], SceneExchange)
    ]


def _follow_up(
    measure: str,
    expansion: Expansion,
    scene: Scene,
    phrasings: Callable[[Scene, int], Sequence[str]],
    last_exchanges: Sequence[_LastExchange],
    rng: Rng,
) -> EvalDialogue:
    """A scene's dialogue; right is too what another scene answers to the same words after the same answer."""
    dialogue = expansion.scene(scene, rng, expansion.values_of(scene, rng), phrasings)
    asked, before = text_key(dialogue.turns[-2].content), {turn.content for turn in dialogue.turns[-3:-2]}
    same = (last.right for last in last_exchanges if asked in last.asked and before & last.before)
    accept = dict.fromkeys([*dialogue.accept, *(answer for answers in same for answer in answers)])
    return EvalDialogue(measure, dialogue, tuple(accept))


def _before_last(scene: Scene) -> IntentExchange:
    """The step before the last where it is of intents; one of no intents where it is none."""
    step = scene.steps[-2] if len(scene.steps) > 1 else None
    return step if isinstance(step, IntentExchange) else IntentExchange(())


def _answers_before_last(expansion: Expansion, scene: Scene) -> list[str]:
    """What the bot may say before a scene's last question where that step is of intents."""
    step = _before_last(scene)
    return [answer for name in step.intents for answer in step.answers_of(expansion.starter.intents[name])]


def _new_topics(expansion: Expansion, scene: Scene) -> list[str]:
    """The intents after which a scene's last question is not trained on, nor in a scene with mostly the same words."""
    if not _before_last(scene).intents:
        return []
    asked = _last_phrasings(scene)
    trained = {
        intent
        for other in expansion.other_scenes
        if len(asked & _last_phrasings(other)) > len(asked) / 2
        for intent in _before_last(other).intents
    }
    held_out = expansion.scene_topics[scene.name, len(scene.steps) - 2].test
    return [intent for intent in held_out if intent not in trained]


def _last_phrasings(scene: Scene) -> set[str]:
    last = scene.steps[-1]
    return {*last.user} if isinstance(last, SceneExchange) else set()


def _later(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    """Texts out of scope after one to three other exchanges, and phrasings of intents."""
    for name, split in expansion.out_of_scope.items():
        texts = _by_hand(split)
        for text in rng.sample(texts, min(len(texts), MAX_PER_MEASURE // 4)):
            yield _after_others(f"{name}_later", text, split.texts.answers, expansion, rng)
    pairs = [
        (text, intent.answers)
        for intent in expansion.starter.intents.values()
        for text in expansion.phrasings[intent.name].test
        if is_near(text, expansion.phrasings[intent.name].train)
    ]
    for text, answers in rng.sample(pairs, min(len(pairs), MAX_PER_MEASURE // 2)):
        yield _after_others("near_later", text, answers, expansion, rng)


def _after_others(measure: str, text: str, answers: Sequence[str], expansion: Expansion, rng: Rng) -> EvalDialogue:
    before = expansion.fillers(rng, rng.randint(1, MAX_EXCHANGES_BEFORE), follows=False)
    turns = [*(turn for filler in before for turn in filler.turns), *exchange(text, rng.choice(answers))]
    return EvalDialogue(measure, StarterDialogue(tuple(turns)), tuple(answers), True)


def _by_hand(split: OutOfScopeSplit) -> list[str]:
    return [text for texts in split.by_subject.values() for text in texts.test]


def _out_of_scope(name: str, kind: str, expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    split = expansion.out_of_scope[kind]
    answers = split.texts.answers
    by_hand = _by_hand(split)
    templates = split.templates.test
    by_template = dict.fromkeys(
        split.from_template(templates, rng) for _ in range(MAX_PER_MEASURE // 2 if templates else 0)
    )
    for measure, texts in ((f"{name}_by_hand", by_hand), (f"{name}_by_template", by_template)):
        for text in texts:
            yield EvalDialogue(measure, StarterDialogue(tuple(exchange(text, rng.choice(answers)))), answers)


def _hard_negatives(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    """Out-of-scope texts of all kinds that an earlier model took for an intent."""
    for split in expansion.out_of_scope.values():
        answers = split.texts.answers
        for texts in split.hard_negatives.values():
            for text in texts.test:
                turns = tuple(exchange(text, rng.choice(answers)))
                yield EvalDialogue("hard_negative", StarterDialogue(turns), answers)


def _names(expansion: Expansion, rng: Rng) -> Iterator[EvalDialogue]:
    usual = [name for name in expansion.names.test if has_ordinary_syllables(expansion, name)]
    ending = [scene for scene in expansion.name_scenes if isinstance(scene.steps[-1], SceneExchange)]
    scenes = [scene for scene in ending if OTHER_NAME not in scene.slots]
    corrected = [scene for scene in ending if OTHER_NAME in scene.slots]
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
    for n in range(MAX_PER_MEASURE // 2 if usual and corrected else 0):
        scene = corrected[n % len(corrected)]
        yield _name_recall("name_corrected", expansion, scene, rng.choice(usual), expansion.train_phrasings, rng)
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


def has_ordinary_syllables(expansion: Expansion, name: str) -> bool:
    """Whether it is built like the names of most Koreans: 서연, 한별, not 제시카 or 고구마."""
    names = expansion.starter.names
    if name in names.whole:
        return {*name} <= {*names.first, *names.second}
    return len(name) == 2 and name[0] in names.first and name[1] in names.second


def _question(measure: str, phrasing: str, intent: Intent, rng: Rng) -> EvalDialogue:
    return EvalDialogue(measure, _dialogue(phrasing, intent, rng), intent.answers)


def _dialogue(phrasing: str, intent: Intent, rng: Rng) -> StarterDialogue:
    return StarterDialogue(tuple(exchange(phrasing, rng.choice(intent.answers))))
