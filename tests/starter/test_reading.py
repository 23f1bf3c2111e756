import re
from pathlib import Path
from typing import Any

import pytest

from tinychat.errors import InputError
from tinychat.starter.evaluation_set import evaluation_set
from tinychat.starter.expanding import Expansion
from tinychat.starter.particles import PAIRS
from tinychat.starter.reading import FillerExchanges, IntentExchange, SceneExchange, read_starter

FILES = ["topics/food.yaml", "scenes/names.yaml", "slots.yaml", "unknown.yaml", "statements.yaml"]


def refused(path: Path, file: str, *expected: str) -> None:
    """Reading fails, and the message names the file and all of `expected`."""
    with pytest.raises(InputError) as error:
        read_starter(path)
    assert str(error.value).startswith(f"{path / file}:")
    assert all(text in str(error.value) for text in expected), error.value


def test_the_files_are_read_as_they_stand(folder: Any) -> None:
    starter = read_starter(folder.write())
    assert list(starter.intents) == ["hungry", "thirsty", "happy"]
    assert starter.intents["hungry"].ask == ("배고파", "나 배고파", "너무 배고파")
    assert starter.intents["happy"].answers == ("저도 신나요!",)
    recall, more = starter.scenes["recall"], starter.scenes["more"]
    assert [type(part) for part in recall.steps] == [SceneExchange, FillerExchanges, SceneExchange]
    assert recall.steps[1] == FillerExchanges(0, 1)
    assert recall.slots == {"name"}
    assert more.steps[0] == IntentExchange(("hungry",))
    assert more.slots == set()
    assert starter.names.whole == ("별", "하늘")
    assert starter.slots == {"food": ("밥", "국수")}
    assert starter.out_of_scope["unknown"].slots["city"] == ("서울", "부산", "제주")
    assert starter.out_of_scope["statements"].answers == ("그렇군요. 더 들려주세요!", "그래서 어떻게 됐어요?")


def test_a_turn_may_be_of_several_intents(folder: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["turns"][0] = {"intent": ["hungry", "happy"]}
    assert read_starter(folder.write()).scenes["more"].steps[0] == IntentExchange(("hungry", "happy"))


def test_a_turn_of_an_intent_may_name_the_answers_that_the_bot_gives_there(folder: Any) -> None:
    turn = {"intent": ["hungry", "thirsty"], "answers": ["얼른 드세요!", "물 한 잔 드세요!"]}
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["turns"][0] = turn
    starter = read_starter(folder.write())
    step = starter.scenes["more"].steps[0]
    assert step == IntentExchange(("hungry", "thirsty"), ("얼른 드세요!", "물 한 잔 드세요!"))
    assert step.answers_of(starter.intents["hungry"]) == ("얼른 드세요!",)
    assert IntentExchange(("hungry",)).answers_of(starter.intents["hungry"]) == ("뭐라도 드세요!", "얼른 드세요!")


def test_an_answer_that_the_intents_of_its_turn_do_not_give_is_refused(folder: Any) -> None:
    turn = {"intent": "hungry", "answers": ["얼른 드세요!", "물 한 잔 드세요!"]}
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["turns"][0] = turn
    refused(
        folder.write(), "scenes", "the scene more has the answer '물 한 잔 드세요!', which no intent of that turn gives"
    )


def test_an_intent_without_one_of_the_answers_of_its_turn_is_refused(folder: Any) -> None:
    turn = {"intent": ["hungry", "happy"], "answers": ["얼른 드세요!"]}
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["turns"][0] = turn
    refused(folder.write(), "scenes", "the scene more has answers for a turn, and none of the intent happy")


def test_scenes_may_be_missing(folder: Any) -> None:
    del folder.contents["scenes/names.yaml"]
    starter = read_starter(folder.write())
    assert starter.scenes == {}
    expansion = Expansion(starter, 0)
    assert list(expansion.training(100))
    assert "name" not in {one.measure for one in evaluation_set(expansion)}


@pytest.mark.parametrize("name", ["slots.yaml", "unknown.yaml", "statements.yaml"])
def test_a_missing_file_is_named(folder: Any, name: str) -> None:
    del folder.contents[name]
    refused(folder.write(), name, "no such file")


def test_a_folder_without_topics_is_no_starter_corpus(folder: Any) -> None:
    for name in ("topics/food.yaml", "topics/mood.yaml"):
        del folder.contents[name]
    path = folder.write()
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: no folder topics with YAML files in it"):
        read_starter(path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "text",
    ["intents:\n  hungry: [배고파\n", "a: b: c", b"\xff\xfe\x00", b"a: \xb9\xe8"],
    ids=["an open bracket", "two colons", "no UTF-8", "CP949"],
)
def test_what_is_no_yaml_is_named(folder: Any, name: str, text: str | bytes) -> None:
    path = folder.write()
    folder.lay(name, text)
    refused(path, name, "not valid YAML in UTF-8")


def test_a_fault_of_yaml_tells_the_line(folder: Any) -> None:
    path = folder.write()
    folder.lay("topics/food.yaml", "intents:\n  hungry:\n    ask: [배고파\n    answers: [드세요!]\n")
    refused(path, "topics/food.yaml", "line 4")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", ["", "- 배고파\n", "배고파\n", "1: 배고파\n"])
def test_a_file_that_holds_no_names_is_refused(folder: Any, name: str, text: str) -> None:
    path = folder.write()
    folder.lay(name, text)
    refused(path, name, "expected names with values under them")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("topics/food.yaml", "intents"),
        ("topics/food.yaml", "intents.hungry.ask"),
        ("topics/food.yaml", "intents.thirsty.answers"),
        ("scenes/names.yaml", "scenes"),
        ("scenes/names.yaml", "scenes.recall.turns"),
        ("slots.yaml", "name"),
        ("slots.yaml", "name.first"),
        ("slots.yaml", "name.second"),
        ("slots.yaml", "name.whole"),
        ("unknown.yaml", "answers"),
        ("unknown.yaml", "ask"),
        ("unknown.yaml", "templates"),
        ("unknown.yaml", "slots"),
        ("statements.yaml", "answers"),
    ],
)
def test_what_is_missing_is_named_by_its_keys(folder: Any, name: str, keys: str) -> None:
    *path, last = keys.split(".")
    at = folder.contents[name]
    for key in path:
        at = at[key]
    del at[last]
    at["other"] = {}  # so that the file is not empty
    refused(folder.write(), name, f"{keys} is missing")


def test_hard_negatives_may_be_missing_and_are_read_as_they_stand(folder: Any) -> None:
    food = folder.contents["unknown.yaml"]["hard_negatives"]["food"]
    starter = read_starter(folder.write())
    assert starter.out_of_scope["unknown"].hard_negatives == {"food": tuple(food)}
    assert starter.out_of_scope["statements"].hard_negatives == {}


@pytest.mark.parametrize("wrong", [None, {}, [], "배고파", {1: ["배고파"]}])
def test_hard_negatives_are_lists_by_name(folder: Any, wrong: Any) -> None:
    folder.contents["unknown.yaml"]["hard_negatives"] = wrong
    refused(folder.write(), "unknown.yaml", "hard_negatives must be a mapping of names")


def test_a_misspelt_key_is_refused(folder: Any) -> None:
    folder.contents["advice.yaml"]["hard_negative"] = {"food": ["뭘 먹을까"]}
    refused(folder.write(), "advice.yaml", "unknown key hard_negative")


@pytest.mark.parametrize("wrong", ["배고파", {"하나": "배고파"}, [], None, 3])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("topics/food.yaml", "intents.hungry.ask"),
        ("topics/food.yaml", "intents.hungry.answers"),
        ("slots.yaml", "name.whole"),
        ("slots.yaml", "food"),
        ("unknown.yaml", "answers"),
        ("unknown.yaml", "ask.facts"),
        ("unknown.yaml", "hard_negatives.food"),
        ("unknown.yaml", "templates"),
        ("unknown.yaml", "slots.city"),
    ],
)
def test_what_is_no_list_of_texts_is_named_by_its_keys(folder: Any, name: str, keys: str, wrong: Any) -> None:
    *path, last = keys.split(".")
    at = folder.contents[name]
    for key in path:
        at = at[key]
    at[last] = wrong
    refused(folder.write(), name, f"{keys} must be a list of texts")


@pytest.mark.parametrize(
    ("wrong", "shown"), [(3, "3"), (True, "True"), (None, "None"), ("  ", "'  '"), ({"가": 1}, "{'가': 1}")]
)
def test_a_list_holds_texts_only(folder: Any, wrong: Any, shown: str) -> None:
    folder.contents["topics/food.yaml"]["intents"]["hungry"]["ask"].append(wrong)
    refused(
        folder.write(), "topics/food.yaml", f"intents.hungry.ask holds {shown}, which is not text; put it in quotes"
    )


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("topics/food.yaml", "intents"),
        ("scenes/names.yaml", "scenes"),
        ("unknown.yaml", "ask"),
        ("unknown.yaml", "slots"),
    ],
)
@pytest.mark.parametrize("wrong", [["배고파"], "배고파", {}, {1: ["배고파"]}])
def test_what_is_no_mapping_of_names_is_named_by_its_key(folder: Any, name: str, keys: str, wrong: Any) -> None:
    folder.contents[name][keys] = wrong
    refused(folder.write(), name, f"{keys} must be a mapping of names")


@pytest.mark.parametrize("turns", [[], "안녕", {"user": ["안녕"], "bot": ["네!"]}, None])
def test_the_turns_of_a_scene_are_a_list(folder: Any, turns: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"] = turns
    refused(folder.write(), "scenes/names.yaml", "scenes.recall.turns must be a list of turns")


@pytest.mark.parametrize(
    "turn",
    [
        "안녕",
        {"user": ["안녕"]},
        {"user": ["안녕"], "bot": ["네!"], "intent": "hungry"},
        {"answers": ["네!"]},
        {"intent": "hungry", "answers": ["얼른 드세요!"], "bot": ["네!"]},
        {"between": 2},
        {"between": [2, 1]},
        {"between": [-1, 1]},
        {"between": ["0", "1"]},
        {"between": [0, 1, 2]},
        {"says": ["안녕"]},
    ],
)
def test_a_turn_that_is_none_of_the_three_kinds_is_named_by_its_place(folder: Any, turn: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"][1] = turn
    refused(folder.write(), "scenes/names.yaml", "scenes.recall.turns[1] is", "{user: […], bot: […]}")


@pytest.mark.parametrize("side", ["user", "bot"])
def test_a_turn_of_a_scene_holds_texts_only(folder: Any, side: str) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"][2][side] = [7]
    refused(folder.write(), "scenes/names.yaml", f"scenes.recall.turns[2].{side} holds 7")


def test_a_scene_has_its_own_weight_or_that_of_its_file(folder: Any) -> None:
    assert {scene.weight for scene in read_starter(folder.write()).scenes.values()} == {1}
    folder.contents["scenes/names.yaml"]["weight"] = 3
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["weight"] = 2
    weights = {name: scene.weight for name, scene in read_starter(folder.write()).scenes.items()}
    assert weights == {"recall": 3, "more": 2}


@pytest.mark.parametrize("weight", [0, -1, 1.5, True, "2", None, [1], 101])
def test_a_weight_that_is_no_whole_number_is_refused(folder: Any, weight: Any) -> None:
    folder.contents["scenes/names.yaml"]["weight"] = weight
    refused(folder.write(), "scenes/names.yaml", "weight", repr(weight), "from 1 to 100")


def test_a_scene_with_an_unknown_intent_is_refused(folder: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["more"]["turns"][0] = {"intent": ["hungry", "sleepy"]}
    refused(folder.write(), "scenes", "the scene more names the intent sleepy", "topics")


def test_a_scene_with_an_unknown_slot_is_refused(folder: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"][2]["bot"] = ["{pet:이에요/예요}!"]
    refused(folder.write(), "scenes", "the scene recall has the slot pet", "slots.yaml")


def test_a_template_with_an_unknown_slot_is_refused(folder: Any) -> None:
    folder.contents["unknown.yaml"]["templates"].append("{country} 수도는?")
    refused(folder.write(), "unknown.yaml", "'{country} 수도는?' has the slot country")


def test_an_unknown_particle_is_refused_with_those_that_there_are(folder: Any) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"][0]["user"].append("나는 {name:이여/여}")
    refused(folder.write(), "scenes/names.yaml", "scenes.recall.turns[0].user", "no particle 이여/여", "은/는, 이/가")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("topics/food.yaml", "intents.hungry.ask"),
        ("topics/food.yaml", "intents.hungry.answers"),
        ("unknown.yaml", "ask.facts"),
        ("unknown.yaml", "answers"),
    ],
)
def test_a_slot_where_nothing_fills_it_is_refused(folder: Any, name: str, keys: str) -> None:
    at = folder.contents[name]
    for key in keys.split("."):
        at = at[key]
    at.append("{name:이야/야}")
    refused(folder.write(), name, f"{keys}: '{{name:이야/야}}' has a slot")


@pytest.mark.parametrize("text", ["나는 {name", "나는 name}", "나는 { name }", "나는 {name:}", "나는 {{name}}"])
def test_a_brace_that_is_no_slot_is_refused(folder: Any, text: str) -> None:
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"][0]["user"].append(text)
    refused(
        folder.write(), "scenes/names.yaml", "scenes.recall.turns[0].user", repr(text), "a brace that is not a slot"
    )


def test_an_intent_that_stands_in_two_files_is_refused_with_both(folder: Any) -> None:
    folder.contents["topics/mood.yaml"]["intents"]["hungry"] = {"ask": ["밥 줘"], "answers": ["드세요!"]}
    path = folder.write()
    refused(path, "topics/mood.yaml", "the intent hungry is in", str(path / "topics/food.yaml"))


def test_a_scene_that_stands_in_two_files_is_refused_with_both(folder: Any) -> None:
    folder.contents["scenes/other.yaml"] = {"scenes": {"more": {"turns": [{"user": ["응"], "bot": ["네!"]}]}}}
    path = folder.write()
    refused(path, "scenes/other.yaml", "the scene more is in", str(path / "scenes/names.yaml"))


def test_an_intent_that_stands_twice_in_a_file_is_refused_with_its_line(folder: Any) -> None:
    path = folder.write()
    intent = "  hungry:\n    ask: [배고파]\n    answers: [드세요!]\n"
    folder.lay("topics/food.yaml", f"intents:\n{intent}{intent}")
    refused(path, "topics/food.yaml", "hungry occurs twice", "line 5")


@pytest.mark.parametrize("seed", range(8))
def test_a_scene_with_one_way_to_say_it_is_trained_on_whatever_the_seed(folder: Any, seed: int) -> None:
    turns = [{"user": [f"나는 {{name:이야/야}}{'!' * n}"], "bot": ["네, {name}님!"]} for n in range(1, 4)]
    folder.contents["scenes/names.yaml"]["scenes"]["recall"]["turns"] = turns
    expansion = Expansion(read_starter(folder.write()), seed)
    assert any("name" in dialogue.slot_values for dialogue in expansion.training(200))
    assert "name_asked_anew" not in {one.measure for one in evaluation_set(expansion)}


def test_few_syllables_of_names_give_few_usual_names_and_the_rest_at_random(folder: Any) -> None:
    names = Expansion(read_starter(folder.write()), 0).names
    assert {"별", "하늘", "지우", "민준", "서연"} <= {*names.train, *names.held_out}


def test_the_examples_of_the_readme_can_be_read(folder: Any, real: Path) -> None:
    readme = (real / "README.md").read_text(encoding="utf-8")
    topics, scenes, slots, unknown, statements, advice, prompts = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    folder.lay("topics/tea.yaml", topics)
    folder.lay("scenes/food.yaml", scenes)
    folder.lay("slots.yaml", slots)
    folder.lay("unknown.yaml", unknown)
    folder.lay("statements.yaml", statements)
    folder.lay("advice.yaml", advice)
    folder.lay("prompts.yaml", prompts)
    starter = read_starter(folder.path)
    assert list(starter.intents) == ["tea"]
    assert starter.prompts == ("녹차 마시고 싶어",)
    assert starter.scenes["food_again"].slots == {"food"}
    listed = re.search(r"agrees with it:\n(.*)\.\n", readme)
    assert listed is not None
    assert listed[1].split() == list(PAIRS)
