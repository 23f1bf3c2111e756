"""Which name a user told, and which may be called."""

import time
from pathlib import Path

import pytest

from tests.generation.asking import asked
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer.told_names import ToldNames

UNSEEN = Path(__file__).parents[2] / "benchmarks/unseen"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("내 이름은 서연이야", "서연"),
        ("내 이름은 유이야", "유이"),
        ("제 이름은 홍길동입니다", "홍길동"),
        ("내 이름은 서연", "서연"),
        ("이름은 제갈윤호고 나이는 스물여섯이에요", "제갈윤호"),
        ("내 이름 한별임 기억해둬", "한별"),
        ("나는 민재라고 해 반가워", "민재"),
        ("안녕티니,난창지라고해", "창지"),
        ("저는원욱이라 합니다", "원욱"),
        ("저를경선이라고불러주세요", "경선"),
        ("앞으로 나를 나경이라고 불러", "나경"),
        ("다들 나를 옥순이라고 불러", "옥순"),
        ("전 그냥 지우라고 불러주시면 돼요", "지우"),
        ("뽀로로라고 해요", "뽀로로"),
        ("내 이름은 Tom이야", "Tom"),
        ("내 별명은 서연이야", "서연"),
        ("제 닉네임은 초코예요", "초코"),
        ("제 이름은 서연이고, 만나서 반가워요", "서연"),
        ("제임스라고 불러", "제임스"),
        ("서연이라고 불러요", "서연"),
        ("친구가 나한테 바보라고 불러", None),
        ("저는 음치예요", None),
        ("나 소띠야", None),
        ("이런 걸 보고 번아웃이라고 해", None),
        ("팀장님이 내일까지 하라고 해", None),
        ("새로 온 인턴이 대표님을 아저씨라고 불렀어요", None),
        ("아까 나를 뭐라고 불렀지?", None),
        ("왜 티니라고 불러?", None),
        ("제 이름 기억하세요", None),
        ("여전히 내 이름 알고 있어?", None),
        ("내 이름은 뭘까", None),
        ("내 친구 이름은 지훈이야", None),
        ("나를 이름으로 불러 줘", None),
        ("아니, 진짜라고", None),
        ("제 이름은 현수인데요", "현수"),
        ("제 이름은 현수거든", "현수"),
        ("제 이름은 현수라고요", "현수"),
        ("내 이름은 난희야", "난희"),
        ("나를서연이라고불러줘", "서연"),
        ("내이름은님프야", "님프"),
        ("제 이름은 서연님이에요", "서연"),
        ("티니야, 내 이름이 뭐야?", None),
        ("강아지를 입양했어! 이름은 초코야", None),
        ("너의 이름은 초코야", None),
        ("그만하라고 해", None),
        ("힘내라고 해 줘", None),
        ("담임 선생님이 누구실지 떨려요", None),
        ("노래 영어로 불러 줘", None),
        ("택시로 불러 줘", None),
        ("친구들이 돼지라고 불러서 속상해", None),
        ("우리는 이걸 떡이라고 불러", None),
        ("너를 티니라고 부르면 돼?", None),
        ("내 이름은 예쁘고 좋아", None),
        ("내 이름은 싫어!", None),
        ("내 이름은 별로야", None),
    ],
)
def test_a_name_told_in_so_many_words(said: str, name: str | None) -> None:
    assert ToldNames(asked(said)).name == name


@pytest.mark.parametrize(
    "said",
    [
        "아니, 수민이라고",
        "아니야, 나는 수민이야",
        "수빈 말고 수민이야",
        "아니요, 수빈이 아니라 수민이에요",
        "잘못 썼어, 수민이야",
    ],
)
def test_a_correction_counts_where_the_bot_called_a_name(said: str) -> None:
    assert ToldNames(asked("나는 수빈이라고 해", "네, 수빈님!", said)).name == "수민"
    assert ToldNames(asked("나는 수빈이라고 해", "네!", "아니, 진짜라고")).name == "수빈"


def test_the_name_of_before_a_correction_may_not_be_called() -> None:
    told = ToldNames(asked("나는 수빈이라고 해", "네, 수빈님!", "아니, 수민이라고"))
    assert told.may_call("수민") and not told.may_call("수빈")


def test_what_may_be_a_name_is_one_where_the_user_asks_for_it() -> None:
    assert ToldNames(asked("저는 도토리예요", "네", "내 이름이 뭐야?")).name == "도토리"
    assert ToldNames(asked("저는 도토리예요", "네", "배고파")).name is None
    assert ToldNames(asked("나는 서연이야", "네, 서연님!", "나 학생이야", "네", "내 이름이 뭐야?")).name is None
    assert ToldNames(asked("나는 서연이야", "네, 서연님!", "티니야, 내 이름이 뭐야?")).name == "서연"
    assert ToldNames(asked("내 이름은 서연이야", "네", "저는 음치예요", "네", "내 이름이 뭐야?")).name == "서연"


def test_where_a_name_is_told_only_names_may_be_called() -> None:
    told = ToldNames(asked("내 이름은 홍길동이야", "네, 길동님!", "부장님 미워", "네", "자, 내 이름은?"), ("고객",))
    assert all(map(told.may_call, ("홍길동", "길동", "부장", "고객")))
    assert not any(map(told.may_call, ("자", "동", "홍길", "")))
    assert told.first_untold("고객님, 자님") == (5, "자")
    assert ToldNames(asked("자, 안녕")).may_call("자")
    assert ToldNames(asked("내 이름은 예님이야")).first_untold("예님님, 반가워요") is None


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("나 초딩이야", "초딩"),
        ("나야 나", "나"),
        ("저는 백수예요", "백수"),
        ("나 백수야ㅋㅋ", "수"),
        ("난 O형이야", "형"),
        ("저는 학원 강사입니다", "강사"),
        ("나 민초파야", "민초파"),
        ("나 지금 옥상이야", "옥상"),
    ],
)
def test_what_somebody_is_is_called_only_where_it_is_told_as_a_name(said: str, called: str) -> None:
    assert not ToldNames([{"role": "user", "content": said}]).may_call(called)
    assert ToldNames([{"role": "user", "content": f"내 이름은 {called}야"}]).may_call(called)


@pytest.mark.parametrize("said", ["제가 사는 곳은 춘천이에요", "우리 집은 춘천이야", "고향이 춘천이거든"])
def test_a_place_is_nobodys_name(said: str) -> None:
    assert not ToldNames([{"role": "user", "content": said}]).may_call("춘천")
    assert ToldNames([{"role": "user", "content": f"{said} 나는 춘천이라고 해"}]).may_call("춘천")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("오늘이 마감이에요", "마감"),
        ("세상은 요지경이야", "요지경"),
        ("이 노래는 우리 엄마 애창곡이야", "애창곡"),
        ("안녕! 내일은 소풍이야", "소풍"),
    ],
)
def test_what_is_said_of_something_else_is_nobodys_name(said: str, word: str) -> None:
    assert not ToldNames([{"role": "user", "content": said}]).may_call(word)


@pytest.mark.parametrize(
    "said",
    [
        "오늘이 제 생일인데 저는 서연이에요",
        "날씨가 좋네, 난 서연이야",
        "사실은 서연이야",
        "내 이름이 서연이야",
        "친구들은 서연이라고 불러",
        "거기서 일하는 서연이에요",
        "노을이 아니라 서연이야",
        "오늘은 서연님이 없네",
        "많이 기다렸지? 서연이야",
        "저는 부산에 사는 서연이에요",
        "안녕하세요 저는 회사에서 일하는 서연이에요",
        "저는 꿈이 많은 서연이에요",
        "저는 화가 서연이에요",
        "나 쌍둥이 서연이야",
        "우리 반 반장 서연이야",
        "내 본명은 서연이야",
        "실은 서연이야",
        "노을이 아니고 서연이야",
        "날씨가 좋네요 ㅎㅎ 서연이에요",
        "여기가 처음인데 서연이에요",
        "친구들은 저를 서연으로 불러요",
    ],
)
def test_a_name_is_told_whatever_else_the_sentence_is_about(said: str) -> None:
    assert ToldNames([{"role": "user", "content": said}]).may_call("서연")


@pytest.mark.parametrize(
    ("said", "name"),
    [("나 리사야. 요리사는 아니야", "리사"), ("나 솔이야, 모솔이야", "솔"), ("우리 형님이 오셨어", "형")],
)
def test_a_name_that_ends_a_word_for_what_somebody_is_may_be_called(said: str, name: str) -> None:
    assert ToldNames([{"role": "user", "content": said}]).may_call(name)


def test_a_place_is_no_name_however_it_is_said() -> None:
    assert not ToldNames([{"role": "user", "content": "제 고향은 춘천이라고 했잖아요"}]).may_call("춘천")


def test_a_long_text_takes_no_long_time_to_look_for_a_name_in() -> None:
    told = ToldNames([{"role": "user", "content": "오늘이 마감이에요\n" * 20_000}])
    begun = time.monotonic()
    assert not told.may_call("마감")
    assert time.monotonic() - begun < 5


def test_a_word_that_ends_like_a_name_is_called_where_nobody_told_one() -> None:
    names = ToldNames([{"role": "user", "content": "나 누구라고?"}])
    assert names.first_untold("아까 아님이라고 알려 주셨어요.") == (3, "아")
    assert names.first_untold("장난 아님") is None
    assert names.first_untold("손님이라고 하셨어요.") is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("하이 나 유나", "유나"),
        ("안녕 티니야 나 수민이", "수민"),
        ("안녕 나 유이", "유이"),
        ("ㅎㅇ 나 왔어", None),
        ("안녕 나 졸려", None),
    ],
)
def test_a_greeting_may_tell_a_name_that_is_asked_for_later(said: str, name: str | None) -> None:
    asked = [{"role": "user", "content": said}, {"role": "user", "content": "나 누구라고?"}]
    assert ToldNames(asked).name == name
    assert ToldNames(asked[:1]).name is None


def test_each_phrasing_of_the_sample_tells_its_name(repo: Path) -> None:
    scenes = read_starter(repo / "data/starter").scenes.values()
    exchanges = [step for scene in scenes for step in scene.steps if isinstance(step, SceneExchange)]
    texts = dict.fromkeys(text for step in exchanges for text in step.user if "name" in text and slots_in(text))
    assert len(texts) > 50
    for name in ("서연", "나은", "도토리", "이몽룡"):
        wrong = []
        for text in texts:
            slots = {slot for slot, _ in slots_in(text)}
            said = fill(text, {"name": name, "other_name": "민수" if "name" in slots else name})
            # What corrects a name follows one that the bot called; a name alone answers the bot's question.
            before = ("네, 민수님!", "뭐라고 부르면 될까요?")
            told = [ToldNames(asked("안녕", text, said, "네", "내 이름이 뭐야?")).name for text in before]
            wrong += [said] if name not in told else []
        assert not wrong


@pytest.mark.parametrize("question", ["이름이 어떻게 되세요?", "뭐라고 부르면 될까요?", "아직 이름을 몰라요."])
@pytest.mark.parametrize(
    "answer", ["서연", "서연이야", "서연이요", "서연이에요", "응, 서연이야", "그럼 알려 줄게, 서연이야"]
)
def test_a_name_alone_tells_it_where_the_bot_asked_for_it(question: str, answer: str) -> None:
    assert ToldNames(asked("안녕", question, answer, "네!", "내 이름이 뭐야?")).name == "서연"
    assert ToldNames(asked("안녕", "네!", answer, "네!", "내 이름이 뭐야?")).name is None


@pytest.mark.parametrize("answer", ["글쎄", "싫어", "안 알려 줄래", "나중에", "왜?", "응", "아니", "비밀이야", "없어"])
def test_what_is_no_name_tells_none_where_the_bot_asked_for_one(answer: str) -> None:
    assert ToldNames(asked("안녕", "이름이 어떻게 되세요?", answer, "네!", "내 이름이 뭐야?")).name is None


def test_messages_without_a_name_tell_none(songys: list[tuple[str, str]]) -> None:
    unseen = [text for name in ("no_names", "questions", "statements") for text in _lines(UNSEEN / f"{name}.txt")]
    texts = [*unseen, *(question for question, _ in songys)]
    assert not [text for text in texts if ToldNames(asked(text)).name]


def test_a_long_text_takes_no_long_time() -> None:
    for piece in ("이름", "아니 ", "나는 ", "서연", "말고 ", "이름, ", "내 이름 ", "."):
        assert ToldNames(asked(piece * 20_000)).name is None
    names = [
        f"나는 {first}{second}라고 해." for first in "가나다라마바사아자차" for second in "가나다라마바사아자차" * 30
    ]
    assert ToldNames(asked(" ".join(names))).name == "차차"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
