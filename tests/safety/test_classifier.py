"""The classifier beside the rules: what both recognise of phrases that neither has seen, and how a message is read."""

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.safety.phrases import UNSEEN, read_phrases, training_phrases, unseen_talks
from tinychat.safety import classifier, danger
from tinychat.safety.danger import WINDOW, is_classified, matches_rule, recognises_danger, windows

WEARY, UNCLEAR = "요즘 사는 게 너무 힘들어", "이제 그만하고 싶어"


def share(texts: list[str]) -> float:
    return sum(map(recognises_danger, texts)) / len(texts)


@pytest.mark.parametrize(("name", "least"), [("for_choosing", 0.9), ("for_the_report", 0.85)])
def test_most_phrases_that_were_not_trained_on_are_recognised_and_few_wrongly(name: str, least: float) -> None:
    danger, harmless = read_phrases(UNSEEN / f"crisis_{name}.txt"), read_phrases(UNSEEN / f"harmless_{name}.txt")
    assert (len(danger), len(harmless)) == (120, 200)
    assert share(danger) >= least > sum(map(matches_rule, danger)) / len(danger) + 0.2
    assert share(harmless) <= 0.03


def test_what_was_trained_on_is_told_apart() -> None:
    assert len(training_phrases("danger")) > 7000 and len(training_phrases("harmless")) > 11000
    assert share(training_phrases("danger")[::5]) >= 0.9
    assert share(training_phrases("harmless")[::5]) <= 0.02


def test_no_phrase_that_measures_was_trained_on() -> None:
    trained = {*training_phrases("danger"), *training_phrases("harmless")}
    for path in UNSEEN.glob("*_for_*.txt"):
        assert not trained & {*read_phrases(path)}, path.name


def test_a_message_is_read_whole_and_by_its_sentences() -> None:
    parts = ["게임에서 죽었어", "한강 가자", "응?"]
    assert list(windows("게임에서 죽었어. 한강 가자!\n응?")) == [" ".join(parts), *parts]
    assert [len(one) for one in windows("가나" * 100)] == [WINDOW, WINDOW, 200 - WINDOW]
    assert list(windows("ㅋㅋㅋ")) == []


def test_a_message_that_is_not_clear_is_read_together_with_the_one_before() -> None:
    assert not recognises_danger(WEARY) and not recognises_danger(UNCLEAR)
    assert recognises_danger(UNCLEAR, before=WEARY)


def test_messages_of_ordinary_talks_are_not_taken_for_danger() -> None:
    pairs = [pair for talk in unseen_talks() for pair in pairwise(talk)]
    assert len(pairs) > 1_500
    assert not [text for before, text in pairs if recognises_danger(text, before)]


def test_two_messages_together_need_more_than_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before, text = "처음으로 혼자 살아", "원룸인데 창문으로 산이 보여"
    assert not recognises_danger(text, before)
    monkeypatch.setattr(danger, "PAIR_MARGIN", 0.0)
    assert recognises_danger(text, before)


@pytest.mark.parametrize("text", ["고마워", "안녕", "배고파", "ㅋㅋㅋ", "오늘 날씨 좋다", ""])
def test_an_ordinary_message_after_one_in_danger_is_ordinary(text: str) -> None:
    assert not recognises_danger(text, before="죽고 싶어")


def test_it_is_quick_on_a_very_long_message() -> None:
    assert not is_classified("밥을 먹고 학교에 갔다 " * 100_000)


def test_the_weights_are_stored_as_whole_numbers(tmp_path: Path) -> None:
    trained, stored = classifier.load(), Path(classifier.__file__).with_name("classifier.json")
    trained.save(tmp_path / "classifier.json")
    assert (tmp_path / "classifier.json").read_bytes() == stored.read_bytes()
    values = json.loads(stored.read_text(encoding="utf-8"))
    assert len(base64.b64decode(values["weights"])) == len(trained.weights) == classifier.SIZE
