"""The replies that training gives most often."""

import numpy as np
import pytest

from tests.generation.asking import asked
from tinychat.batches.prepared import reply_tokens, to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.tokenizer import Tokenizer
from tinychat.training import common_replies as counting
from tinychat.training.common_replies import MIN_MESSAGES, common_replies

LONGEST = 40  # tokens


def common(bpe: Tokenizer, dialogues: list[list[str]]) -> tuple[str, ...]:
    messages = [asked(*dialogue) for dialogue in dialogues]
    prepared = prepare_dialogues(messages, bpe, max_len=200, loss_on="reply", long_answers="drop")
    return common_replies(to_arrays(prepared.examples, bpe.size), bpe, LONGEST)


def test_those_that_are_given_often_are_found_the_commonest_first(bpe: Tokenizer) -> None:
    said = [str(n) for n in range(MIN_MESSAGES + 1)]
    dialogues = [[one, "네, 그래요."] for one in said[1:]] + [[one, "음.", f"응 {one}", "네."] for one in said]
    assert common(bpe, dialogues) == ("네.", "음.", "네, 그래요.")
    assert common(bpe, [[one, "네, 그래요."] for one in said[2:]]) == ()
    assert common(bpe, []) == ()


def test_copies_of_a_row_make_no_reply_common(bpe: Tokenizer) -> None:
    assert common(bpe, [["비밀이 뭐야?", "가게 비밀."], ["뭐야", "가게 비밀."]] * 500) == ()


def test_what_begins_a_dialogue_answers_no_message(bpe: Tokenizer) -> None:
    messages = [[{"role": "assistant", "content": "어서 와요."}, *asked(str(n), f"{n}번.")] for n in range(60)]
    prepared = prepare_dialogues(messages, bpe, max_len=200, loss_on="all", long_answers="drop")
    split = to_arrays(prepared.examples, bpe.size)
    assert np.count_nonzero(split.tokens == bpe.bot_id) == 120
    assert common_replies(split, bpe, LONGEST) == ()


def test_what_carries_no_loss_does_not_count(bpe: Tokenizer) -> None:
    messages = [asked(str(n), "네.", f"{n}?", f"{n}번.") for n in range(60)]
    for dialogue in messages:
        dialogue[1]["weight"] = 0  # type: ignore[typeddict-unknown-key]
    for loss_on in ("reply", "all"):
        prepared = prepare_dialogues(messages, bpe, max_len=200, loss_on=loss_on, long_answers="drop")
        assert common_replies(to_arrays(prepared.examples, bpe.size), bpe, LONGEST) == ()


def test_no_reply_has_a_word_that_the_vocabulary_does_not_know(words: Tokenizer) -> None:
    said = [f"{'안녕 ' * n}안녕" for n in range(MIN_MESSAGES)]
    messages = [asked(one, reply) for one in said for reply in ("모르는말입니다", "안녕")]
    prepared = prepare_dialogues(messages, words, max_len=200, loss_on="all", long_answers="drop")
    assert common_replies(to_arrays(prepared.examples, words.size), words, LONGEST) == ("안녕",)


def test_one_that_is_a_small_part_of_all_is_not_common(bpe: Tokenizer) -> None:
    others = [["안녕", f"{n}번."] for n in range(MIN_MESSAGES * 1000 // 3)]
    few = [[str(n), "네."] for n in range(MIN_MESSAGES)]
    assert common(bpe, [*others, *few]) == ()
    assert common(bpe, [*others[: len(others) // 2], *few]) == ("네.",)


def test_none_calls_or_speaks_of_a_name_or_is_long(bpe: Tokenizer) -> None:
    texts = (
        "네, 선생님!",
        "이름이 뭐예요?",
        "응, 지훈아!",
        "서연 씨, 잘 자요.",
        "서연씨도 왔네요.",
        "가" * 60,
        "그래요?",
    )
    assert common(bpe, [[str(n), text] for text in texts for n in range(MIN_MESSAGES)]) == ("그래요?",)


def test_none_is_longer_than_a_prompt_leaves_free(bpe: Tokenizer) -> None:
    messages = [asked(str(n), "네, 그래요.") for n in range(MIN_MESSAGES)]
    prepared = prepare_dialogues(messages, bpe, max_len=200, loss_on="all", long_answers="drop")
    split = to_arrays(prepared.examples, bpe.size)
    needed = reply_tokens(split, bpe.bot_id, bpe.eos_id)
    assert common_replies(split, bpe, needed) == ("네, 그래요.",)
    assert common_replies(split, bpe, needed - 1) == ()


def test_they_are_the_same_however_many_examples_are_counted_at_once(
    bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialogues = [[f"{n}!", f"{n % 30}번.", f"{n}?", "네."] for n in range(900)]
    expected = common(bpe, dialogues)
    assert len(expected) == 31
    monkeypatch.setattr(counting, "EXAMPLES_AT_ONCE", 100)
    assert common(bpe, dialogues) == expected
