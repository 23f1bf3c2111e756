import csv
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.splitting import Overlap, SplitIndex, Splits
from tinychat.corpus.text_keys import dialogue_digest, text_key
from tinychat.params.sections import Shares

SHARES = Shares(train=0.8, valid=0.1, test=0.1)


def pair(*texts: str, source: str = "a.csv:1") -> Dialogue:
    """A dialogue of alternating texts, user first."""
    return Dialogue(source, tuple(Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)))


def split(dialogues: Iterable[Dialogue], shares: Shares = SHARES, seed: int = 0) -> Splits:
    index = SplitIndex()
    for dialogue in dialogues:
        index.add(dialogue)
    return index.split(shares, seed)


def chat(number: int) -> Dialogue:
    """One of as many different dialogues as there are numbers."""
    return pair(f"질문 {number}번", f"대답 {number}번")


def test_texts_that_differ_in_case_spaces_and_punctuation_have_one_key() -> None:
    assert text_key("Hello, 안녕?") == text_key("hello 안 녕!!") == "hello안녕"


def test_a_text_without_letters_is_its_own_key() -> None:
    assert text_key(" ㅠㅠ?? ") == "ㅠㅠ"
    assert text_key(" ?? ") == "??"


def test_marks_that_belong_to_letters_count() -> None:
    assert text_key("की") != text_key("का")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.2", "32"),
        ("갔어?", "갔어."),
        ("안녕", "안녕!"),
        ("US", "us"),
        ("아버지가 방에", "아버지 가방에"),
        ("😀", "😢"),
        ("ㅋ", "ㅋㅋ"),
    ],
)
def test_texts_that_differ_in_anything_are_no_repeats(one: str, other: str) -> None:
    assert dialogue_digest(pair("뭐?", one)) != dialogue_digest(pair("뭐?", other))
    assert dialogue_digest(pair(one, "응")) != dialogue_digest(pair(other, "응"))


def test_repeats_have_the_same_texts_in_the_same_turns() -> None:
    assert dialogue_digest(pair("안녕?", "응!")) == dialogue_digest(pair("안녕?", "응!", source="b.csv:7"))
    assert dialogue_digest(pair("안녕응", "네")) != dialogue_digest(pair("안녕", "응네"))


def test_dialogues_that_share_a_question_or_an_answer_are_one_group() -> None:
    chain = [pair("하나", "가"), pair("하나!", "나"), pair("둘", "나?"), pair("가", "셋"), pair("따로", "홀로")]
    splits = split(chain)
    assert (splits.groups, splits.largest_group) == (2, 4)


def test_a_group_above_a_hundredth_of_the_corpus_goes_to_train() -> None:
    many = [pair(f"같은 질문 {number}", "한결같은 대답") for number in range(12)]
    splits = split(many + [chat(number) for number in range(1000)], Shares(train=0.01, valid=0.5, test=0.49))
    assert splits.names[:12] == ["train"] * 12
    assert (splits.groups_sent_to_train, splits.dialogues_sent_to_train) == (1, 12)


def test_of_ten_dialogues_none_is_too_large_a_group() -> None:
    splits = split([chat(number) for number in range(10)], Shares(train=0.4, valid=0.3, test=0.3))
    assert splits.groups_sent_to_train == 0
    assert set(splits.names) > {"train"}


def test_each_split_gets_about_its_share() -> None:
    splits = split(chat(number) for number in range(5000))
    assert splits.sizes["train"].dialogues == pytest.approx(4000, rel=0.05)
    assert splits.sizes["valid"].dialogues == pytest.approx(500, rel=0.15)
    assert splits.sizes["test"].dialogues == pytest.approx(500, rel=0.15)


def test_sizes_are_in_dialogues_turns_and_characters() -> None:
    splits = split([pair("안녕", "반가워요"), pair("네", "응")], Shares(train=1, valid=0, test=0))
    size = splits.sizes["train"]
    assert (size.dialogues, size.turns, size.characters) == (2, 4, 8)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (Shares(train=1, valid=0, test=0), {"train"}),
        (Shares(train=0.5, valid=0.5, test=0), {"train", "valid"}),
        (Shares(train=0.5, valid=0, test=0.5), {"train", "test"}),
        (Shares(train=0.3, valid=0.6999999999, test=0), {"train", "valid"}),
    ],
)
def test_a_split_without_a_share_stays_empty(shares: Shares, expected: set[str]) -> None:
    assert set(split((chat(number) for number in range(500)), shares).names) == expected


def test_added_dialogues_leave_the_others_where_they_were() -> None:
    old = [chat(number) for number in range(1000)]
    new = [chat(number) for number in range(5000, 6000)]
    before, after = split(old).names, split(new + old).names
    assert after[len(new) :] == before


def test_another_seed_holds_out_others() -> None:
    dialogues = [chat(number) for number in range(1000)]
    assert split(dialogues, seed=0).names != split(dialogues, seed=1).names


def test_in_a_multi_turn_file_short_texts_do_not_join_and_long_ones_do() -> None:
    long = "이 문장은 글자가 열다섯보다 많아서 이어 줍니다"
    chats = [
        pair("안녕", "네", "뭐해", "그냥 있어", source="talk.jsonl:1"),
        pair("안녕", "네", source="talk.jsonl:2"),
        pair("안녕", long, source="talk.jsonl:3"),
        pair(long, "네", source="talk.jsonl:4"),
        pair("안녕", "네?", source="table.csv:1"),
        pair("안녕!", "어서 와", source="table.csv:2"),
    ]
    splits = split(chats)
    # 1 | 2 | 3 and 4 | the two of the table, in which any text joins.
    assert (splits.groups, splits.largest_group) == (4, 2)


def test_what_held_out_dialogues_still_share_with_train_is_counted() -> None:
    greeting = "안녕"
    chats = [pair(greeting, f"대답 {n}", f"질문 {n}", f"또 대답 {n}", source=f"talk.jsonl:{n}") for n in range(200)]
    splits = split(chats)
    assert splits.groups == 200
    assert splits.sizes["valid"].dialogues > 0
    for name, overlap in splits.overlap.items():
        assert overlap == Overlap(any_text=splits.sizes[name].dialogues)


def fixed(name: str, *texts: str) -> Dialogue:
    """A dialogue whose source says where it belongs."""
    return replace(pair(*texts), split=name)


def test_overlap_counts_dialogues_whose_source_names_their_split() -> None:
    splits = split(
        [
            fixed("train", "이름이 뭐야?", "코코예요", "몇 살이야?", "세 살이에요"),
            fixed("valid", "이름이 뭐야", "코코예요!"),  # a trained exchange but for its punctuation
            fixed("valid", "이름이 뭐야?", "몰라요"),
            fixed("test", "너 이름은?", "코코예요"),
            fixed("test", "이름이 뭐야?", "코코예요", "뭐 해?", "놀아요"),
            fixed("test", "뭐 먹어?", "밥이요"),
        ]
    )
    assert splits.overlap["valid"] == Overlap(2, last_question=2, last_answer=1, exchange=1, answers_skipped=1)
    assert splits.overlap["test"] == Overlap(2, last_question=0, last_answer=1, exchange=1, answers_skipped=1)
    assert splits.trained_answers == {1: [1], 4: [1]}


def test_an_answer_that_is_not_learnt_in_train_is_not_trained() -> None:
    context = Dialogue("a.csv:1", (Turn("user", "안녕"), Turn("assistant", "반가워요", has_loss=False)), split="train")
    splits = split([context, fixed("test", "안녕", "반가워요")])
    assert splits.overlap["test"] == Overlap(any_text=1)


@pytest.mark.slow
def test_no_held_out_text_of_songys_is_in_train(project: Any, songys_file: Path) -> None:
    project.lay("ChatbotData.csv", songys_file.read_bytes())
    metrics = project.ingest(shares={"train": 0.9, "valid": 0.05, "test": 0.05})
    train = {text_key(text) for texts in project.texts("train") for text in texts}
    held_out = {text_key(text) for texts in project.texts("valid", "test") for text in texts}
    assert held_out
    assert not held_out & train
    assert metrics["overlap"] == {name: asdict(Overlap()) for name in ("valid", "test")}


@pytest.mark.slow
def test_songys_is_kept_but_for_its_repeats(project: Any, songys_file: Path) -> None:
    project.lay("ChatbotData.csv", songys_file.read_bytes())
    metrics = project.ingest()
    with open(songys_file, encoding="utf-8", newline="") as file:
        pairs = [(" ".join(row["Q"].split()), " ".join(row["A"].split())) for row in csv.DictReader(file)]
    assert (metrics["rows_read"], metrics["rows_kept"]) == (len(pairs), len(set(pairs))) == (11_823, 11_750)
    assert metrics["rows_dropped"] == {"repeat": 73}
    assert (metrics["groups"]["largest"], metrics["groups"]["sent_to_train"]) == (22, 0)
