import csv
import random
import tracemalloc
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.conftest import unlike as text
from tinychat.corpus import features, grams, near_duplicates, scratch
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.features import FeatureStore, features_of
from tinychat.corpus.overlap import Overlap
from tinychat.corpus.splitting import Splits, split_corpus
from tinychat.corpus.text_keys import dialogue_digest, text_key
from tinychat.params.sections import Shares

SHARES = Shares(train=0.8, valid=0.1, test=0.1)


def pair(*texts: str, source: str = "a.csv:1") -> Dialogue:
    """A dialogue of alternating texts, user first."""
    return Dialogue(source, tuple(Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)))


def split(dialogues: Iterable[Dialogue], shares: Shares = SHARES, seed: int = 0, limit: int | None = None) -> Splits:
    store = FeatureStore()
    store.add(features_of(dialogues))
    return split_corpus(store.columns(), shares, seed, limit)


def chat(number: int, source: str = "a.csv:1") -> Dialogue:
    """One of as many different dialogues as there are numbers."""
    return pair(text(2 * number), text(2 * number + 1), source=source)


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
    assert (splits.grouping.count, splits.grouping.largest) == (2, 4)


def test_a_group_above_a_hundredth_of_the_corpus_goes_to_train() -> None:
    many = [pair(f"같은 질문 {number}", "한결같은 대답") for number in range(12)]
    splits = split(many + [chat(number) for number in range(1000)], Shares(train=0.01, valid=0.5, test=0.49))
    assert splits.names[:12] == ["train"] * 12
    assert (splits.grouping.sent_to_train, splits.grouping.dialogues_sent_to_train) == (1, 12)


def test_of_ten_dialogues_none_is_too_large_a_group() -> None:
    splits = split([chat(number) for number in range(10)], Shares(train=0.4, valid=0.3, test=0.3))
    assert splits.grouping.sent_to_train == 0
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
    assert (splits.grouping.count, splits.grouping.largest) == (4, 2)


def test_near_duplicates_of_a_question_or_an_answer_are_in_one_split() -> None:
    dialogues = [
        pair("오늘 저녁에 뭐 먹을까", "따뜻한 국밥은 어때요"),
        pair("오늘 저녁에 뭐 먹을까요?", "집에 있는 반찬을 다 비우세요"),
        pair("냉장고가 가득 찼어", "집에 있는 반찬을 다 비우셔요"),
        pair("오늘 아침에는 뭐 하지", "산책하기 좋은 날이에요"),
    ]
    splits = split(dialogues)
    assert (splits.grouping.count, splits.grouping.largest, splits.grouping.near_texts) == (2, 3, 4)


def test_of_texts_that_are_less_alike_none_joins() -> None:
    three_of_five = [pair("가나다라마바", text(0)), pair("가나다라마사", text(1))]
    four_of_seven = [pair("가나다라마바사", text(0)), pair("가나다라마바아자", text(1))]
    assert (split(three_of_five).grouping.count, split(four_of_seven).grouping.count) == (1, 2)


def test_in_a_multi_turn_file_near_duplicates_join_from_forty_letters_on() -> None:
    short = "내일 오전에 역 앞에서 만나서 같이 가는 걸로 하자"
    long = f"{short} 혹시 조금 늦으면 나한테 먼저 전화해 줘 추우니까 안에서 기다리고 있을게"
    assert (len(text_key(short)), len(text_key(long))) == (20, 50)
    chats = [
        pair(text(1), text(2), text(3), text(4), source="talk.jsonl:1"),
        pair(short, text(5), source="talk.jsonl:2"),
        pair(f"{short}고", text(6), source="talk.jsonl:3"),
        pair(long, text(7), source="talk.jsonl:4"),
        pair(f"{long} 꼭", text(8), source="talk.jsonl:5"),
    ]
    splits = split(chats)
    assert (splits.grouping.count, splits.grouping.largest, splits.grouping.near_texts) == (4, 2, 2)


def test_the_conversations_of_a_session_are_in_one_split() -> None:
    dialogues = [replace(chat(number), session=f"room:{number // 10}") for number in range(1000)]
    splits = split(dialogues)
    assert (splits.grouping.count, splits.grouping.sessions) == (100, 100)
    for first in range(0, 1000, 10):
        assert len(set(splits.names[first : first + 10])) == 1


def test_a_session_may_be_held_out_up_to_a_tenth_of_the_corpus() -> None:
    ten = [replace(chat(number), session=f"room:{number // 3}") for number in range(36)]
    assert split(ten).grouping.sent_to_train == 0
    one = [replace(chat(number), session="room:1") for number in range(36)]
    splits = split(one, Shares(train=0.01, valid=0.5, test=0.49))
    assert (splits.grouping.sent_to_train, set(splits.names)) == (1, {"train"})


def test_groups_of_several_files_are_counted_and_so_are_the_dialogues_that_they_moved() -> None:
    old = [chat(number, "old.csv:1") for number in range(300)]
    new = [pair(text(2 * number), text(5000 + number), source="new.csv:1") for number in range(100, 200)]
    before, together = split(old), split(new + old)
    moved = sum(one != other for one, other in zip(before.names, together.names[len(new) :], strict=True))
    assert (before.grouping.of_several_files, before.grouping.dialogues_moved) == (0, 0)
    assert together.grouping.of_several_files == 100
    alone = split(new)
    moved += sum(one != other for one, other in zip(alone.names, together.names, strict=False))
    assert together.grouping.dialogues_moved == moved > 0


def test_no_order_of_the_dialogues_moves_one() -> None:
    dialogues = [pair(text(number % 70), text(number % 90)) for number in range(400)]
    order = random.Random(0).sample(range(400), 400)
    before, after = split(dialogues).names, split([dialogues[i] for i in order]).names
    assert after == [before[i] for i in order]


def test_answers_above_the_limit_carry_no_loss_and_dialogues_without_another_are_left_out() -> None:
    everywhere = Shares(train=1, valid=0, test=0)
    dialogues = [pair(text(number), "맛있게 드세요") for number in range(20)]
    dialogues.append(pair(text(100), "맛있게 드세요!", text(101), text(102)))
    splits = split(dialogues, everywhere, limit=3)
    kept = splits.sizes["train"].dialogues
    assert splits.answers.over_limit == 18
    assert splits.answers.dialogues_left_out == splits.names.count("left out") == 21 - kept
    assert 3 <= kept <= 4  # the last dialogue has another answer
    assert (splits.answers.trained, splits.learnt.answers, splits.answers.most_repeated) == (4, 2, 3)
    without_limit = split(dialogues, everywhere)
    assert (without_limit.answers.over_limit, without_limit.answers.most_repeated) == (0, 21)
    assert without_limit.sizes["train"].dialogues == 21


def test_which_repeated_answers_stay_does_not_depend_on_their_order() -> None:
    everywhere = Shares(train=1, valid=0, test=0)
    dialogues = [pair(text(number), "맛있게 드세요") for number in range(20)]
    forward = split(dialogues, everywhere, limit=5).names
    assert forward == split(dialogues[::-1], everywhere, limit=5).names[::-1]


def test_the_most_repeated_answers_are_named_by_their_places() -> None:
    dialogues = [pair(text(number), "네" if number % 3 else "아니요") for number in range(9)] + [chat(1000)]
    splits = split(dialogues, Shares(train=1, valid=0, test=0))
    assert splits.repeated == [(1, 1, 6), (0, 1, 3)]


def test_what_held_out_dialogues_share_almost_with_train_is_counted() -> None:
    splits = split(
        [
            fixed("train", "오늘 저녁에 뭐 먹을까", "따뜻한 국밥은 어때요"),
            fixed("test", "오늘 저녁에 뭐 먹을까요", "떡볶이가 좋겠어요"),
            fixed("test", "저녁 메뉴 추천해 줘", "따뜻한 국밥은 어때요?"),
            fixed("test", "따뜻한 국밥은 어때요", "좋아요"),  # a trained answer, not a question
        ]
    )
    overlap = splits.overlap["test"]
    assert (overlap.near_searched, overlap.near_question, overlap.near_answer) == (3, 1, 1)
    assert splits.overlap["valid"] == Overlap()


def test_what_held_out_dialogues_still_share_with_train_is_counted() -> None:
    greeting = "안녕"
    chats = [pair(greeting, *(text(3 * n + i) for i in range(3)), source=f"talk.jsonl:{n}") for n in range(200)]
    splits = split(chats)
    assert splits.grouping.count == 200
    assert splits.sizes["valid"].dialogues > 0
    for name, overlap in splits.overlap.items():
        assert exact(overlap) == Overlap(any_text=splits.sizes[name].dialogues)


def exact(overlap: Overlap) -> Overlap:
    """Without what is almost the same, and without what there is in all."""
    return replace(overlap, near_searched=0, near_question=0, near_answer=0, answers=0)


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
    assert exact(splits.overlap["valid"]) == Overlap(2, last_question=2, last_answer=1, exchange=1, answers_skipped=1)
    assert exact(splits.overlap["test"]) == Overlap(2, last_question=0, last_answer=1, exchange=1, answers_skipped=1)
    assert list(splits.weightless_turns()) == [(1, [1]), (4, [1])]


def test_an_answer_that_is_not_learnt_in_train_is_not_trained() -> None:
    context = Dialogue("a.csv:1", (Turn("user", "안녕"), Turn("assistant", "반가워요", has_loss=False)), split="train")
    splits = split([context, fixed("test", "안녕", "반가워요")])
    assert exact(splits.overlap["test"]) == Overlap(any_text=1)


@pytest.mark.slow
def test_no_held_out_text_of_songys_is_in_train(project: Any, songys_file: Path) -> None:
    project.lay("ChatbotData.csv", songys_file.read_bytes())
    metrics = project.ingest(shares={"train": 0.9, "valid": 0.05, "test": 0.05})
    train = {text_key(text) for texts in project.texts("train") for text in texts}
    held_out = {text_key(text) for texts in project.texts("valid", "test") for text in texts}
    assert held_out
    assert not held_out & train
    for name, overlap in metrics["overlap"].items():
        held_out = metrics["splits"][name]["dialogues"]
        assert overlap == asdict(Overlap(near_searched=held_out, answers=held_out))


@pytest.mark.slow
def test_songys_is_kept_but_for_its_repeats(project: Any, songys_file: Path) -> None:
    project.lay("ChatbotData.csv", songys_file.read_bytes())
    metrics = project.ingest()
    with open(songys_file, encoding="utf-8", newline="") as file:
        pairs = [(" ".join(row["Q"].split()), " ".join(row["A"].split())) for row in csv.DictReader(file)]
    assert (metrics["rows_read"], metrics["rows_kept"]) == (len(pairs), len(set(pairs))) == (11_823, 11_750)
    assert metrics["rows_dropped"] == {"repeat": 73}
    assert (metrics["groups"]["largest"], metrics["groups"]["sent_to_train"]) == (48, 0)


def talks(count: int) -> list[Dialogue]:
    """Dialogues of two files, of which one has more than one exchange each; many have near-duplicates."""
    chance = random.Random(0)
    words = [text(n) for n in range(40)]
    pairs = [pair(*(" ".join(chance.choices(words, k=3)) for _ in range(2))) for _ in range(count // 2)]
    longer = [
        pair(*(" ".join(chance.choices(words, k=4)) for _ in range(2 + 2 * (n % 3))), source="b.csv:1")
        for n in range(count - len(pairs))
    ]
    return [*pairs, *longer]


def result(splits: Splits) -> dict[str, Any]:
    """All that was found, as plain numbers."""
    arrays = {"of": splits.of, "asked_in_train": splits.asked_in_train}
    return {
        **{key: value for key, value in vars(splits).items() if key not in arrays},
        **{key: value.tolist() for key, value in arrays.items()},
        "weightless": [*splits.weightless_turns()],
    }


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, 2])
def test_the_splits_are_the_same_whatever_is_done_at_once(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogues = [*talks(600), *(pair(text(n), text(f"answer {n % 3}")) for n in range(1000, 1060))]
    expected = result(split(dialogues, limit=limit))
    assert expected["grouping"].near_texts and expected["weightless"] and expected["repeated"]
    monkeypatch.setattr(features, "TURNS_AT_ONCE", 5)
    monkeypatch.setattr(features, "MAPPED_BYTES", 0)  # the letters are given back after each use
    monkeypatch.setattr(grams, "TEXTS_AT_ONCE", 3)
    monkeypatch.setattr(scratch, "AT_ONCE", 5)
    monkeypatch.setattr(scratch, "SMALL", 0)  # all arrays lie in files
    assert result(split(dialogues, limit=limit)) == expected


@pytest.mark.slow
def test_a_dialogue_more_takes_no_memory_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is done at once takes memory, too, but does not grow.
    for module, name in (
        (near_duplicates, "MEMBERS_AT_ONCE"),
        (near_duplicates, "PAIRS_AT_ONCE"),
        (grams, "BLOCK_CHARACTERS"),
        (features, "TURNS_AT_ONCE"),
        (scratch, "AT_ONCE"),
        (scratch, "SMALL"),
    ):
        monkeypatch.setattr(module, name, 1 << 12)
    peaks = []
    for count in (12_000, 36_000):  # of both so many are held out that not all are looked up
        chunks = [features_of(map(chat, range(first, first + 500))) for first in range(0, count, 500)]
        tracemalloc.start()
        try:
            store = FeatureStore()
            for chunk in chunks:
                store.add(chunk)
            split_corpus(store.columns(), SHARES, seed=0)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 24_000 < 10
