"""What a user told of themselves, and asks for."""

import time
from pathlib import Path

import pytest

from tests.generation.asking import asked
from tinychat.starter.particles import fill
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer.fact_patterns import DISLIKED, EATEN, FAVOURITE, HOBBY, LEARNT, NAME_OF
from tinychat.tokenizer.told_facts import ToldFacts, asked_topics, facts_of

UNSEEN = Path(__file__).parents[2] / "benchmarks/unseen"
TOLD = [  # what is said, its topic, the word
    ("나는 떡볶이 좋아해", FAVOURITE, "떡볶이"),
    ("저는 떡볶이를 정말 좋아해요", FAVOURITE, "떡볶이"),
    ("떡볶이 좋아해", FAVOURITE, "떡볶이"),
    ("나 돈까스좋아함", FAVOURITE, "돈까스"),
    ("난 고양이가 제일 좋아", FAVOURITE, "고양이"),
    ("난 등산이 제일 좋아", FAVOURITE, "등산"),
    ("나는 가을 좋아해", FAVOURITE, "가을"),
    ("나도 떡볶이도 좋아해", FAVOURITE, "떡볶이"),
    ("저는 커피보다 밀크티가 좋아요", FAVOURITE, "밀크티"),
    ("나는 매운 떡볶이를 좋아해", FAVOURITE, "떡볶이"),
    ("나는 떡볶이랑 초밥을 좋아해", FAVOURITE, "떡볶이랑 초밥"),
    ("오늘 힘들었어. 근데 난 떡볶이 없으면 못 살아", FAVOURITE, "떡볶이"),
    ("난 콩국수파야", FAVOURITE, "콩국수"),
    ("라면 너무 좋아", FAVOURITE, "라면"),
    ("초밥 조아 ㅎㅎ", FAVOURITE, "초밥"),
    ("내가 제일 좋아하는 음식은 떡볶이야", "음식", "떡볶이"),
    ("내가 좋아하는 동물은 강아지", "동물", "강아지"),
    ("제가 좋아하는 색깔은 노란색입니다", "색", "노란색"),
    ("저는 음식 중에 떡볶이를 가장 좋아해요", "음식", "떡볶이"),
    ("과일은 역시 복숭아예요", "과일", "복숭아"),
    ("동물은 여우 좋아해", "동물", "여우"),
    ("내 최애 영화는 기생충이야", "영화", "기생충"),
    ("내 취미는 등산이야", HOBBY, "등산"),
    ("내 취미는 게임", HOBBY, "게임"),
    ("제 취미는 별자리 관찰이에요", HOBBY, "별자리 관찰"),
    ("제 취미는 낚시이에요", HOBBY, "낚시"),
    ("내 취미 알려 줄게. 독서야", HOBBY, "독서"),
    ("내 취미는 기타 치는 거야", HOBBY, "기타 치는 거"),
    ("식물 키우는 게 취미야", HOBBY, "식물 키우는 거"),
    ("취미로 풋살해", HOBBY, "풋살"),
    ("요즘 클라이밍에 푹 빠졌어", HOBBY, "클라이밍"),
    ("요즘 기타를 배우고 있어", LEARNT, "기타"),
    ("저 태권도 배워요", LEARNT, "태권도"),
    ("피아노 학원 다녀", LEARNT, "피아노"),
    ("점심에 김치찌개 먹었어", EATEN, "김치찌개"),
    ("친구랑 떡볶이 시켜 먹었어", EATEN, "떡볶이"),
    ("나 오이 못 먹어", DISLIKED, "오이"),
    ("저는 오이를 안 좋아해요", DISLIKED, "오이"),
    ("다 잘 먹는데 오이만 못 먹어요", DISLIKED, "오이"),
    ("우리 강아지 이름은 보리야", f"{NAME_OF}강아지", "보리"),
    ("고양이 키우는데 이름이 나비야", f"{NAME_OF}고양이", "나비"),
    ("햄스터 키워 이름은 해바라기", f"{NAME_OF}햄스터", "해바라기"),
]
NOT_TOLD = [
    "너는 떡볶이 좋아해?",
    "우리 엄마는 김치찌개 좋아해",
    "동생이 마라탕을 엄청 좋아해요",
    "누나는 요가가 취미예요",
    "나는 매운 거 좋아해",
    "나는 매운거 엄청 좋아해",
    "나는 네가 좋아",
    "나는 기분이 너무 좋아",
    "날씨가 제일 좋아",
    "나는 다 좋아해",
    '친구가 "나는 초밥이 좋아"래',
    "떡볶이 먹고 싶다",
    "피자 좋아하는 사람이 많을까?",
    "요즘 취미가 생겼어요",
    "너 점심에 우동 먹었어?",
    "내가 좋아하는 음식은 뭐게",
    "내 취미는 비밀이야",
    "옆집 강아지가 귀여워",
    "나 약 먹었어",
    "내 인생은 엉망이야",
    "저는 건강이 안 좋아요",
    "전 애인이 싫어요",
    "나 요즘 우울에 빠졌어",
    "나 오늘 두 그릇 먹었어",
    "주말에 알바 해요",
    "김대리는 점심에 짬뽕 먹었대",
]
ASKED = [
    ("내가 뭐 좋아한다고 했지?", FAVOURITE),
    ("제가 뭘 좋아한다고 했죠?", FAVOURITE),
    ("나 머 좋아한댔어?", FAVOURITE),
    ("내가 좋아하는 거 기억해?", FAVOURITE),
    ("내가 좋아하는 음식이 뭐라고 했지?", "음식"),
    ("자, 내가 제일 좋아하는 음식은?", "음식"),
    ("좋아하는 동물이 뭐라고 했는지 기억해요?", "동물"),
    ("내가 무슨 색깔을 제일 좋아하지?", "색"),
    ("내 최애 영화 뭐게", "영화"),
    ("내 취미가 뭐라고 했지?", HOBBY),
    ("제 취미 기억나세요?", HOBBY),
    ("제 취미가 뭐였는지 기억하십니까?", HOBBY),
    ("아까 내 취미 뭐라고 했게", HOBBY),
    ("내가 뭐 배운다고 했지?", LEARNT),
    ("나 점심에 뭐 먹었다고 했지?", EATEN),
    ("제가 못 먹는 게 뭐라고 했죠?", DISLIKED),
    ("우리 강아지 이름 기억나?", f"{NAME_OF}강아지"),
]
NOT_ASKED = [
    "너는 뭐 좋아해?",
    "네가 좋아하는 음식은 뭐야?",
    "내 이름이 뭐야?",
    "오늘 뭐 먹지?",
    "나는 떡볶이 좋아해",
    "취미가 뭐예요?",
    "우리 강아지 귀엽지?",
    "내가 좋아하는 사람이 있는데 어떻게 말해야 할까?",
    "내 취미로 돈을 벌 수 있을까?",
    "나 새 취미를 갖고 싶은데 뭐가 좋을까?",
    "내 취미 어때?",
    "내가 먹은 게 체했나 봐",
    "내가 못 먹는 음식인데 억지로 먹으래, 어떡해?",
    "나 뭐 공부하지?",
    "새 강아지 이름 뭐로 할까?",
    "우리 강아지 이름 하나 더 지어 줘",
    "내가 뭐가 좋아서 너랑 얘기하겠어?",
    "내가 좋아하는 거 말고 추천해 줄래?",
    "내 인생은 왜 이럴까?",
    "누나 뭐 좋아한다고 했지?",
]


@pytest.mark.parametrize(("said", "topic", "word"), TOLD)
def test_what_is_told(said: str, topic: str, word: str) -> None:
    assert [(fact.topic, fact.word) for fact in facts_of(said)] == [(topic, word)]


@pytest.mark.parametrize("said", NOT_TOLD)
def test_what_is_said_of_others_or_says_nothing_tells_nothing(said: str) -> None:
    assert facts_of(said) == []


@pytest.mark.parametrize(("said", "topic"), ASKED)
def test_what_is_asked_for(said: str, topic: str) -> None:
    assert asked_topics(said) == {topic}


@pytest.mark.parametrize("said", NOT_ASKED)
def test_other_questions_ask_for_nothing_that_was_told(said: str) -> None:
    assert asked_topics(said) == set()


WHAT = "내가 뭐 좋아한다고 했지?"
FOOD = "내가 좋아하는 음식이 뭐야?"


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (["나는 떡볶이 좋아해", WHAT], ["떡볶이"]),
        (["나는 떡볶이 좋아해", FOOD], ["떡볶이"]),
        (["나는 똠얌꿍 좋아해", FOOD], ["똠얌꿍"]),  # it may be a food
        (["나는 가을 좋아해", FOOD], []),
        (["나는 고양이 좋아해", FOOD], []),
        (["나는 떡볶이 좋아해", "내가 좋아하는 동물이 뭐야?"], []),
        (["나는 레서판다 좋아해", "내가 좋아하는 동물이 뭐야?"], ["레서판다"]),
        (["나는 똠얌꿍 좋아해", "내가 좋아하는 색이 뭐야?"], []),
        (["나는 지민이 좋아해", FOOD], []),
        (["나는 지민이 좋아해", "내가 좋아하는 가수 기억해?"], ["지민이"]),
        (["나는 떡볶이 좋아해", "내 취미가 뭐야?"], []),
        (["내 취미는 등산이야", WHAT], []),
        (["나는 오이 못 먹어", WHAT], []),
        (["나는 사계절 중에 가을을 좋아해", "내가 좋아하는 계절 기억해?"], ["가을"]),
        (["나는 떡볶이 좋아해", "나는 초밥 좋아해", WHAT], ["떡볶이", "초밥"]),
        (["나는 초밥 좋아해", "나는 떡볶이 좋아해", "나는 초밥 좋아해", WHAT], ["떡볶이", "초밥"]),
        (["나는 떡볶이 좋아해", "아니 초밥이라고", WHAT], []),
        (["나는 떡볶이 좋아해", "아니야, 나는 초밥을 좋아해", WHAT], ["초밥"]),
        (["나는 커피 좋아해", "이제 커피 끊었어", WHAT], []),
        (["나는 떡볶이 좋아해", "아니 진짜 덥다", WHAT], ["떡볶이"]),
        (["나는 떡볶이 좋아해", "오늘 공연이 취소됐어", WHAT], ["떡볶이"]),
        (["나는 떡볶이 좋아해", "요즘 회사가 별로야. 그래도 떡볶이 먹으면 기분 좋아", WHAT], ["떡볶이"]),
        (["내 최애는 아이유야", "내 최애가 누구라고 했지?"], ["아이유"]),
        (["점심에 김밥 먹었어", "저녁에 라면 먹었어", "내가 뭐 먹었다고 했지?"], []),
        (["점심에 김밥 먹었어", "내가 뭐 먹었다고 했지?"], ["김밥"]),
        (["우리 강아지 이름은 보리야", "우리 고양이 이름 기억해?"], []),
        (["나는 떡볶이 좋아해", "나는 초밥 좋아해. 내가 뭐 좋아한다고 했지?"], []),  # it tells one itself
        (["나는 떡볶이 좋아해", "너는 뭐 좋아해?"], []),
    ],
)
def test_what_is_told_answers_what_is_asked_for(talk: list[str], words: list[str]) -> None:
    turns = [turn for text in talk[:-1] for turn in (text, "네!")]
    assert ToldFacts(asked(*turns, talk[-1])).words == words


def told(said: str, asking: str = WHAT) -> ToldFacts:
    return ToldFacts(asked(said, "네!", asking))


def test_a_reply_says_it_where_the_word_stands_in_it_whole() -> None:
    dance = told("내 취미는 춤이야", "내 취미가 뭐야?")
    assert dance.are_said("취미가 춤이라고 하셨어요.")
    assert dance.are_said("춤!")
    assert not dance.are_said("아까 춤사라고 하셨잖아요.")
    assert not dance.are_said("아직 못 들었어요.")
    guitar = told("내 취미는 기타 치는 거야", "내 취미가 뭐야?")
    assert guitar.words == ["기타 치는 거"] and guitar.are_said("취미가 기타라고 하셨어요.")
    assert told("안녕").are_said("뭐든지")
    two = told("나는 떡볶이랑 초밥을 좋아해")
    assert two.are_said("떡볶이와 초밥을 좋아한다고 하셨어요.") and two.are_said("초밥이요")


def test_a_reply_that_begins_with_the_word_does_not_end_within_what_follows_it() -> None:
    sushi = told("나는 초밥 좋아해")
    assert [sushi.may_end(behind) for behind in ("", "을", "이에", "이에요", "을 좋아한대")] == [False] * 3 + [True] * 2


@pytest.mark.parametrize(
    ("behind", "may"),
    [
        ("", (True, True)),
        ("이", (True, False)),
        ("이에요! 기억하고 있어요.", (True, False)),
        ("예요!", (False, True)),
        ("을 제일 좋아한다고 하셨어요.", (True, False)),
        ("를 제일 좋아한다고 하셨어요.", (False, True)),
        ("를 제일 걸", (False, False)),
        (" 제일 좋아하는 음식은", (False, False)),
        (" 좋아한다고 하셨어요.", (True, True)),
        (" 어때요?", (False, False)),
        (", 부러워요.", (False, False)),
        ("집", (False, False)),
        ("님", (False, False)),
    ],
)
def test_a_reply_that_begins_with_the_word_goes_on_with_what_fits_it_and_answers(
    behind: str, may: tuple[bool, bool]
) -> None:
    assert (told("나는 초밥 좋아해").may_follow(behind), told("나는 커피 좋아해").may_follow(behind)) == may


def test_what_may_follow_depends_on_what_was_asked_for() -> None:
    assert told("점심에 김밥 먹었어", "내가 뭐 먹었다고 했지?").may_follow("을 드셨다고 하셨어요!")
    assert not told("나는 김밥 좋아해").may_follow("을 드셨다고 하셨어요!")
    assert told("나는 김밥 못 먹어", "내가 못 먹는 게 뭐였지?").may_follow("은 못 드신다고 하셨어요!")
    assert not told("나는 김밥 좋아해").may_follow("은 못 드신다고 하셨어요!")


@pytest.mark.parametrize(
    ("scene", "slot", "least"),
    [
        ("food_recall", "food", 0.98),
        ("animal_recall", "animal", 0.9),  # the others say no more than 동물원에 가면 토끼부터 보러 가
        ("hobby_recall", "hobby", 0.92),
        ("color_recall", "color", 0.88),
        ("skill_recall", "skill", 0.98),
        ("disliked_food_recall", "food", 0.92),
        ("meal_recall", "food", 0.97),
    ],
)
def test_nearly_all_that_the_sample_tells_is_known_and_no_other_word(
    repo: Path, scene: str, slot: str, least: float
) -> None:
    starter = read_starter(repo / "data/starter")
    telling, *_ = [step.user for step in starter.scenes[scene].steps if isinstance(step, SceneExchange)]
    words = list(starter.slots[slot])[::5]
    known, wrong = 0, []
    for text in telling:
        for word in words:
            found = [fact.word for fact in facts_of(fill(text, {slot: word}))]
            known += found == [word]
            wrong += [(text, word, found)] if found and found[-1] != word else []
    assert known / len(telling) / len(words) >= least
    assert len(wrong) / len(telling) / len(words) <= 0.02, wrong[:5]


def test_long_texts_take_no_long_time() -> None:
    asked_topics("안녕"), facts_of("안녕")
    texts = (
        "진짜 ",
        "나는 진짜 ",
        "나 사과 ",
        "가",
        "내가 좋아하는 ",
        "나는 진짜 너무 정말 매운 떡볶이랑 ",
        "점심에 뭐 ",
    )
    for text in texts:
        began = time.process_time()
        long = text * (2_000 // len(text))
        facts_of(long), asked_topics(long)
        assert time.process_time() - began < 2, text


def test_few_first_messages_of_others_ask_for_something_that_was_told() -> None:
    files = sorted(UNSEEN.glob("*/openings.txt"))
    texts = [line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    asking = [text for text in texts if asked_topics(text)]
    assert len(texts) > 1_000 and len(asking) <= 5, asking
