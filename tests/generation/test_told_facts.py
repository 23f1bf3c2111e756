"""A reply says what the user told of themselves, where they ask for it."""

import pytest

from tests.generation.asking import asked
from tests.generation.test_untold_names import Says
from tinychat.generation import reply_rules
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer

OPTIONS = SamplingOptions(max_tokens=64)
ASKS = "내가 뭐 좋아한다고 했지?"
TALK = ("나는 초밥 좋아해", "네!", ASKS)
UNKNOWN = "아직 못 들었어요. 알려 주세요!"


def engine(tokenizer: Tokenizer, *texts: str) -> Engine:
    says = Says(tokenizer, *texts)
    pieces = tokenizer.bytes_of(tokenizer.size) or []
    for text, ids in zip(texts, says.replies, strict=True):
        if word := next((word for word in ("초밥", "김밥") if text.startswith(word)), ""):
            # The model goes on behind the tokens of the word, as it does where a rule put them in.
            ids[:-1] = [
                *tokenizer.encode(word),
                *(pieces.index(bytes([byte])) for byte in text.removeprefix(word).encode()),
            ]
            assert tokenizer.decode(ids[:-1]) == text
    return Engine(says, tokenizer, generation=GenerationConfig(64))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((UNKNOWN, "초밥이에요! 기억하고 있어요."), "초밥이에요! 기억하고 있어요."),
        ((UNKNOWN, "초밥, 좋죠.", "초밥을 좋아한다고 하셨어요."), "초밥을 좋아한다고 하셨어요."),
        ((UNKNOWN, "초밥 OK", "초밥~", "초밥 좋아한대요."), "초밥 좋아한대요."),
        (("아까 김밥이라고 하셨어요.", "초밥이라고 하셨어요."), "초밥이라고 하셨어요."),
        (("아까 초밥이라고 하셨어요.", "초밥이에요!"), "아까 초밥이라고 하셨어요."),
    ],
)
def test_a_reply_that_does_not_say_it_is_taken_back_and_begins_with_it(
    bpe: Tokenizer, texts: tuple[str, ...], expected: str
) -> None:
    talker = engine(bpe, *texts)
    assert talker.reply([asked(*TALK)], OPTIONS)[0].text == expected
    with engine(bpe, *texts).stream(asked(*TALK), OPTIONS) as stream:
        assert "".join(stream) == expected
    assert talker.free_slots == 2


def test_where_nothing_answers_behind_the_word_the_reply_says_just_that(
    bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply_rules, "MAX_FACTS_REFUSED", 2)
    texts = (UNKNOWN, "초밥집.", "초밥님.", "초밥만.")
    assert engine(bpe, *texts).reply([asked(*TALK)], OPTIONS)[0].text == "초밥이에요"


def test_without_anything_told_or_asked_for_the_reply_stays(bpe: Tokenizer) -> None:
    texts = (UNKNOWN, "초밥이에요!")
    for talk in (("안녕", "네!", ASKS), ("나는 초밥 좋아해", "네!", "오늘 뭐 해?"), ("나는 초밥 좋아해",)):
        assert engine(bpe, *texts).reply([asked(*talk)], OPTIONS)[0].text == UNKNOWN


def test_with_others_in_a_batch_it_is_the_same(bpe: Tokenizer) -> None:
    texts = (UNKNOWN, "초밥이에요!", "김밥이에요!")
    talks = [asked(*TALK), asked("나 김밥 좋아해", "네!", ASKS), asked("안녕", "네!", ASKS)]
    together = [reply.text for reply in engine(bpe, *texts).reply(talks, OPTIONS)]
    assert together == ["초밥이에요!", "김밥이에요!", UNKNOWN]


def test_a_word_that_the_vocabulary_cannot_say_is_not_tried(words: Tokenizer) -> None:
    talker = Engine(Says(words, "안녕"), words, generation=GenerationConfig(64))
    assert talker.reply([asked("나는 쏨땀 좋아해", "네!", ASKS)], OPTIONS)[0].text == "안녕"


def test_asked_twice_it_is_said_twice(bpe: Tokenizer) -> None:
    texts = ("김밥이에요!", "초밥이에요!", "오, 국수죠!")
    said = engine(bpe, *texts).reply([asked(*TALK)], OPTIONS)[0].text
    again = engine(bpe, *texts).reply([asked(*TALK, said, ASKS)], OPTIONS)[0].text
    assert "초밥" in said and "초밥" in again


def test_a_stream_gives_nothing_out_that_is_taken_back_later(bpe: Tokenizer) -> None:
    """초밥집 has the word at its beginning, and does not say it."""
    texts = ("OK. 저는 초밥집이 좋아요. 네!", "초밥이에요!")
    assert engine(bpe, *texts).reply([asked(*TALK)], OPTIONS)[0].text == "초밥이에요!"
    with engine(bpe, *texts).stream(asked(*TALK), OPTIONS) as stream:
        assert "".join(stream) == "초밥이에요!"


def test_where_a_name_is_taken_back_from_it_the_word_comes_again(bpe: Tokenizer) -> None:
    texts = (UNKNOWN, "초밥이라고 민수님!", "오, 민수님!", "초밥이에요!")
    assert "초밥" in engine(bpe, *texts).reply([asked(*TALK)], OPTIONS)[0].text


def test_a_reply_that_stops_within_the_phrase_gets_its_ending(bpe: Tokenizer) -> None:
    for cut in ("초밥을", "초밥이에", "초밥"):
        assert engine(bpe, UNKNOWN, cut).reply([asked(*TALK)], OPTIONS)[0].text == "초밥이에요"


def test_a_reply_that_a_stop_text_or_the_length_ends_stays(bpe: Tokenizer) -> None:
    """What was not said to the end does not say that it does not know."""
    for options in (SamplingOptions(max_tokens=64, stop=(".",)), SamplingOptions(max_tokens=8)):
        reply = engine(bpe, UNKNOWN, "초밥이에요!").reply([asked(*TALK)], options)[0]
        with engine(bpe, UNKNOWN, "초밥이에요!").stream(asked(*TALK), options) as stream:
            assert "".join(stream) == reply.text
        assert UNKNOWN.startswith(reply.text)
