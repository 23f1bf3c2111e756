"""Korean names with 님, as a bot calls a person, and where a text tells one."""

import re
from collections.abc import Iterator

from tinychat.tokenizer.given_names import FAMILY_NAMES, LONG_FAMILY_NAMES

HONORIFIC = "님"
NAME_WORD = "이름"
CALLED = re.compile(rf"(\w*) ?{HONORIFIC}")
LETTER = "[가-힣A-Za-z0-9]"
# What is told behind these is no name but a place (제가 사는 곳은 춘천이에요).
_PLACES = ("곳은", "곳이", "데는", "데가", "고향은", "고향이", "동네는", "동네가", "집은", "회사는", "학교는")
NO_PLACE = "".join(f"(?<!{place} )" for place in _PLACES)
# Where a name is told, it is a word of its own, perhaps behind a family name, or, written without spaces, it stands
# behind a particle (나는서연이야) …
_FAMILY_NAME = rf"(?:[{FAMILY_NAMES}]|{'|'.join(LONG_FAMILY_NAMES)})"
_NO_SPACE = "(?<=[는은난나전를을냥걍요야도저름로니고라면])"
BEFORE_NAME = NO_PLACE + rf"(?:(?<!{LETTER}){_FAMILY_NAME}?|{_NO_SPACE})"
# A name of one syllable stands behind no family name: 훈 of 저는 지훈이에요 is the end of a name.
BEFORE_SHORT_NAME = NO_PLACE + rf"(?:(?<!{LETTER})|{_NO_SPACE})"
# … and before an ending (서연이야, 서연 이에요), or it ends a clause (내 이름은 서연!). Where the clause has a subject
# or a day (오늘이 마감이에요, 오늘 신정이야), it has the speaker or their name too (저는 부산에 사는 서연이에요).
ENDINGS = "이?(?:야|에요|예요|라|고|요|임|다|지|죠|거든|잖아)|인데|입니다|님|씨|으?로 ?(?:불러|부르)"
BEHIND_NAME = rf" ?(?:{ENDINGS}|[이가]?(?! ?{LETTER}))"
CLAUSE_ENDS = re.compile(r"[.,!?~…;:ㅎㅋㅠㅜ]|(?:아니라|아니고|데|지만|니까) ")
_DAY = "(?:오늘|내일|모레|글피|어제|그제|엊그제) $"  # right before the name: 오늘 신정이야
SUBJECT = re.compile(
    rf"(?<!{LETTER})(?:(?!{LETTER}*[하있없사]는 ){LETTER}+[은는이가] |{_DAY})"  # 일하는 서연 has none
)
SPEAKER = re.compile(
    rf"(?<!{LETTER})(?:[나난저전]|[나저][는도]|[내제]가|나로|저희는|본인은|여기는|이쪽은|사실은|실은|원래는|이제는|지금은|많이|같이"
    rf"|{LETTER}*(?:이름|본명|성함|애칭|별명|닉네임)[은이]) "
)
# What a name is told or called with whatever the clause is about (친구들은 서연이라고 불러, 오늘은 김 부장님이) …
BEHIND_TOLD = " ?(?:이?라고|이?라 ?(?:불|부)|으?로 ?(?:불러|부르))"
BEHIND_CALLED = " ?(?:님|씨)"
# … but not behind an object (저는 그걸 사랑이라고 불러요), unless it is the speaker or a name (저를 서연으로 불러요) …
_OBJECTS = ("(?<![누하])[나저]를", "이름을", "본명을", "성함을", "애칭을", "별명을", "호칭을", "닉네임을")
NO_OBJECT = f"(?:(?<![을를걸] )|{'|'.join(f'(?<={words} )' for words in _OBJECTS)})"
# … and the word for name before it (내 이름 서연 기억해 줘, not 이름은 안 알려 줄래).
BEHIND_WORD = "이름[은이]? ?(?:바로 ?)?(?![안못](?: |알려|말|밝|가르))"


def called_names(text: str) -> Iterator[tuple[int, str]]:
    """Start and name of each name that stands before 님; the name is empty where 님 stands alone."""
    for found in CALLED.finditer(text):
        yield found.start(), found[1]


def is_called(name: str, said: str) -> bool:
    """Whether a text says that somebody is called so (서연이라고 해), or calls them (서연님)."""
    return re.search(always_told(re.escape(name), before(name)), said) is not None


def is_said_to_be(name: str, said: str) -> bool:
    """Whether a text says of its speaker that they are this, or tells the name alone (나는 서연이야, 나는 음치야)."""
    for match in re.finditer(said_to_be(re.escape(name), before(name)), said):
        line = said[said.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not is_about_something_else(line):
            return True
    return False


def before(name: str) -> str:
    """The pattern of what stands before this name where it is told."""
    return BEFORE_SHORT_NAME if len(name) == 1 else BEFORE_NAME


def always_told(name: str, before_name: str = BEFORE_NAME) -> str:
    """The pattern of this name where it is told whatever the clause is about."""
    return f"{before_name}{name}{BEHIND_CALLED}|{NO_OBJECT}{before_name}{name}{BEHIND_TOLD}|{BEHIND_WORD}{name}"


def said_to_be(name: str, before_name: str = BEFORE_NAME) -> str:
    """The pattern of this name where the speaker may be who has it."""
    return f"{NO_OBJECT}{before_name}{name}{BEHIND_NAME}"


def is_about_something_else(line: str) -> bool:
    """Whether the clause in which this beginning of a line ends has a subject, and not the speaker or their name."""
    clause = CLAUSE_ENDS.split(line)[-1]
    return SUBJECT.search(clause) is not None and SPEAKER.search(clause) is None
