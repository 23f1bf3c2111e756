"""The starter corpus as people write it: YAML files of intents, scenes, slots, and what lies outside their scope."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tinychat.errors import InputError, Phrase
from tinychat.starter.particles import PAIRS, slots_in, without_slots

TOPICS, SCENES, SLOTS = "topics", "scenes", "slots.yaml"
OUT_OF_SCOPE_KINDS = ("unknown", "statements", "advice")  # each in a file of this name
HARD_NEGATIVES = "hard_negatives"  # a key in these files, which may be left out
PROMPTS = "prompts.yaml"
MAX_WEIGHT = 100  # of scenes
NAME_SLOTS = ("name", "other_name")  # in scenes: a name of a person, and a second one


@dataclass(frozen=True)
class Intent:
    """An intent: its phrasings, plain (`ask`) and with details of somebody's day, and the answers, each of which fits
    every phrasing.
    """

    name: str
    ask: tuple[str, ...]
    answers: tuple[str, ...]
    with_details: tuple[str, ...] = ()


@dataclass(frozen=True)
class SceneExchange:
    """A step of a scene: phrasings of the user, answers of the bot, and further accepted replies (`also`)."""

    user: tuple[str, ...]
    bot: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class IntentExchange:
    """A step of a scene: an exchange of one of these intents, with one of these answers of it (empty: any of its)."""

    intents: tuple[str, ...]
    answers: tuple[str, ...] = ()

    def answers_of(self, intent: Intent) -> tuple[str, ...]:
        """The answers that the bot may give where the step is of this intent."""
        return tuple(answer for answer in intent.answers if answer in self.answers) if self.answers else intent.answers


@dataclass(frozen=True)
class FillerExchanges:
    """A step of a scene: `minimum` to `maximum` exchanges of any intents."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class OutOfScopeExchange:
    """A step of a scene: an exchange out of scope; `kind` is one of OUT_OF_SCOPE_KINDS."""

    kind: str


SceneStep = SceneExchange | IntentExchange | FillerExchanges | OutOfScopeExchange


@dataclass(frozen=True)
class Scene:
    """A dialogue of several steps. A slot has the same value in all of them.

    weight  how often it is trained on, for each time that a scene of weight 1 is
    """

    name: str
    steps: tuple[SceneStep, ...]
    weight: int = 1

    @cached_property
    def slots(self) -> frozenset[str]:
        """The names of its slots."""
        exchanges = [step for step in self.steps if isinstance(step, SceneExchange)]
        return frozenset(
            name for step in exchanges for text in (*step.user, *step.bot, *step.also) for name, _ in slots_in(text)
        )


@dataclass(frozen=True)
class Names:
    """Given names: as they are, and made of a first and a second syllable."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    whole: tuple[str, ...]


@dataclass(frozen=True)
class OutOfScope:
    """Out-of-scope questions, statements, or questions for advice: by subject, hard negatives by what they are near to,
    templates for more, and the answers, each of which fits all.

    hard_negatives  by any name: what a model took for an intent, mostly for a word of it
    """

    answers: tuple[str, ...]
    ask: Mapping[str, tuple[str, ...]]
    templates: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]
    hard_negatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Starter:
    """All of the starter corpus, not expanded yet. `prompts` show what it is for; they are not trained on as such."""

    intents: Mapping[str, Intent]
    scenes: Mapping[str, Scene]
    names: Names
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    out_of_scope: Mapping[str, OutOfScope] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()


def read_starter(folder: Path) -> Starter:
    """Read `topics/*.yaml`, `scenes/*.yaml` and the YAML files beside these folders in `folder`.

    Raises InputError that names the file, the key, what was found and what would be right.
    """
    if not any((folder / TOPICS).glob("*.yaml")):
        raise InputError(
            "{folder}: no folder {name} with YAML files in it; it is not a starter corpus", folder=folder, name=TOPICS
        )
    slots = _File(folder / SLOTS)
    names = Names(*(slots.texts("name", part) for part in ("first", "second", "whole")))
    others = {key: slots.texts(key) for key in slots.data if key != "name"}
    starter = Starter(
        intents=dict(_intents(sorted((folder / TOPICS).glob("*.yaml")))),
        scenes=dict(_scenes(sorted((folder / SCENES).glob("*.yaml")))),
        names=names,
        slots=others,
        out_of_scope={kind: _out_of_scope(_File(folder / f"{kind}.yaml")) for kind in OUT_OF_SCOPE_KINDS},
        prompts=_File(folder / PROMPTS).plain("prompts"),
    )
    _refuse_unknown_intents(starter, folder)
    return starter


def _intents(paths: Iterable[Path]) -> Iterator[tuple[str, Intent]]:
    for name, file in _named(paths, "intents", Phrase("intent")):
        ask, answers = file.plain("intents", name, "ask"), file.plain("intents", name, "answers")
        detailed = "with_details" in file.mapping("intents", name)
        yield name, Intent(name, ask, answers, file.plain("intents", name, "with_details") if detailed else ())


def _scenes(paths: Iterable[Path]) -> Iterator[tuple[str, Scene]]:
    for name, file in _named(paths, "scenes", Phrase("scene")):
        turns = file.at("scenes", name, "turns")
        if not isinstance(turns, list) or not turns:
            raise InputError("{path}: scenes.{name}.turns must be a list of turns", path=file.path, name=name)
        yield name, Scene(name, tuple(file.step(name, number) for number in range(len(turns))), file.weight(name))


def _named(paths: Iterable[Path], section: str, kind: Phrase) -> Iterator[tuple[str, "_File"]]:
    """The names in a section of these files, each with its file. Raises InputError for a name that two files have."""
    seen: dict[str, Path] = {}
    for path in paths:
        file = _File(path)
        for name in file.mapping(section):
            if name in seen:
                raise InputError(
                    "{path}: the {kind} {name} is in {other} too; rename one of them",
                    path=path,
                    kind=kind,
                    name=name,
                    other=seen[name],
                )
            seen[name] = path
            yield name, file


def _out_of_scope(file: "_File") -> OutOfScope:
    known = ("answers", "ask", HARD_NEGATIVES, "templates", "slots")
    found = OutOfScope(
        answers=file.plain("answers"),
        ask={kind: file.plain("ask", kind) for kind in file.mapping("ask")},
        templates=file.texts("templates"),
        slots={slot: file.texts("slots", slot) for slot in file.mapping("slots")},
        hard_negatives={
            near: file.plain(HARD_NEGATIVES, near)
            for near in (file.mapping(HARD_NEGATIVES) if HARD_NEGATIVES in file.data else ())
        },
    )
    if unknown := [key for key in file.data if key not in known]:
        raise InputError("{path}: unknown key {key}; remove it or correct its name", path=file.path, key=unknown[0])
    for template in found.templates:
        for slot, _ in slots_in(template):
            if slot not in found.slots:
                raise InputError(
                    "{path}: {text!r} has the slot {slot}, which is not under slots",
                    path=file.path,
                    text=template,
                    slot=slot,
                )
    return found


def _refuse_unknown_intents(starter: Starter, folder: Path) -> None:
    for scene in starter.scenes.values():
        for step in scene.steps:
            if isinstance(step, IntentExchange):
                _refuse_unknown_intents_of(step, scene.name, starter, folder)
        if missing := scene.slots - {*NAME_SLOTS, *starter.slots}:
            raise InputError(
                "{folder}: the scene {scene} has the slot {slot}, which {file} lacks",
                folder=folder / SCENES,
                scene=scene.name,
                slot=min(missing),
                file=SLOTS,
            )


def _refuse_unknown_intents_of(step: IntentExchange, scene: str, starter: Starter, folder: Path) -> None:
    """Refuse a step whose intents do not exist, or whose answers are not theirs; each intent has one of the answers."""
    for name in step.intents:
        if name not in starter.intents:
            raise InputError(
                "{folder}: the scene {scene} names the intent {name}, which no file in {topics} has",
                folder=folder / SCENES,
                scene=scene,
                name=name,
                topics=folder / TOPICS,
            )
    known = {answer for name in step.intents for answer in starter.intents[name].answers}
    for answer in step.answers:
        if answer not in known:
            raise InputError(
                "{folder}: the scene {scene} has the answer {text!r}, which no intent of that turn gives; "
                "write it as it stands in {topics}",
                folder=folder / SCENES,
                scene=scene,
                text=answer,
                topics=folder / TOPICS,
            )
    for name in step.intents:
        if not step.answers_of(starter.intents[name]):
            raise InputError(
                "{folder}: the scene {scene} has answers for a turn, and none of the intent {name}; "
                "name one of them, or take the intent away",
                folder=folder / SCENES,
                scene=scene,
                name=name,
            )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a duplicate key is an error; YAML itself would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} occurs twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


class _File:
    """A YAML file whose values are read by their keys; a wrong value raises InputError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            loaded = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        except FileNotFoundError:
            raise InputError("{path}: no such file; a starter corpus has one", path=path) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            fault = " ".join(str(error).split())
            raise InputError("{path}: not valid YAML in UTF-8: {error}", path=path, error=fault) from None
        if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
            raise InputError(
                "{path}: expected names with values under them, found {found:.40}", path=path, found=repr(loaded)
            )
        self.data: dict[str, Any] = loaded

    def at(self, *keys: str) -> Any:
        """The value under these keys."""
        found: Any = self.data
        for n, key in enumerate(keys):
            if not isinstance(found, dict) or key not in found:
                raise InputError("{path}: {key} is missing", path=self.path, key=".".join(keys[: n + 1]))
            found = found[key]
        return found

    def mapping(self, *keys: str) -> dict[str, Any]:
        """A mapping with text keys."""
        found = self.at(*keys)
        if not isinstance(found, dict) or not found or not all(isinstance(key, str) for key in found):
            raise InputError(
                "{path}: {key} must be a mapping of names, found {found:.40}",
                path=self.path,
                key=".".join(keys),
                found=repr(found),
            )
        return found

    def plain(self, *keys: str) -> tuple[str, ...]:
        """A list of texts without slots."""
        found = self.texts(*keys)
        for text in found:
            if slots_in(text):
                raise InputError(
                    "{path}: {key}: {text!r} has a slot, which only scenes and templates may",
                    path=self.path,
                    key=".".join(keys),
                    text=text,
                )
        return found

    def texts(self, *keys: str) -> tuple[str, ...]:
        """A list of texts, with slots and particles that are known."""
        return self.checked(".".join(keys), self.at(*keys))

    def checked(self, where: str, found: object) -> tuple[str, ...]:
        """`found` as texts."""
        if not isinstance(found, list) or not found:
            raise InputError(
                "{path}: {key} must be a list of texts, found {found:.40}", path=self.path, key=where, found=repr(found)
            )
        for text in found:
            if not isinstance(text, str) or not text.strip():
                raise InputError(
                    "{path}: {key} holds {text!r}, which is not text; put it in quotes",
                    path=self.path,
                    key=where,
                    text=text,
                )
            if set(without_slots(text)) & set("{}"):
                raise InputError(
                    "{path}: {key}: {text!r} has a brace that is not a slot; write {{NAME}} or {{NAME:은/는}}",
                    path=self.path,
                    key=where,
                    text=text,
                )
            for _, pair in slots_in(text):
                if pair is not None and pair not in PAIRS:
                    raise InputError(
                        "{path}: {key}: {text!r}: no particle {pair}; there is {pairs}",
                        path=self.path,
                        key=where,
                        text=text,
                        pair=pair,
                        pairs=", ".join(PAIRS),
                    )
        return tuple(found)

    def weight(self, scene: str) -> int:
        """The weight of a scene: its own, or else that of the file, or else 1."""
        where, weight = "weight", self.data.get("weight", 1)
        if "weight" in self.mapping("scenes", scene):
            where = f"scenes.{scene}.weight"
            weight = self.at("scenes", scene, "weight")
        if type(weight) is not int or not 1 <= weight <= MAX_WEIGHT:
            raise InputError(
                "{path}: {key} is {found:.40}; it must be a whole number from 1 to {maximum}",
                path=self.path,
                key=where,
                found=repr(weight),
                maximum=MAX_WEIGHT,
            )
        return weight

    def step(self, scene: str, number: int) -> SceneStep:
        """Step `number` (from 0) of a scene."""
        where, turn = f"scenes.{scene}.turns[{number}]", self.at("scenes", scene, "turns")[number]
        if isinstance(turn, dict) and {"user", "bot"} <= set(turn) <= {"user", "bot", "also"}:
            return SceneExchange(
                *(self.checked(f"{where}.{key}", turn[key]) for key in ("user", "bot", "also") if key in turn)
            )
        if isinstance(turn, dict) and {"intent"} <= set(turn) <= {"intent", "answers"}:
            names = turn["intent"] if isinstance(turn["intent"], list) else [turn["intent"]]
            answers = self.checked(f"{where}.answers", turn["answers"]) if "answers" in turn else ()
            return IntentExchange(self.checked(f"{where}.intent", names), answers)
        if isinstance(turn, dict) and set(turn) == {"between"}:
            match turn["between"]:
                case [int(minimum), int(maximum)] if 0 <= minimum <= maximum:
                    return FillerExchanges(minimum, maximum)
        if isinstance(turn, dict) and set(turn) == {"out_of_scope"} and turn["out_of_scope"] in OUT_OF_SCOPE_KINDS:
            return OutOfScopeExchange(turn["out_of_scope"])
        raise InputError(
            "{path}: {key} is {found:.60}; it must be {{user: […], bot: […]}}, {{intent: NAME}}, "
            "{{between: [MIN, MAX]}} or {{out_of_scope: {kinds}}}",
            path=self.path,
            key=where,
            found=repr(turn),
            kinds=" | ".join(OUT_OF_SCOPE_KINDS),
        )
