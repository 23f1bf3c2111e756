"""Names of an export's speakers inside its texts: whole words, with what Korean attaches to a name.

The name as the messenger shows it, without brackets, titles and emoji; of a full Korean name (홍길동) also the given
name alone, unless it is a word of everyday Korean: then only where it is called (하늘아) or has a title (하늘님).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tinychat.corpus.cleaning import clean_text
from tinychat.corpus.masking.common_words import COMMON_WORDS
from tinychat.corpus.masking.patterns import Place, to_plain

# Not the letters of ㅋㅋ and ㅠㅠ: they follow a name without a space.
LETTER = r"[^\W_ㄱ-ㆎ]"
WORD = re.compile(f"{LETTER}+")
HANGUL = re.compile("[가-힣]+")
IN_BRACKETS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|<[^<>]*>|【[^【】]*】|\{[^{}]*\}")
MAX_SHORT_LATIN = 3  # letters; such names must be written as the speaker's: So is not so

SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함변염여추도소석선설마길연위표명"
    "기반왕금옥육인맹제모탁국어은편용예봉경사부"
)
TWO_SYLLABLE_SURNAMES = ("남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방")
# Of the two syllables of a given name. Nicknames (고구마) rarely have both.
FIRST_SYLLABLES = frozenset(
    "가강건경고관광규근금기길나남다단대덕도동두라란려로리린마만명무문미민바방범별병보복봄봉빛산상새서석선설섭성세소솔송수숙순슬승시"
    "신아안애양여연영예오옥온완용우욱운웅원유윤은을의이인일임자장재전정제조종주준중지진찬창채천철초춘충태택하학한해향혁현형혜호홍화효훈휘희"
)
SECOND_SYLLABLES = frozenset(
    "건결겸경구국권규균근기길나남녕늘담대덕돈두들라란람랑래려렬령례로록루룡름리린림만매명모목문미민배백범별보복봉비빈빛산삼새서석선설섭"
    "성세솔송수숙순슬승식신실아안애양엽연열영예오옥온완용우욱운웅원월유윤율은을음의이인일임자장재정제조종주준지진찬창채천철춘태택필하학한"
    "해향헌혁현형혜호홍화환후훈휘흠희"
)

# What speakers are called that says nothing of who they are.
_NO_NAMES = """
나 너 저 우리 본인 자기 여보 애기 엄마 아빠 어머니 아버지 할머니 할아버지 형 형님 누나 언니 오빠 동생
막내 이모 고모 삼촌 남편 아내 와이프 신랑 신부 아들 딸 친구 남친 여친 남자친구 여자친구 애인 선생님 쌤
사장님 대표님 팀장님 부장님 과장님 대리님 교수님 선배 후배 회원님 고객 고객님 손님 상담원 상담사 직원 사용자
챗봇 봇 질문 답변 질문자 답변자 사람 화자 운영자 관리자 방장 부방장 익명 이름 알수없음 unknown
user bot assistant system human you me admin model gpt chatgpt
"""
NO_NAMES = frozenset([*_NO_NAMES.split(), "알 수 없음"])

TITLES = (
    "님|씨|군|양|쌤|샘|선생님?|선생|선배님?|후배|오빠|언니|누나|누님|형님|형|이모|삼촌|엄마|아빠|어머님|아버님|사장님?|대표님?"
    "|팀장님?|부장님?|차장님?|과장님?|대리님?|주임님?|교수님?|박사님?|간호사님?|원장님?|코치님?|작가님?"
)
TITLE_AT_END = re.compile(rf"\s?(?:{TITLES})$")
ENDINGS = (
    "에게서?|한테서?|께서?|으?로|에서?|은|는|이|가|을|를|의|와|과|랑|하고|도|만|까지|부터|처럼|같이|같은|같아|보다|마저|조차|밖에|든지?|나"
    "|네|들|아|야|여|요|에요|예요|입니다|임|인데요?|인가요?|인지|인가봐|지요?|죠|라고|라는|라면|란|래요?|라서|라니|니까|였어요?|였는데|였지"
    "|었어요?|었는데|었지|잖아요?|거든요?|다|냐|니|구나|군요?|네요"
)
# 이 stands between a name that ends in a consonant and what follows: 길동이가
BEHIND_NAME = re.compile(rf"이?(?:{TITLES})?(?:{ENDINGS}){{0,3}}")
BEHIND_CALLED = re.compile(rf"(?:{TITLES})(?:{ENDINGS}){{0,3}}")
BEHIND_CALLED_CONSONANT = re.compile(
    rf"아|이(?:가|는|를|랑|도|네|의|만|보다|하고|에게|한테)|(?:{TITLES})(?:{ENDINGS}){{0,3}}"
)


class SpeakerNames:
    """Finds the names of these speakers.

    A name of one letter is found only where it has a title; what says nothing of a person (엄마, 나) is never.
    """

    def __init__(self, speakers: Iterable[str]) -> None:
        self._always: set[str] = set()
        self._if_called: set[str] = set()
        self._behind_surname: set[str] = set()  # 민수, which is also found in 김민수
        for speaker in speakers:
            self._add(to_plain(clean_text(speaker, Counter())))
        self._if_called -= self._always
        firsts = {name[0] for name in self._always | self._if_called} | (SURNAMES if self._behind_surname else set())
        cases = {case for first in firsts for case in (first, first.upper()) if len(case) == 1}
        self._start = re.compile(rf"(?<!{LETTER})[{re.escape(''.join(sorted(cases)))}]" if cases else "(?!)")
        self._lengths = sorted({len(name) for name in self._always | self._if_called}, reverse=True)

    def find(self, plain: str) -> Iterator[Place]:
        """Where the names stand in a text of `to_plain`, without what is attached to them."""
        end = 0
        for begun in self._start.finditer(plain):
            if begun.start() >= end and (place := self._name_at(plain, begun.start())):
                yield place
                end = place[1]

    def _name_at(self, plain: str, start: int) -> Place | None:
        """The longest name that begins here, with a surname before it where the speaker's name lacks one."""
        for length in self._lengths:
            end = start + length
            name = _folded(plain[start:end])
            if (name in self._always and self._may_follow(BEHIND_NAME, plain, end)) or (
                name in self._if_called and self._may_follow(_behind_called(name), plain, end)
            ):
                return start, end
        if plain[start] in SURNAMES and plain[start + 1 : start + 3] in self._behind_surname:
            return (start, start + 3) if self._may_follow(BEHIND_NAME, plain, start + 3) else None
        return None

    @staticmethod
    def _may_follow(pattern: re.Pattern[str], plain: str, end: int) -> bool:
        rest = WORD.match(plain, end)
        return pattern.fullmatch(rest[0] if rest else "") is not None

    def _add(self, speaker: str) -> None:
        """Add the forms of one speaker's name."""
        for name in {_core(speaker), _core(IN_BRACKETS.sub(" ", speaker))}:
            for form in {name, TITLE_AT_END.sub("", name)}:
                self._add_form(form)
            for word in WORD.findall(name):
                if given := given_name(word):
                    self._add_form(word)
                    (self._if_called if given in COMMON_WORDS else self._always).add(given)

    def _add_form(self, name: str) -> None:
        folded = _folded(name)
        if folded.lower() in NO_NAMES or not any(char.isalpha() for char in name):
            return
        if len(name) == 1:
            if HANGUL.fullmatch(name):
                self._if_called.add(name)
            return
        self._always.add(folded)
        if len(name) == 2 and HANGUL.fullmatch(name) and name not in COMMON_WORDS:
            self._behind_surname.add(name)
        if len(name) == 3 and HANGUL.fullmatch(name) and name[2] == "이" and ends_with_consonant(name[:2]):
            (self._if_called if name[:2] in COMMON_WORDS else self._always).add(name[:2])  # 길동, of 길동이


def given_name(word: str) -> str | None:
    """The given name of two syllables, where a word is a full Korean name."""
    if not HANGUL.fullmatch(word):
        return None
    given = word[2:] if len(word) == 4 and word.startswith(TWO_SYLLABLE_SURNAMES) else word[1:]
    if len(given) != 2 or (len(word) == 3 and (word[0] not in SURNAMES or word.startswith(TWO_SYLLABLE_SURNAMES))):
        return None
    return given if given[0] in FIRST_SYLLABLES and given[1] in SECOND_SYLLABLES else None


def ends_with_consonant(name: str) -> bool:
    """Whether the last syllable has a final consonant."""
    return (ord(name[-1]) - ord("가")) % 28 != 0


def _behind_called(name: str) -> re.Pattern[str]:
    return BEHIND_CALLED_CONSONANT if len(name) > 1 and ends_with_consonant(name) else BEHIND_CALLED


def _core(name: str) -> str:
    """A name from its first to its last letter."""
    words = list(WORD.finditer(name))
    return name[words[0].start() : words[-1].end()] if words else ""


def _folded(name: str) -> str:
    """In the form in which names are compared: without case, unless it is short and Latin."""
    return name if len(name) <= MAX_SHORT_LATIN and name.isascii() else name.lower()
