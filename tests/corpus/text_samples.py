"""Files of plain text, YAML and tables in the formats of public corpora, each with the dialogues in it."""

Texts = list[list[str]]

STYLES = [
    *("formal", "informal", "android", "azae", "chat", "choding", "emoticon", "enfp", "gentle", "halbae"),
    *("halmae", "joongding", "king", "naruto", "seonbi", "sosim", "translator"),
]


def styles(*informal: str) -> str:
    """A row of SmileStyle for each text, an empty one for each ""."""
    return "".join(
        "\t".join(f"{text}{'요' * (name == 'formal')}" * bool(text) for name in STYLES) + "\n" for text in informal
    )


CHATTERBOT = """\
categories:
- 인사
conversations:
- - 안녕
  - 안녕하세요.
- - 이름이 뭐야?
  - 저는 봇이에요.
  - "좋은 이름: 봇"
  - 고마워요.
"""
KOCHATGPT = """\
<<start conversation>>
<사람>: 안녕
<챗봇>: 안녕하세요.
무엇을 도와드릴까요?
<<start conversation>>
<사람>: 뭐 해?
<챗봇>: 쉬고 있어요.
"""
TRANSCRIPT = """\
하늘: 뭐 해?
바다: 책 읽어
  재미있는 걸로
하늘: 무슨 책?
바다: 소설

하늘 : 저녁은?
바다 : 국수
좋아요: 3시에 봐
---
하늘： 잘 자
바다： 너도
"""
QUESTIONS = """\
Q: 환불되나요?
A: 네, 7일 안에 됩니다.

Q: 배송은요?
A: 이틀 걸려요.
"""
EMOTIONAL_TABLE = """\
,연령,성별,사람문장1,시스템문장1,사람문장2,시스템문장2,사람문장3,시스템문장3
1,청년,여성,일이 많아.,힘드시겠어요.,화가 나.,쉬어 보세요.,,
2,청년,남성,기뻐.,축하해요.,,,,
"""
UTTERANCE_TABLE = """\
SPEAKER,SENTENCE,DOMAINID,DOMAIN,CATEGORY,SPEAKERID,SENTENCEID,MAIN,SUB,QA
고객,냉면 있나요?,A,음식점,메뉴,1,1,주문,확인,Q
점원,네 있어요.,A,음식점,메뉴,0,2,주문,확인,A
고객,포장 되나요?,A,음식점,포장,1,1,포장,확인,Q
점원,네 됩니다.,A,음식점,포장,0,2,포장,확인,A
"""
# By the name of its reader and the file: the text, and the dialogues in it.
TEXTS: dict[str, tuple[str, Texts]] = {
    "chatterbot/greetings.yml": (
        CHATTERBOT,
        [["안녕", "안녕하세요."], ["이름이 뭐야?", "저는 봇이에요.", "좋은 이름: 봇", "고마워요."]],
    ),
    "kochatgpt/conversation.jsonl": (
        KOCHATGPT,
        [["안녕", "안녕하세요.\n무엇을 도와드릴까요?"], ["뭐 해?", "쉬고 있어요."]],
    ),
    "transcript/names.txt": (
        TRANSCRIPT,
        [
            ["뭐 해?", "책 읽어\n재미있는 걸로", "무슨 책?", "소설"],
            ["저녁은?", "국수\n좋아요: 3시에 봐"],
            ["잘 자", "너도"],
        ],
    ),
    "transcript/questions.txt": (
        QUESTIONS,
        [["환불되나요?", "네, 7일 안에 됩니다."], ["배송은요?", "이틀 걸려요."]],
    ),
    "tab_pairs/pairs.txt": ("안녕\t반가워\n뭐 해?\t쉬어, 너는?\n", [["안녕", "반가워"], ["뭐 해?", "쉬어, 너는?"]]),
    "marked_lines/dialogues.txt": (
        "안녕 __eou__ 반가워 __eou__ 뭐 해? __eou__ 쉬어 __eou__\n자? __eou__ 아니 __eou__\n",
        [["안녕", "반가워", "뭐 해?", "쉬어"], ["자?", "아니"]],
    ),
    "marked_lines/tags.txt": ("안녕</s>반가워\n자?</s>아니</s>\n", [["안녕", "반가워"], ["자?", "아니"]]),
    "marked_lines/bars.txt": ("안녕 ||| 반가워\n자? ||| 아니\n", [["안녕", "반가워"], ["자?", "아니"]]),
    "smilestyle/styles.tsv": (
        "\t".join(STYLES) + "\n" + styles("안녕", "반가워", "뭐 해?", "쉬어", "", "자?", "아니"),
        [["안녕", "반가워", "뭐 해?", "쉬어"], ["자?", "아니"]],
    ),
    "aihub_table/emotional.csv": (
        EMOTIONAL_TABLE,
        [["일이 많아.", "힘드시겠어요.", "화가 나.", "쉬어 보세요."], ["기뻐.", "축하해요."]],
    ),
    "aihub_table/shop.csv": (UTTERANCE_TABLE, [["냉면 있나요?", "네 있어요."], ["포장 되나요?", "네 됩니다."]]),
}
