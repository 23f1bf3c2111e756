"""A reply calls nobody by a name that was not told."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.generation.asking import GREEDY, asked, run
from tests.generation.models import PlainDecoder
from tinychat.batches.prepared import to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.generation import reply_rules
from tinychat.generation.decoder import Floats
from tinychat.generation.engine import Engine
from tinychat.generation.request import Request, TakenBack
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.generation_config import GenerationConfig
from tinychat.starter.particles import fill
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import called_names, is_called, is_said_to_be
from tinychat.tokenizer.told_names import ToldNames
from tinychat.tokenizer.word_level import build_words
from tinychat.training.titles import titles_in


class Says(PlainDecoder):
    """A decoder that says the first of its texts that goes on as the reply has begun, the earlier the likelier."""

    def __init__(self, tokenizer: Tokenizer, *texts: str, slots: int = 2) -> None:
        self.vocab_size, self.max_len, self.slots = tokenizer.size, 200, slots
        self.bot_id = tokenizer.bot_id
        self.replies = [[*tokenizer.encode(text), tokenizer.eos_id] for text in texts]
        self.sequences = {}

    def _logits(self, slots: Sequence[int]) -> Floats:
        logits = np.zeros((len(slots), self.vocab_size), dtype=np.float32)
        for row, slot in zip(logits, slots, strict=True):
            ids = self.sequences[slot]
            reply = ids[len(ids) - ids[::-1].index(self.bot_id) :]
            for rank, text in enumerate(self.replies):
                if text[: len(reply)] == reply and len(text) > len(reply):
                    row[text[len(reply)]] = max(row[text[len(reply)]], 20 - rank)
        return logits


def said(engine: Engine, *texts: str, options: SamplingOptions = GREEDY) -> str:
    return engine.reply([asked(*texts)], options)[0].text


@pytest.fixture
def options() -> SamplingOptions:
    return SamplingOptions(max_tokens=64)


FIRST, SECOND = "네, 민수님! 반가워요", "그래, OK"


def is_told(name: str, text: str) -> bool:
    return is_called(name, text) or is_said_to_be(name, text)


def engine(tokenizer: Tokenizer, *texts: str, titles: tuple[str, ...] = (), common: tuple[str, ...] = ()) -> Engine:
    return Engine(Says(tokenizer, *texts), tokenizer, generation=GenerationConfig(64, titles, common_replies=common))


def test_a_sentence_with_a_name_that_nobody_told_is_taken_back_and_the_reply_goes_on_otherwise(
    bpe: Tokenizer, options: SamplingOptions
) -> None:
    talker = engine(bpe, FIRST, SECOND)
    reply = talker.reply([asked("내일 개학이야")], options)[0]
    assert (reply.text, reply.finish_reason) == (SECOND, "stop")
    assert list(reply.token_ids) == bpe.encode(SECOND)
    assert len(reply.choices) == len(reply.token_ids) + 1
    assert talker.free_slots == 2


def test_after_some_tries_a_token_without_text_before_the_name_is_taken_back_too(
    bpe: Tokenizer, options: SamplingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare syllable at the start stands behind a space that is a token of its own and is not seen."""
    space = bpe.encode("가님")[0]
    assert bpe.decode([space]) == ""
    talker = engine(bpe, "가님", "마님", SECOND)  # which begins with the space too
    assert said(talker, "안녕", options=options) == SECOND
    talker = engine(bpe, "가님", "마님", "OK")
    says = talker.decoder
    assert isinstance(says, Says)
    says.replies[-1].remove(space)
    monkeypatch.setattr(reply_rules, "TRIES_AT_A_PLACE", 1)
    assert said(talker, "안녕", options=options) == "OK"


def test_a_sentence_about_a_name_that_nobody_told_is_taken_back_with_the_next_one(
    bpe: Tokenizer, options: SamplingOptions
) -> None:
    texts = ("네. 좋은 이름이네요. 이제 민수님이라고 부를게요!", "네. 그래요, 이름이 뭐예요? 반가워요")
    for talk, expected in ((["안녕"], "네."), (["안녕", "네.", "응"], texts[1]), (["나는 민수야"], texts[0])):
        assert said(engine(bpe, *texts), *talk, options=options) == expected
        with engine(bpe, *texts).stream(asked(*talk), options) as stream:
            assert "".join(stream) == expected


COMMON = ("네, 그래요?", "아, OK. 더!", "오, OK.")


@pytest.mark.parametrize(
    ("talk", "reply"),
    [
        (["나는 라떼야"], "아, OK. 더!"),  # the likeliest, token by token, of those that begin otherwise
        (["안녕", "아, OK. 더!", "나는 라떼야"], "오, OK."),
        (["나는 라떼야", "오, OK.", "안녕", "아, OK. 더!", "나는 라떼야"], "안 그래?"),  # as without them
        (["나는 민수야"], "네, 민수님! 안녕"),
    ],
)
def test_where_the_first_sentence_calls_a_name_that_nobody_told_the_reply_is_a_common_one(
    bpe: Tokenizer, options: SamplingOptions, talk: list[str], reply: str
) -> None:
    says = ("네, 민수님! 안녕", "안 그래?", "오, OK.", "아, OK. 더!", "네, 그래요?")
    talker = engine(bpe, *says, common=COMMON)
    assert said(talker, *talk, options=options) == reply
    with talker.stream(asked(*talk), options) as stream:
        assert "".join(stream) == reply
    others = [asked(*talk), asked("안녕"), asked(*talk)]
    assert [one.text for one in talker.reply(others, options)][::2] == [reply, reply]


@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_where_no_common_reply_may_stand_the_reply_goes_on_as_without_them(bpe: Tokenizer, method: str) -> None:
    options = SamplingOptions(max_tokens=64, method=method, seed=1)
    texts = ("네, 민수님! 안녕", "오, 지훈님!", "아, 좋아요.")
    expected = said(engine(bpe, *texts), "나는 라떼야", options=options)
    for common in (("네, 그래요?",), ("가" * 80,)):
        assert said(engine(bpe, *texts, common=common), "나는 라떼야", options=options) == expected


def test_where_no_n_gram_may_occur_twice_no_common_reply_is_said(bpe: Tokenizer) -> None:
    options = SamplingOptions(max_tokens=64, no_repeat_ngram=2)
    talk = ["안녕", "네, OK. 더!", "나는 라떼야"]
    expected = said(engine(bpe, FIRST, "좋아요."), *talk, options=options)
    assert said(engine(bpe, FIRST, "좋아요.", common=COMMON), *talk, options=options) == expected


def test_a_common_reply_with_a_word_that_the_vocabulary_does_not_know_is_not_said(words: Tokenizer) -> None:
    rules = reply_rules.ReplyRules(words, words.size, ("안녕", "모르는말입니다"))
    assert {*rules._common} == {"안녕"}


def test_a_sentence_before_the_name_stays_and_no_common_reply_is_said(bpe: Tokenizer, options: SamplingOptions) -> None:
    assert said(engine(bpe, "OK. 네, 민수님!", common=COMMON), "나는 라떼야", options=options) == "OK."


def test_a_sampled_reply_is_a_common_one_too_and_as_long_as_it_must_be(bpe: Tokenizer) -> None:
    for seed in range(5):
        sampled = SamplingOptions(max_tokens=64, method="sample", temperature=2.0, seed=seed)
        assert said(engine(bpe, FIRST, common=COMMON), "나는 라떼야", options=sampled) in COMMON[1:]
    longest = len(bpe.encode(COMMON[1]))
    assert longest > len(bpe.encode(COMMON[2]))
    at_least = SamplingOptions(max_tokens=64, min_tokens=longest)
    assert said(engine(bpe, FIRST, common=COMMON), "나는 라떼야", options=at_least) == COMMON[1]


@pytest.mark.parametrize("praise", ["좋은 이름이네요. OK", "이름이 참 좋네요. 네"])
def test_a_name_that_was_taken_back_is_not_called_a_good_one_instead(
    bpe: Tokenizer, options: SamplingOptions, praise: str
) -> None:
    texts = ("네, 민수님! 반가워요", praise, "아, 그래요?")
    assert said(engine(bpe, *texts), "저는 얼죽아예요", options=options) == texts[2]
    assert said(engine(bpe, *texts[1:]), "저는 얼죽아예요", options=options) == praise


@pytest.mark.parametrize(
    ("said_by_user", "reply"),
    [
        (["저는 서연이에요"], "좋은 이름이네요. 이제 서연님이라고 부를게요!"),
        (["우리 강아지 이름은 초코야", "네", "우리 강아지 이름 뭐였지?"], "초코예요! 귀여운 이름이라 안 잊었어요."),
        (["저는 얼죽아예요"], "저는 제 이름이 좋아요."),
    ],
)
def test_a_name_that_was_told_may_be_called_a_good_one_after_another_was_taken_back(
    bpe: Tokenizer, options: SamplingOptions, said_by_user: list[str], reply: str
) -> None:
    texts = ("반가워요, 세연님! 또 봐요", reply, "OK")
    assert said(engine(bpe, *texts), *said_by_user, options=options) == reply


@pytest.mark.parametrize("talk", [["나는 민수야"], ["나는 민수야", "응", "내 이름이 뭐야?"], ["나는민수라고해"]])
def test_a_name_that_was_told_stays(bpe: Tokenizer, options: SamplingOptions, talk: list[str]) -> None:
    assert said(engine(bpe, FIRST, SECOND), *talk, options=options) == FIRST


@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_where_the_user_told_theirs_it_is_called_in_the_place_of_another(bpe: Tokenizer, method: str) -> None:
    options = SamplingOptions(max_tokens=64, method=method)
    talker = engine(bpe, "반가워요. 네, 민수님! 잘 자", "반가워요. 네, 뽀로로님! 내일 또 만나요", SECOND)
    dialogue = asked("내 이름은 뽀로로야")
    reply = talker.reply([dialogue], options)[0]
    assert reply.text == "반가워요. 네, 뽀로로님! 내일 또 만나요"
    assert list(reply.token_ids) == bpe.encode(reply.text)
    assert len(reply.choices) == len(reply.token_ids) + 1
    with talker.stream(dialogue, options) as stream:
        assert "".join(stream) == reply.text
    found = talker.reply([asked("안녕"), dialogue, asked("잘 자"), dialogue], options)
    assert [other.text for other in found] == ["반가워요.", reply.text, "반가워요.", reply.text]
    assert found[1].choices == reply.choices


def test_with_its_honorific_twice_the_name_is_said_once(bpe: Tokenizer, options: SamplingOptions) -> None:
    talker = engine(bpe, "네, 서연님님! 잘 자", "네, 서연님! OK")
    assert said(talker, "내 이름은 서연이야", options=options) == "네, 서연님! OK"


def test_the_name_is_said_whole_and_without_its_beginning_before_it(bpe: Tokenizer, options: SamplingOptions) -> None:
    for reply in ("네, 서 연님! 잘 자", "네, 서 서연님! 잘 자"):
        talker = engine(bpe, reply, "네, 서연님! OK")
        assert said(talker, "내 이름은 서연이야", options=options) == "네, 서연님! OK"


def test_a_word_of_the_dialogue_is_no_name(bpe: Tokenizer, options: SamplingOptions) -> None:
    talker = engine(bpe, "자님이잖아요", "서연님이잖아요")
    assert said(talker, "내 이름은 서연이야", "네", "자, 내 이름은?", options=options) == "서연님이잖아요"
    assert said(engine(bpe, "자님이잖아요", SECOND), "안녕", "네", "자, 반가워", options=options) == SECOND


def test_the_told_name_is_said_though_its_first_token_was_refused(bpe: Tokenizer, options: SamplingOptions) -> None:
    talker = engine(bpe, FIRST, "네, 서연님! OK")
    request = talker.request(asked("나는 서연이라고 해"), options)
    tokens = bpe.encode("네, 서연님!")
    request.refused = list(enumerate(tokens))[tokens.index(bpe.encode("네, 서연")[-1]) :]
    talker.admit([request])
    assert run(talker, [request])[0].text == "네, 서연님! OK"


def test_a_name_that_is_the_beginning_of_what_is_said_instead_is_taken_back(
    bpe: Tokenizer, options: SamplingOptions
) -> None:
    talker = engine(bpe, "네, 님! 잘 자", SECOND)
    found = talker.reply([asked("안녕"), asked("내이름은님프야")], options)
    assert [reply.text for reply in found] == [SECOND, SECOND]


@pytest.mark.parametrize("text", ["그건 농담 아님!", "어머님도 좋아해요", "손님이 와요"])
def test_a_common_word_that_ends_like_a_name_stays(bpe: Tokenizer, options: SamplingOptions, text: str) -> None:
    assert said(engine(bpe, text, SECOND), "내 이름은 서연이야", options=options) == text


def test_with_a_vocabulary_that_lacks_the_name_the_sentence_is_taken_back(options: SamplingOptions) -> None:
    words = build_words([FIRST, SECOND], max_size=100, min_frequency=1)
    assert said(engine(words, FIRST, SECOND), "내 이름은 서연이야", options=options) == SECOND


def test_a_title_of_the_training_answers_stays(bpe: Tokenizer, options: SamplingOptions) -> None:
    texts = ("고객님, 안녕하세요", "OK")
    assert said(engine(bpe, *texts, titles=("고객",)), "안녕", options=options) == texts[0]
    assert said(engine(bpe, *texts), "안녕", options=options) == texts[1]


def test_one_reply_of_a_batch_is_shortened_and_the_other_is_as_alone(bpe: Tokenizer, options: SamplingOptions) -> None:
    talker = engine(bpe, FIRST, SECOND)
    found = talker.reply([asked("안녕"), asked("나는 민수야"), asked("잘 자")], options)
    assert [reply.text for reply in found] == [SECOND, FIRST, SECOND]


def test_a_stream_never_shows_what_is_taken_back(bpe: Tokenizer, options: SamplingOptions) -> None:
    with engine(bpe, FIRST, SECOND).stream(asked("안녕"), options) as stream:
        assert "".join(stream) == SECOND


def test_a_stop_text_ends_the_reply_as_without_names(bpe: Tokenizer) -> None:
    options = SamplingOptions(max_tokens=64, stop=("반", "K"))
    assert said(engine(bpe, FIRST, SECOND), "안녕", options=options) == "그래, O"
    assert said(engine(bpe, FIRST, SECOND), "나는 민수야", options=options) == "네, 민수님! "


def test_after_so_many_refusals_a_name_stays(
    bpe: Tokenizer, options: SamplingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply_rules, "MAX_UNTOLD_NAMES", 0)
    assert said(engine(bpe, FIRST, SECOND), "안녕", options=options) == FIRST


def test_without_what_was_measured_in_training_names_are_not_looked_at(
    bpe: Tokenizer, options: SamplingOptions
) -> None:
    assert said(Engine(Says(bpe, FIRST, SECOND), bpe), "안녕", options=options) == FIRST


def test_the_sentences_before_it_are_the_reply(bpe: Tokenizer, options: SamplingOptions) -> None:
    texts = ("반가워요. 네, 민수님! 잘 자요", "반가워요. 잘 자요")
    assert said(engine(bpe, *texts), "안녕", options=options) == "반가워요."
    with engine(bpe, *texts).stream(asked("안녕"), options) as stream:
        assert "".join(stream) == "반가워요."


def test_they_are_not_where_the_bot_said_just_that_or_more_tokens_are_asked_for(
    bpe: Tokenizer, options: SamplingOptions
) -> None:
    texts = ("반가워요. 네, 민수님!", "반가워요. 잘 자요", "그래요")
    assert said(engine(bpe, *texts), "안녕", "반가워요.", "응", options=options) == texts[1]
    longer = SamplingOptions(max_tokens=64, min_tokens=len(bpe.encode("반가워요.")) + 1)
    assert said(engine(bpe, *texts), "안녕", options=longer) == texts[1]


DENIES = "아직 이름을 말씀 안 해 주셨어요. 이름이 어떻게 되세요?"


def test_a_reply_that_denies_the_name_which_was_told_begins_with_it(bpe: Tokenizer, options: SamplingOptions) -> None:
    texts = (DENIES, "기수님이에요! 반가워요")
    talk = ("나로 말하자면 기수라고 해", "네!", "제가 누구게요?")
    assert said(engine(bpe, *texts), *talk, options=options) == texts[1]
    with engine(bpe, *texts).stream(asked(*talk), options) as stream:
        assert "".join(stream) == texts[1]  # nothing of the denial was shown
    found = engine(bpe, *texts).reply([asked(*talk), asked("안녕")], options)
    assert [reply.text for reply in found] == [texts[1], DENIES]


def test_of_a_reply_that_denies_it_later_the_sentences_before_stay(bpe: Tokenizer, options: SamplingOptions) -> None:
    texts = (f"반가워요. {DENIES}", "반가워요. 기수님이에요! 잘 자")
    talk = asked("나로 말하자면 기수라고 해", "네!", "제가 누구게요?")
    talker = engine(bpe, *texts)
    assert [reply.text for reply in talker.reply([talk], options)] == [texts[1]]
    with talker.stream(talk, options) as stream:
        assert "".join(stream) == texts[1]


@pytest.mark.parametrize("text", ["기수님이죠! 이름 안 까먹었어요", "이름을 안 잊었어요. 잘 자"])
def test_a_reply_that_recalls_it_stays(bpe: Tokenizer, options: SamplingOptions, text: str) -> None:
    talk = ("나로 말하자면 기수라고 해", "네!", "제가 누구게요?")
    assert said(engine(bpe, text, SECOND), *talk, options=options) == text


@pytest.mark.parametrize(
    "talk",
    [("제가 누구게요?",), ("저는 기수예요", "네!", "우리 강아지 이름은?"), ("저는 음치예요", "네!", "내 이름은?")],
)
def test_where_no_name_was_told_or_it_is_not_asked_for_that_stays(
    bpe: Tokenizer, options: SamplingOptions, talk: tuple[str, ...]
) -> None:
    assert said(engine(bpe, DENIES, SECOND), *talk, options=options) == DENIES


def test_with_a_vocabulary_that_lacks_the_name_that_stays_too(options: SamplingOptions) -> None:
    words = build_words([DENIES, SECOND], max_size=100, min_frequency=1)
    talk = ("내 이름은 서연이야", "네!", "내 이름은?")
    assert said(engine(words, DENIES, SECOND), *talk, options=options) == DENIES


def test_where_names_stand() -> None:
    assert list(called_names("네, 민수님! 김서연님도요. 님")) == [(3, "민수"), (8, "김서연"), (15, "")]
    assert ToldNames(asked("민수야")).first_untold("네, 민수님! 서연님도요") == (8, "서연")
    assert ToldNames(asked("안녕"), ("선생",)).first_untold("선생님") is None
    assert ToldNames(asked("나는 님이야")).first_untold("반가워요, 님!") == (5, "")


@pytest.mark.parametrize(
    "said",
    [
        "저는 서연이에요",
        "서연",
        "내 이름은 서연!! 반가워",
        "서연이라 불러줘",
        "난 서연 ㅋㅋ",
        "나서연이야",
        "서연님이죠!",
        "저는 서연 입니다",
        "내 이름 서연 기억해 줘",
        "나 서연인데 기억나?",
        "서연으로 불러 줘",
        "나는 서연이다",
        "나 김서연이야",
        "내이름은바로서연이야",
        "서연이",
    ],
)
def test_a_name_is_told(said: str) -> None:
    assert is_told("서연", said)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("다", "다 내 잘못이야"),
        ("춘", "춘천이에요"),
        ("추", "부추를 샀어"),
        ("예민", "좀 예민한 편"),
        ("민초", "민초파예요"),
        ("민수", "민수랑 싸웠어"),
        ("원래", "나 원래 낯가려"),
        ("달", "한 달 됐어"),
    ],
)
def test_a_word_that_is_no_name_is_not_told(word: str, said: str) -> None:
    assert not is_told(word, said)


def test_titles_are_what_training_answers_call_though_nobody_said_it(bpe: Tokenizer) -> None:
    dialogues = [
        [("user", "나는 민수야"), ("assistant", "네, 민수님!"), ("user", "안녕"), ("assistant", "선생님도 안녕하세요")],
        [("user", "고객님이래"), ("assistant", "고객님, 손님이 오셨어요")],
    ]
    messages = [[{"role": role, "content": text} for role, text in dialogue] for dialogue in dialogues]
    prepared = prepare_dialogues(messages, bpe, max_len=500, loss_on="reply", long_answers="drop")
    assert titles_in(to_arrays(prepared.examples, bpe.size), bpe) == ("선생", "손")


def test_a_name_that_was_told_in_an_earlier_window_is_no_title(bpe: Tokenizer) -> None:
    between = ["안녕", "반가워요"] * 20
    dialogue = asked("내 이름은 서연이야", "네!", *between, "잘 자", "네, 서연님!")
    prepared = prepare_dialogues([dialogue], bpe, max_len=64, loss_on="reply", long_answers="drop")
    assert len(prepared.examples) > 2
    assert titles_in(to_arrays(prepared.examples, bpe.size), bpe) == ()


def test_each_phrasing_of_the_sample_that_tells_a_name_tells_it_with_spaces_and_without(repo: Path) -> None:
    scenes = read_starter(repo / "data/starter").scenes.values()
    exchanges = [step for scene in scenes for step in scene.steps if isinstance(step, SceneExchange)]
    telling = dict.fromkeys(text for step in exchanges for text in step.user if "{name" in text)
    said = [fill(text, {"name": "서연", "other_name": "민수"}) for text in telling]
    assert len(said) > 50
    assert not [text for one in said for text in (one, one.replace(" ", "")) if not is_told("서연", text)]


def test_names_in_latin_letters_and_titles_written_apart(bpe: Tokenizer) -> None:
    assert ToldNames(asked("내 이름은 Tom이야")).first_untold("Tom님, 반가워요!") is None
    assert ToldNames(asked("나는 서연이야")).first_untold("서연 님, 반가워요!") is None
    assert ToldNames(asked("안녕"), ("고객",)).first_untold("고객 님, 반가워요!") is None


def test_what_was_refused_later_in_the_reply_is_forgotten(bpe: Tokenizer) -> None:
    request = Request((1,), GREEDY, bpe)
    request.take_back(TakenBack(0, 7))
    request.refused.append((3, 8))
    request.take_back(TakenBack(2, 9))
    assert request.refused == [(0, 7), (2, 9)]
