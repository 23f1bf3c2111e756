"""No syllable or word is said without end."""

import pytest

from tests.generation.asking import asked
from tests.generation.test_untold_names import Says
from tinychat.generation import reply_rules
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer


def engine(tokenizer: Tokenizer, *texts: str, common: tuple[str, ...] = ()) -> Engine:
    return Engine(Says(tokenizer, *texts), tokenizer, generation=GenerationConfig(64, common_replies=common))


def reply(talker: Engine, *talk: str, **options: object) -> str:
    return talker.reply([asked(*talk)], SamplingOptions(**{"max_tokens": 64, **options}))[0].text  # type: ignore[arg-type]


# The bpe of these tests has tokens of several syllables for some of these words, of bytes for others.
@pytest.mark.parametrize("syllables", ["로", "안녕", "김밥", "쀍", "뽀로", "가나다", "쀍쀙쀚"])
@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_the_same_syllables_six_times_in_a_row_stay_twice(bpe: Tokenizer, syllables: str, method: str) -> None:
    other = f"{syllables * 2}! 좋아요"
    assert reply(engine(bpe, syllables * 12, other), "좋아", method=method, temperature=0.1) == other
    assert reply(engine(bpe, f"네, {syllables * 6}!", f"네, {other}"), "좋아") == f"네, {other}"


@pytest.mark.parametrize("words", ["연애", "잘 먹고", "좋은 이별은"])
def test_so_do_words(bpe: Tokenizer, words: str) -> None:
    other = f"{words} {words} 좋아요"
    assert reply(engine(bpe, " ".join([words] * 10), other), "좋아") == other


def test_those_of_another_run_stay_once(bpe: Tokenizer) -> None:
    other = "로로, 안녕! 좋아요"
    assert reply(engine(bpe, "로" * 12, "로로, " + "안녕" * 8, other), "좋아") == other


@pytest.mark.parametrize("end", ["", ".", " 좋아"])
def test_six_words_with_spaces_are_enough(bpe: Tokenizer, end: str) -> None:
    assert reply(engine(bpe, " ".join(["정말"] * 6) + end, "정말 정말 좋아요"), "좋아") == "정말 정말 좋아요"


def test_a_word_that_ends_in_two_such_syllables_stays_whole(bpe: Tokenizer) -> None:
    assert reply(engine(bpe, "뽀로로로로로로로", "뽀로로 좋아요"), "좋아") == "뽀로로 좋아요"


@pytest.mark.parametrize(
    "text",
    ["로로로로로!", "또 또 또 또 또 말해요", "짝짝짝! 짝짝짝! 짝짝짝!", "ㅋㅋㅋㅋㅋㅋㅋㅋ", "......", "hahahahahahaha"],
)
def test_fewer_and_what_is_no_syllable_stay(bpe: Tokenizer, text: str) -> None:
    assert reply(engine(bpe, text, "좋아요"), "안녕") == text


def test_what_was_said_before_may_be_said_again(bpe: Tokenizer) -> None:
    assert reply(engine(bpe, "하하하하하하하", "좋아요"), "하하하하하하하") == "하하하하하하하"


def test_a_common_reply_stays(bpe: Tokenizer) -> None:
    talker = engine(bpe, "네, 민수님! 반가워요", "안녕", common=("하하하하하하",))
    assert reply(talker, "내일 개학이야") == "하하하하하하"


def test_after_so_many_tries_a_run_stays(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_rules, "MAX_RUNS", 1)
    second = "로로, " + "김밥" * 8
    assert reply(engine(bpe, "로" * 12, second), "안녕") == second


def test_a_stream_shows_nothing_of_what_is_taken_back(bpe: Tokenizer) -> None:
    talker = engine(bpe, "네. " + "로" * 12, "네. 로로! 좋아요")
    with talker.stream(asked("안녕"), SamplingOptions(max_tokens=64)) as stream:
        assert "".join(stream) == stream.reply.text == "네. 로로! 좋아요"


def test_in_a_batch_it_is_the_reply_alone(bpe: Tokenizer) -> None:
    talker = engine(bpe, "로" * 12, "로로! 좋아요")
    replies = talker.reply([asked("안녕"), asked("뭐야?")], SamplingOptions(max_tokens=64))
    assert [one.text for one in replies] == ["로로! 좋아요"] * 2
    assert all(len(one.choices) == len(one.token_ids) + 1 for one in replies)


def test_a_model_without_what_was_measured_in_training_says_what_is_likeliest(bpe: Tokenizer) -> None:
    assert reply(Engine(Says(bpe, "로" * 12), bpe), "안녕") == "로" * 12
