"""Chats whose texts recur: about the asked-for share is held out, and what training has is not scored."""

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.kakaotalk_export import write_export
from tests.corpus.conftest import unlike
from tests.corpus.test_splitting import fixed, pair, split
from tinychat.corpus import grouping
from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.features import FeatureStore, features_of
from tinychat.corpus.grouping import group
from tinychat.corpus.prompts import read_prompts
from tinychat.params.sections import Shares

SHARES = {"train": 0.9, "valid": 0.05, "test": 0.05}
EXPORT = 10_000  # messages


def long(seed: int) -> str:
    return f"{unlike(seed)} {unlike(f'{seed} more')} {unlike(f'{seed} most')}"


def recurring(count: int) -> list[list[tuple[str, str]]]:
    """Exchanges, of which every third has a question that joins conversations."""
    return [[(long(n) if n % 3 == 0 else unlike(f"question {n}"), unlike(f"answer {n}"))] for n in range(count)]


def talk(number: int, *texts: str, source: str = "talk.txt:1") -> Dialogue:
    """A conversation of a chat, in a session of its own, that begins with a text of its own."""
    own = [unlike(f"{source} {number} {n}") for n in range(2)]
    return replace(pair(*own, *texts, source=source), session=f"{source}:{number}")


def groups_of(dialogues: Iterable[Dialogue]) -> grouping.Groups:
    store = FeatureStore()
    store.add(features_of(dialogues))
    return group(store.columns())


@pytest.mark.slow
def test_of_an_export_whose_texts_recur_the_asked_for_share_is_held_out(project: Any) -> None:
    written = write_export(project.raw / "talk.txt", recurring(500), EXPORT, "android-ko", seed=0)
    metrics = project.ingest(shares=SHARES)
    assert metrics["groups"]["dialogues_taken_apart"] > 0.9 * written.conversations
    assert metrics["groups"]["sent_to_train"] == 0
    for name in ("valid", "test"):
        assert 0.03 <= metrics["splits"][name]["dialogues"] / metrics["rows_kept"] <= 0.07


@pytest.mark.slow
def test_what_such_an_export_holds_out_and_training_has_is_counted_and_not_scored(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_export(project.raw / "talk.txt", recurring(500), EXPORT, "android-ko", seed=0)
    overlap = project.ingest(shares=SHARES)["overlap"]["test"]
    assert overlap["answers_skipped"] > 0.98 * overlap["answers"] > 100
    assert f"{overlap['answers_skipped']:,} of {overlap['answers']:,} answers are not scored" in capsys.readouterr().out
    trained = {(asked, said) for texts in project.texts("train") for asked, said in itertools.pairwise(texts)}
    scored = [
        (asked.content, said.content)
        for dialogue in project.dialogues("test")
        for asked, said in itertools.pairwise(dialogue.turns)
        if said.role == "assistant" and said.has_loss
    ]
    assert len(scored) == overlap["answers"] - overlap["answers_skipped"]
    assert not trained & set(scored)


def test_a_text_that_few_sessions_share_joins_them_and_one_of_many_does_not() -> None:
    few = [talk(number, long(0), "응") for number in range(10)]
    many = [talk(number, long(1), "응", source="other.txt:1") for number in range(11)]
    groups = groups_of([*few, *many])
    assert (len(set(groups.of[:10])), len(set(groups.of[10:]))) == (1, 11)
    assert (groups.apart, groups.dialogues_apart) == (1, 11)


def test_the_conversations_of_a_session_stay_together_where_a_group_is_taken_apart() -> None:
    dialogues = [
        replace(talk(2 * number + n, long(0), "응"), session=f"talk.txt:{number}")
        for number in range(20)
        for n in (0, 1)
    ]
    groups = groups_of(dialogues)
    assert groups.dialogues_apart == 40
    assert groups.of.tolist() == np.repeat(np.arange(20), 2).tolist()


def test_question_answer_pairs_that_share_a_text_stay_together_however_many_they_are() -> None:
    pairs = [pair(unlike(number), long(0), source="table.csv:1") for number in range(50)]
    conversations = [talk(number, long(0), "응") for number in range(50)]
    groups = groups_of([*pairs, *conversations])
    assert len(set(groups.of[:50])) == 1
    assert len(set(groups.of[50:])) == 50 == groups.dialogues_apart


def test_added_conversations_move_none_of_a_group_that_was_taken_apart() -> None:
    old = [talk(number, long(0), "응") for number in range(300)]
    new = [talk(number, long(number % 2), "응", source="new.txt:1") for number in range(300)]
    before, after = split(old, Shares(**SHARES)), split([*new, *old], Shares(**SHARES))
    assert after.names[300:] == before.names
    assert len(set(before.names)) == 3


def test_no_order_of_the_conversations_moves_one() -> None:
    old = [talk(number, long(number % 7), "응") for number in range(200)]
    order = random.Random(0).sample(range(200), 200)
    names = split(old).names
    assert split([old[i] for i in order]).names == [names[i] for i in order]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held_out", "scored"),
    [
        (("오늘 저녁에 뭐 먹을까", "따뜻한 국밥은 어때"), False),
        (("오늘 저녁에 뭐 먹을까요", "따뜻한 국밥은 어때요"), False),
        (("저녁은 네가 골라 봐", "따뜻한 국밥은 어때"), True),  # a short answer that other questions have
        (("오늘 저녁에 뭐 먹을까요", "떡볶이가 좋겠어"), True),
        (("내일은 몇 시에 봐", "그러면 내일 오전 열 시에 역 앞 빵집에서 만나자"), False),
        (("내일은 몇 시에 봐", "그러면 내일 오전 열 시에 역 앞 빵집에서 만나자!!"), False),
    ],
)
def test_in_conversations_nearly_what_training_has_is_not_scored(held_out: tuple[str, str], scored: bool) -> None:
    together = "그러면 내일 오전 열 시에 역 앞 빵집에서 만나자"  # in more sessions than a text may join
    trained = [talk(0, "오늘 저녁에 뭐 먹을까", "따뜻한 국밥은 어때")]
    trained += [talk(number, unlike(f"asked {number}"), together) for number in range(1, 12)]
    dialogues = [*trained, talk(12, *held_out)]
    wanted = ["train"] * len(trained) + ["test"]
    found = (split(dialogues, Shares(train=0.9, valid=0, test=0.1), seed) for seed in range(1000))
    splits = next(splits for splits in found if splits.names == wanted)
    assert (list(splits.weightless_turns()) == []) == scored


def test_dialogues_whose_source_chose_their_split_are_scored_where_they_are_only_alike() -> None:
    splits = split(
        [
            fixed("train", "안녕", "응", "오늘 저녁에 뭐 먹을까", "따뜻한 국밥은 어때"),
            fixed("test", "뭐 해", "쉬어", "오늘 저녁에 뭐 먹을까요", "따뜻한 국밥은 어때요"),
        ]
    )
    assert splits.overlap["test"].answers_skipped == 0


def test_a_first_question_that_training_asks_later_is_not_shown_as_new(project: Any) -> None:
    talks = [texts for number in range(40) for texts in ((f"나 {number}", f"너 {number}"), (f"뭐 {number}", "응"))]
    for name, begin in (("first.txt", 0), ("later.txt", 1)):
        turns = [f"{'하늘' if n % 2 == 0 else '바다'}: {text}\n" for one in talks[begin:] for n, text in enumerate(one)]
        project.lay(name, "".join("".join(turns[n : n + 4]) + "\n" for n in range(0, len(turns), 4)))
    project.ingest(shares={"train": 0.5, "valid": 0.25, "test": 0.25})
    trained = {texts[n] for texts in project.texts("train") for n in range(0, len(texts), 2)}
    new = [prompt.text for prompt in read_prompts(project.overview) if prompt.seen == "held_out"]
    assert new and not trained & set(new)


def test_a_first_question_that_is_nearly_a_trained_one_with_its_answer_is_not_new() -> None:
    exchange = (long(0), "응", "뭐 해", "쉬어")
    dialogues = [replace(pair(*exchange, source="a.txt:1"), session=f"{n}") for n in range(12)]
    dialogues += [replace(pair(f"{long(0)} {long(0)}", *exchange[1:], source="a.txt:1"), session="last")]
    found = (split(dialogues, Shares(train=0.9, valid=0, test=0.1), seed) for seed in range(1000))
    assert next(splits for splits in found if splits.names == ["train"] * 12 + ["test"]).asked_in_train[-1]
