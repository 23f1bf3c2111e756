"""The starter corpus in data/starter, expanded once for all tests, and a small one to spoil."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tinychat.starter.evaluation_set import EvalDialogue, evaluation_set
from tinychat.starter.expanding import Expansion, StarterDialogue
from tinychat.starter.reading import Starter, read_starter

REAL = Path(__file__).parents[2] / "data/starter"
SIZE = 15_000

SMALL: dict[str, Any] = {
    "topics/food.yaml": {
        "intents": {
            "hungry": {
                "ask": ["배고파", "나 배고파", "너무 배고파"],
                "answers": ["뭐라도 드세요!", "얼른 드세요!"],
            },
            "thirsty": {"ask": ["목말라", "나 목말라", "너무 목말라"], "answers": ["물 한 잔 드세요!"]},
        }
    },
    "topics/mood.yaml": {"intents": {"happy": {"ask": ["신나", "나 신나", "너무 신나"], "answers": ["저도 신나요!"]}}},
    "scenes/names.yaml": {
        "scenes": {
            "recall": {
                "turns": [
                    {"user": ["나는 {name:이야/야}", "나 {name:이야/야}"], "bot": ["반가워요, {name}님!"]},
                    {"between": [0, 1]},
                    {"user": ["내 이름은?", "내 이름이 뭐야?"], "bot": ["{name}님이에요!"]},
                ]
            },
            "more": {"turns": [{"intent": "hungry"}, {"user": ["많이", "아주 많이"], "bot": ["그럼 얼른요!"]}]},
        }
    },
    "prompts.yaml": {"prompts": ["배고파", "내 이름은?"]},
    "slots.yaml": {
        "name": {"first": ["지", "민", "서"], "second": ["우", "준", "연"], "whole": ["별", "하늘"]},
        "food": ["밥", "국수"],
    },
    "unknown.yaml": {
        "answers": ["그건 몰라요.", "아직 못 배웠어요."],
        "ask": {"facts": ["왜 하늘은 파래?", "달은 왜 떠?", "바다는 왜 짜?", "별은 왜 빛나?", "눈은 왜 와?"]},
        "hard_negatives": {
            "food": ["배는 왜 고파져?", "물은 왜 투명해?", "소금은 왜 짜?", "밥은 누가 처음 지었어?", "배가 뭐야?"]
        },
        "templates": [
            "{city:은/는} 어디야?",
            "{city} 인구는?",
            "{city} 날씨는?",
            "{city:이/가} 커?",
            "{city:으로/로} 가",
        ],
        "slots": {"city": ["서울", "부산", "제주"]},
    },
    "statements.yaml": {
        "answers": ["그렇군요. 더 들려주세요!", "그래서 어떻게 됐어요?"],
        "ask": {"town": ["빵집이 문을 닫았어", "다리가 새로 생겼어", "길이 막혔네", "시장이 열렸더라", "눈이 왔대"]},
        "templates": [
            "{thing:을/를} 고쳤어",
            "{thing:이/가} 왔더라",
            "{thing:을/를} 빌렸거든",
            "{thing} 값이 내렸대요",
            "{thing:을/를} 옮겼어요",
        ],
        "slots": {"thing": ["책상", "의자", "침대"]},
    },
    "advice.yaml": {
        "answers": ["마음이 가는 쪽이 있으세요?", "정답은 저도 모르지만 응원할게요."],
        "ask": {"shopping": ["모자를 살까", "뭘 살까요", "환불할까?", "바꾸는 게 나을까", "색은 뭐로 하지"]},
        "templates": [
            "{item:을/를} 팔까?",
            "{item:이/가} 나을까?",
            "{item:을/를} 버려도 될까",
            "{item:은/는} 어디에 둘까",
            "{item:을/를} 빌릴까",
        ],
        "slots": {"item": ["그릇", "화분", "시계"]},
    },
}


@dataclass
class Folder:
    """A small starter corpus on the disk."""

    path: Path
    contents: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(SMALL))

    def write(self) -> Path:
        for name, content in self.contents.items():
            self.lay(name, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
        return self.path

    def lay(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A small starter corpus: change `contents`, then `write()`."""
    return Folder(tmp_path / "starter")


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder data/starter."""
    return REAL


@pytest.fixture(scope="session")
def starter() -> Starter:
    """What data/starter holds."""
    return read_starter(REAL)


@pytest.fixture(scope="session")
def expand(starter: Starter) -> Callable[[int], tuple[Expansion, list[StarterDialogue], list[EvalDialogue]]]:
    """data/starter expanded for a seed: what is held out, what is trained on, what measures."""
    known: dict[int, tuple[Expansion, list[StarterDialogue], list[EvalDialogue]]] = {}

    def for_seed(seed: int) -> tuple[Expansion, list[StarterDialogue], list[EvalDialogue]]:
        if seed not in known:
            expansion = Expansion(starter, seed)
            known[seed] = expansion, list(expansion.training(SIZE)), list(evaluation_set(expansion))
        return known[seed]

    return for_seed
