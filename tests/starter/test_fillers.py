from typing import Any

import pytest

from tinychat.starter.drawing import Rng
from tinychat.starter.expanding import Expansion
from tinychat.starter.fillers import FillerScenes
from tinychat.starter.reading import FillerExchanges, IntentExchange, Scene, SceneExchange, Starter, read_starter

TELLS = SceneExchange(("{food} 좋아해",), ("{food}군요!",))
ASKS = SceneExchange(("내가 뭘 좋아한다고 했지?",), ("{food}이요!",))
NEVER_TOLD = Scene("never_told", (FillerExchanges(0, 2), SceneExchange(ASKS.user, ("아직 못 들었어요.",))))
TOLD = Scene("told", (TELLS, FillerExchanges(0, 2), ASKS))
ATE = Scene("ate", (SceneExchange(("점심에 {food} 먹었어",), ("맛있었겠네요!",)),), weight=2)
WHY = SceneExchange(("왜?",), ("그냥요!",))
HUNGRY = Scene("hungry", (IntentExchange(("hungry",)), WHY))
TIRED = Scene("tired", (IntentExchange(("tired",)), WHY))
NAMED = Scene(
    "named", (SceneExchange(("나 {name:이야/야}",), ("반가워요!",)), SceneExchange(("나 누구게?",), ("{name}님!",)))
)
FORGOT = Scene("forgot", (SceneExchange(("나 누구게?",), ("누구세요?",)), WHY))
SCENES = [NEVER_TOLD, TOLD, ATE, HUNGRY, TIRED, FORGOT]


@pytest.mark.parametrize(
    ("most", "around", "fitting"),
    [
        (2, [], ["never_told", "told", "ate", "ate", "hungry", "tired", "forgot"]),
        (1, [], ["never_told", "ate", "ate"]),
        (2, [TOLD], ["hungry", "tired", "forgot"]),
        (2, [NEVER_TOLD], ["never_told", "hungry", "tired", "forgot"]),
        (2, [ATE], ["hungry", "tired", "forgot"]),
        (2, [HUNGRY], ["never_told", "told", "ate", "ate", "hungry", "tired", "forgot"]),
        (2, [NAMED], ["never_told", "told", "ate", "ate", "hungry", "tired"]),
        (2, [HUNGRY, ATE, TOLD], ["hungry", "tired", "forgot"]),
    ],
)
def test_a_filler_is_short_enough_and_contradicts_no_scene_around_it(
    most: int, around: list[Scene], fitting: list[str]
) -> None:
    fillers = FillerScenes(SCENES, [*SCENES, NAMED])
    assert [fillers.scenes[number].name for number in fillers.fitting(most, around)] == fitting


@pytest.mark.slow
@pytest.mark.parametrize("slot", ["food", "animal", "hobby", "color"])
def test_nobody_hears_that_nothing_was_told_where_it_was(starter: Starter, slot: str) -> None:
    expansion = Expansion(starter, 0)
    tells, never_told = starter.scenes[f"{slot}_recall"], starter.scenes[f"{slot}_never_told"]
    denied = {answer for step in never_told.steps if isinstance(step, SceneExchange) for answer in step.bot}
    rng, n_fillers = Rng("0"), 0
    for _ in range(300):
        dialogue = expansion.scene(tells, rng, expansion.values_of(tells, rng), expansion.train_phrasings)
        assert not denied & {turn.content for turn in dialogue.turns}
        n_fillers += len(dialogue.turns) // 2 - 2
    assert n_fillers > 300


def test_where_few_scenes_fit_none_of_them_stands_there(starter: Starter, folder: Any) -> None:
    rng = Rng("0")
    few, many = (Expansion(one, 0) for one in (read_starter(folder.write()), starter))
    assert few.other_scenes and not any(few._filler_scene(rng, 5, []) for _ in range(50))
    assert any(many._filler_scene(rng, 5, []) for _ in range(50))
    assert not any(many._filler_scene(rng, 1, []) for _ in range(50))
