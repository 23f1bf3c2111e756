"""Korean names with 님, as a bot calls a person, and where a text tells one."""

import re
from collections.abc import Iterator

HONORIFIC = "님"
CALLED = re.compile(rf"(\w*) ?{HONORIFIC}")
FAMILY_NAMES = "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허남심노"
LETTER = "[가-힣A-Za-z0-9]"
# What is told behind these is no name but a place (제가 사는 곳은 춘천이에요).
_PLACES = ("곳은", "곳이", "데는", "데가", "고향은", "고향이", "동네는", "동네가", "집은", "회사는", "학교는")
NO_PLACE = "".join(f"(?<!{place} )" for place in _PLACES)
# Where a name is told, it is a word of its own, perhaps behind a family name, or, written without spaces, it stands
# behind a particle (나는서연이야) …
BEFORE_NAME = NO_PLACE + rf"(?:(?<!{LETTER})[{FAMILY_NAMES}]?|(?<=[는은난나전를을냥걍요야도저름로니고라면]))"
# … and before an ending (서연이야, 서연 이에요, 서연이라고 해, 서연님), or it ends a clause (내 이름은 서연!) …
ENDINGS = "이?(?:야|에요|예요|라|고|요|임|다|지|죠|거든|잖아)|인데|입니다|님|씨|으?로 ?(?:불러|부르)"
BEHIND_NAME = rf" ?(?:{ENDINGS}|[이가]?(?! ?{LETTER}))"
# … or it stands behind the word for name (내 이름 서연 기억해 줘).
BEHIND_WORD = "이름[은이]? ?(?:바로 ?)?"


def called_names(text: str) -> Iterator[tuple[int, str]]:
    """Start and name of each name that stands before 님; the name is empty where 님 stands alone."""
    for found in CALLED.finditer(text):
        yield found.start(), found[1]


def is_told(name: str, said: str) -> bool:
    """Whether a text tells this name, or calls it: as a word of its own, with what stands behind a name."""
    escaped = re.escape(name)
    patterns = (BEFORE_NAME + escaped + BEHIND_NAME, BEHIND_WORD + escaped)
    return any(re.search(pattern, said) for pattern in patterns)
