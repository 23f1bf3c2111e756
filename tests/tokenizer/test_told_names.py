"""Which name a user told, and which may be called."""

import re
import time
from pathlib import Path

import pytest

from tests.generation.asking import asked
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer.told_names import NO_NAME, NO_NAMES, ToldNames, ends_with_consonant

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
        ("선수라고불러요", "선수"),
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
        ("제 이름은 말하고 싶지 않아요", None),
        ("내 이름은 알려 주고 싶지 않아", None),
        ("제 이름은 밝히고 싶지 않고요", None),
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
    assert not ToldNames(asked("자, 안녕")).may_call("자")
    assert ToldNames(asked("내 이름은 예님이야")).first_untold("예님님, 반가워요") is None


@pytest.mark.parametrize(
    ("name", "reply", "untold"),
    [
        ("제임스", "네! 제 임스님이에요", (3, "제 임스")),
        ("새봄", "새 새봄님 이름 예뻐요!", (0, "새 새봄")),
        ("홍길동", "네, 홍길 길동님", None),
        ("새봄", "네, 새봄님!", None),
        ("새봄", "새봄 새봄님", None),
        ("네오", "네, 네오님!", None),
        ("새봄", "올해 새봄님", None),
    ],
)
def test_what_is_left_of_the_users_name_before_it_belongs_to_it(
    name: str, reply: str, untold: tuple[int, str] | None
) -> None:
    assert (
        ToldNames(asked(f"내 이름은 {name}{'이' if name.endswith(('봄', '동')) else ''}야")).first_untold(reply)
        == untold
    )


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
        ("저는 태국인이에요", "태국인"),
        ("저 몽골사람이에요", "몽골사람"),
        ("나 쥐띠야", "쥐띠"),
        ("저는 유부남입니다", "유부남"),
        ("저는 소방관입니다", "방관"),
        ("저는 기아입니다", "기아"),
    ],
)
def test_what_somebody_is_is_called_only_where_it_is_told_as_a_name(said: str, called: str) -> None:
    assert not ToldNames([{"role": "user", "content": said}]).may_call(called)
    assert ToldNames([{"role": "user", "content": f"내 이름은 {called}야"}]).may_call(called)


@pytest.mark.parametrize("word", ["라떼", "반대", "똠얌꿍"])
def test_what_does_not_look_like_a_name_is_called_where_it_is_told_as_one(word: str) -> None:
    assert not ToldNames(asked(f"저는 {word}예요")).may_call(word)
    assert not ToldNames(asked(f"나 {word}야")).may_call(word)
    for said in (f"내 이름은 {word}야", f"나는 {word}라고 해", f"{word}라고 불러 줘"):
        assert ToldNames(asked(said)).may_call(word)
    assert ToldNames(asked("안녕", "이름이 어떻게 되세요?", f"{word}예요")).may_call(word)
    assert ToldNames(asked("안녕", "뭐라고 부를까요?", f"저는 {word}예요")).may_call(word)
    assert ToldNames(asked(f"나는 {word}야", "그랬군요!", "내 이름이 뭐야?")).may_call(word)
    assert not ToldNames(asked("내 이름은 서연이야", "네, 서연님!", f"저는 {word}예요")).may_call(word)


IS_ONE = ("나는 {}고 해", "{}고 합니다", "사람들이 저를 {}고 해요", "전 {}고 해요")


@pytest.mark.parametrize(
    "word", ["변리사", "소프라노", "수의사", "울보", "직장인", "승마선수", "쌍둥이", "겁쟁이", "아이"]
)
def test_a_kind_of_people_is_called_only_where_it_is_told_as_a_name(word: str) -> None:
    ia = "이라" if ends_with_consonant(word) else "라"
    for said in (f"저는 {word}예요", *(said.format(word + ia) for said in IS_ONE)):
        names = ToldNames(asked(said))
        assert (names.name, names.may_call(word)) == (None, False)
        stem = word.removesuffix("이")
        assert stem in NO_NAMES or not names.may_call(stem)
    for said in (f"내 이름은 {word}야", f"{word}{ia}고 불러 줘", f"나는 {word}{ia}고 하면 돼"):
        assert ToldNames(asked(said)).may_call(word)
    assert ToldNames(asked("안녕", "이름이 어떻게 되세요?", f"{word}예요")).may_call(word)
    assert ToldNames(asked("안녕", "뭐라고 부를까요?", f"저는 {word}{ia}고 해요")).may_call(word)
    assert ToldNames(asked(f"나는 {word}{ia}고 해", "그랬군요!", "내 이름이 뭐야?")).name == word
    assert not ToldNames(asked("내 이름은 서연이야", "네, 서연님!", f"저는 {word}{ia}고 해요")).may_call(word)


@pytest.mark.parametrize("name", ["행자", "찬모", "여경", "도인", "전우", "수재", "재범", "시민", "대장", "테일러"])
def test_what_is_a_word_and_a_name_is_called_where_it_is_told(name: str) -> None:
    ia = "이라" if ends_with_consonant(name) else "라"
    assert ToldNames(asked(f"저는 {name}{ia}고 해요")).may_call(name)


# Names of Koreans of all ages.
_NAMES = """
가영 가은 가을 가희 갑수 강민 강현 건우 건희 경규 경미 경민 경수 경숙 경실 경아 경자 경희 광수 광현 규리 규진 규현
근석 근영 금순 금희 기범 기영 기철 기현 길동 끝순 나라 나래 나연 나영 나윤 나은 남길 남주 남준 누리 다빈 다솜 다연
다영 다은 다인 다현 다혜 단비 달수 담희 대성 대현 대호 대희 덕수 덕화 도경 도연 도영 도윤 도현 도훈 동우 동욱 동원
동하 동현 동훈 두나 두현 라희 로운 루다 리나 리안 마음 만수 만호 말순 말자 명수 명진 무열 무진 문수 문정 문희 미경
미나 미라 미선 미숙 미애 미영 미옥 미정 미진 민경 민구 민규 민기 민서 민성 민아 민우 민재 민정 민준 민지 민혁 민형
민호 민희 바다 범석 범수 범준 별 병만 병수 병철 병헌 보경 보라 보람 보미 보영 보은 복동 복순 봄 봉수 봉주 빈우 빛나
사랑 산하 삼식 상민 상우 상욱 상진 상철 상현 상호 상훈 새롬 새봄 샛별 서아 서연 서영 서우 서윤 서인 서준 서진 서하
서현 석진 석훈 선미 선영 선우 선호 선희 설아 성경 성민 성수 성은 성진 성호 성훈 세라 세영 세윤 세정 세진 소담 소라
소민 소연 소영 소윤 소율 소은 소희 솔 송이 수경 수미 수민 수빈 수아 수연 수영 수정 수지 수진 수현 수호 숙자 숙희 순영
순옥 순이 순자 순희 슬기 슬옹 승기 승민 승연 승우 승주 승준 승현 승호 승환 시아 시연 시영 시온 시우 시원 시윤 시은
시현 시후 신애 신영 신혜 아라 아롱 아름 아린 아영 아윤 아인 아중 안나 애리 여름 여정 여진 연서 연수 연아 연우 연정
연주 연희 영길 영미 영민 영수 영숙 영식 영애 영자 영진 영철 영호 영훈 영희 예나 예린 예빈 예솔 예슬 예원 예은 예준
예지 예진 오성 옥자 완선 요한 용기 용석 용수 용준 우람 우빈 우석 우성 우재 우진 웅진 원빈 원석 원준 원희 유경 유나
유라 유리 유미 유빈 유성 유정 유주 유준 유진 유찬 윤미 윤서 윤성 윤아 윤우 윤정 윤주 윤지 윤호 윤희 으뜸 은경 은미
은서 은솔 은수 은숙 은영 은우 은정 은주 은지 은진 은찬 은채 은혜 은희 의진 이나 이슬 이준 인기 인나 인성 인영 인혜
일국 일우 자영 자현 장미 재경 재민 재범 재석 재영 재욱 재원 재윤 재준 재학 재현 재형 재호 재훈 재휘 점순 정기 정민
정숙 정아 정애 정연 정옥 정우 정웅 정윤 정은 정인 정태 정현 정호 정훈 정희 제니 제윤 종국 종민 종석 종성 종태 종현
종훈 주아 주연 주영 주원 주은 주혁 주희 준기 준서 준성 준수 준영 준우 준혁 준형 준호 준희 중기 중수 지나 지민 지성
지수 지아 지안 지애 지영 지우 지원 지유 지윤 지은 지인 지한 지혁 지현 지혜 지호 지환 지후 지훈 진경 진구 진서 진선
진수 진아 진영 진우 진주 진혁 진호 진희 찬미 찬영 찬우 찬호 창민 창우 채린 채아 채연 채영 채원 채윤 채은 천수 철민
철수 초롱 춘자 충재 치훈 칠성 태경 태리 태림 태민 태양 태연 태영 태우 태웅 태윤 태준 태현 태형 태호 태환 태희 판석
팔복 푸름 필립 필수 하경 하나 하늘 하니 하라 하람 하루 하린 하림 하민 하빈 하연 하영 하윤 하율 하은 하정 하준 하진
학수 한결 한나 한별 한비 한빈 한성 한솔 해솔 해인 해진 향숙 현경 현미 현서 현성 현수 현숙 현승 현아 현영 현우 현정
현주 현준 현지 현진 현철 현태 현택 형돈 형준 혜리 혜림 혜미 혜민 혜빈 혜선 혜성 혜수 혜연 혜영 혜원 혜인 혜정 혜주
혜지 혜진 호동 호준 홍기 홍석 홍철 화영 화자 화정 환희 효리 효민 효빈 효선 효은 효정 효주 효진 훈 훈민 휘성 흥민 희경
희선 희수 희연 희영 희정 희준 희진 희철 힘찬
"""
NAMES = _NAMES.split()


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_what_looks_like_a_name_is_called_wherever_somebody_says_that_they_are_it(step: int) -> None:
    names = [
        *NAMES[::step],
        *(f"곽{name}" for name in NAMES[::step]),
        "유재석",
        "차은우",
        "하정우",
        "황보라",
        "남궁별",
        "봉준호",
        "소지섭",
        "라미란",
    ]
    assert not [name for name in names if not ToldNames(asked(f"저는 {name}입니다")).may_call(name)]


@pytest.mark.parametrize("family", ["김", "유", "주", "민", "설", "남궁"])
def test_a_name_told_with_a_family_name_is_called_without_it_too(family: str) -> None:
    names = ToldNames(asked(f"저는 {family}민수입니다"))
    assert names.may_call("민수")
    assert names.may_call(f"{family}민수")


@pytest.mark.parametrize(("said", "end"), [("유진", "진"), ("지훈", "훈"), ("하준", "준"), ("서준", "준")])
def test_the_last_syllable_of_a_name_is_none(said: str, end: str) -> None:
    names = ToldNames(asked(f"저는 {said}이에요"))
    assert not names.may_call(end)
    assert names.may_call(said)


def test_no_name_of_the_sample_is_taken_for_what_is_no_name(repo: Path) -> None:
    starter = read_starter(repo / "data/starter")
    names = {*starter.names.whole, *(one + two for one in starter.names.first for two in starter.names.second)}
    assert not [name for name in names if re.match(NO_NAME, name)]


@pytest.mark.parametrize("name", ["해인", "이해인", "다인", "예린", "나라", "강산"])
def test_a_name_that_ends_as_a_noun_does_is_called(name: str) -> None:
    assert ToldNames([{"role": "user", "content": f"저는 {name}이에요"}]).may_call(name)


@pytest.mark.parametrize("said", ["제가 사는 곳은 춘천이에요", "우리 집은 춘천이야", "고향이 춘천이거든"])
def test_a_place_is_nobodys_name(said: str) -> None:
    assert not ToldNames([{"role": "user", "content": said}]).may_call("춘천")
    assert ToldNames([{"role": "user", "content": f"{said} 나는 춘천이라고 해"}]).may_call("춘천")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("오늘이 마감이에요", "마감"),
        ("오늘 신정이야", "신정"),
        ("세상은 요지경이야", "요지경"),
        ("이 노래는 우리 엄마 애창곡이야", "애창곡"),
        ("안녕! 내일은 소풍이야", "소풍"),
        ("저는 그걸 사랑이라고 불러요", "사랑"),
        ("나는 우리 집 강아지를 하늘이라고 불러", "하늘"),
        ("우리는 막내를 보라라고 불러요", "보라"),
        ("우리는 누나를 보라라고 불러요", "보라"),
        ("저는 저걸 사랑이라고 불러요", "사랑"),
        ("이름은 안 알려 줄래", "안"),
        ("이름은 안알려줄래", "안"),
        ("제 이름 못 말해요", "못"),
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
        "엄마는 나를 서연이라고 불러",
        "다들 절 서연이라고 불러요",
        "제 이름을 서연이라고 불러 주세요",
        "제 별명을 서연이라고 불러 주세요",
        "오늘 회의를 서연님이 잡았어",
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
        "오늘 처음 온 서연이에요",
        "어제 가입한 서연입니다",
    ],
)
def test_a_name_is_told_whatever_else_the_sentence_is_about(said: str) -> None:
    assert ToldNames([{"role": "user", "content": said}]).may_call("서연")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("나 하철이야. 지하철 아니야", "하철"),
        ("저는 강이에요. 한강 근처에 살아요", "강"),
        ("나 솔이야, 모솔이야", "솔"),
        ("우리 형님이 오셨어", "형"),
    ],
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


@pytest.mark.slow
def test_a_long_text_takes_no_long_time() -> None:
    for piece in ("이름", "아니 ", "나는 ", "서연", "말고 ", "이름, ", "내 이름 ", "."):
        assert ToldNames(asked(piece * 20_000)).name is None
    names = [
        f"나는 {first}{second}라고 해." for first in "가나다라마바사아자차" for second in "가나다라마바사아자차" * 30
    ]
    assert ToldNames(asked(" ".join(names))).name == "차차"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
