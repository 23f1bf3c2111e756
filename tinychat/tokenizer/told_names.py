"""Which names a bot may call in a Korean dialogue, and which one is the user's."""

import re
from collections.abc import Collection, Sequence

from tinychat.tokenizer.called_names import (
    HONORIFIC,
    LETTER,
    NAME_WORD,
    called_names,
    is_called,
    is_said_to_be,
)
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.given_names import FAMILY_NAMES, may_be_given_name
from tinychat.tokenizer.nouns import NOUNS, OTHERS, PEOPLE, is_kind_of_people, is_noun

# What no name begins with: question words, and what people say of their name (내 이름은 별로야).
NO_NAME = (
    "뭐|뭔|뭘|무엇|무슨|누구|누군|어떤|어떻|몰라|모르|비밀|이름|나는|저는|나를|저를"
    "|별로|예쁘|예뻐|싫|특이|흔하|흔해|촌스|이상|길어|짧|좋|마음|맘에|아직|그냥|진짜|정말|말하|말씀|밝히|알려|가르[치쳐]"
)
NAME = rf"(?P<name>(?!{NO_NAME}){LETTER}{{1,6}}?)"  # as short as what stands behind it allows
END = rf"(?!{LETTER})(?! *\?)"
IS = rf"(?:(?P<i>이)?(?:야|에요|예요|여요|라고|라고요|라니까|라니까요|거든|거든요)|입니다|임|인데|인데요){END}"
# What is said so may also be a kind of people (전 수의사라고 해요).
GIVEN = (
    r"라고? ?(?:(?P<may_be_kind>해|해요|합니다|하는데|하는데요|하지|하거든|하거든요|한다)|하면 돼|부르면 돼)"
    rf"{END}"
)
CALL_ME = r"(?P<i>이)?라고? ?(?:불러 ?(?:줘|줄래|주)|부르면 돼(?! *\?)|부르시면)"
CALLED = rf"(?P<i>이)?라고? ?(?:불러요?|부르지|불러 ?(?:줘|줄래|주)){LETTER}*{END}"
CLAUSE = r"(?:^|(?<=[,.!?~])|(?<=[,.!?~] ))"  # its beginning
ENDS = r"(?= *(?:[.!,~]|$))"  # a clause does, and asks nothing
NAMED = "(?:이름|별명|닉네임)"
MY = r"(?:(?<=내)|(?<=제)|(?<=나의)|(?<=내 )|(?<=제 )|(?<=나의 ))(?<![가-힣][내제])(?<![가-힣][내제] )"
I_AM = rf"(?:{CLAUSE}|(?<= ))(?:(?:나는|난|저는|나로 말하자면) ?|(?:나|저|전) )"
GREETING = r"(?:안녕|안녕하세요|반가워|반가워요|처음 뵙겠습니다|처음 뵙겠어요)[,.!] ?"
CALLED_BOT = "[가-힣]{1,4}[아야]?"
HELLO = rf"(?:{CALLED_BOT} )?(?:안녕(?:하세요)?|하이|헬로|ㅎㅇ|반가워요?)(?:,? {CALLED_BOT})?[.!~]*"
# What tells a name in so many words …
TELLS = [
    rf"{MY}{NAMED}(?:은 ?| )(?:바로 ?)?{NAME}{IS}",  # 내 이름은 서연이야
    rf"{MY}{NAMED}은 ?(?:바로 ?)?{NAME}(?<![어워까네요고]){ENDS}",  # 내 이름은 서연
    rf"^이름은 ?{NAME}{IS}",
    rf"(?:{MY}|^)이름은 ?{NAME}(?P<i>이)?고{END}",  # 이름은 서연이고 나이는 …
    rf"{MY}이름[^.?!,\n]{{0,20}}[,.] ?{NAME}{IS}",  # 내 이름 알려 줄게, 서연이야
    rf"{I_AM}{NAME}(?P<i>이)?{GIVEN}",  # 나는 서연이라고 해
    rf"{GREETING}{NAME}(?P<i>이)?{GIVEN}",  # 안녕하세요, 민수라고 해요
    rf"{CLAUSE}(?!난){NAME}(?P<i>이){GIVEN}",  # 서연이라고 해요; 그만하라고 해 is none
    rf"{CLAUSE}(?!난){NAME}라고 (?P<may_be_kind>합니다){END}",
    rf"{CLAUSE}(?!난){NAME}(?<![하가오보주마자내두서쓰치지])라고 ?(?P<may_be_kind>해요?){ENDS}",
    rf"(?<![누하])[나저]를 ?{NAME}{CALLED}",  # 나를 서연이라고 불러
    rf"(?:{CLAUSE}|(?<= ))(?<![가-힣][을를] ){NAME}{CALL_ME}",  # 그냥 서연이라고 불러 줘
    rf"^{NAME}(?P<i>이)?라고 ?불러요?{ENDS}",  # 서연이라고 불러
]
# … or does where the bot just called one …
CORRECTS = [
    rf"{CLAUSE}아니[요야]?,? (?:{I_AM})?{NAME}(?:{IS}|{ENDS})",  # 아니, 수민이라고
    rf"(?<=말고 ){NAME}{IS}{ENDS}",  # 수빈 말고 수민이야
    rf"[이가] 아니라 {NAME}{IS}{ENDS}",  # 수빈이 아니라 수민이야
    rf"(?:잘못|틀렸|다시)[^.?!\n]{{0,20}}[,.] ?(?:{I_AM})?{NAME}{IS}",  # 잘못 썼어, 수민이야
    rf"{CLAUSE}{NAME}(?P<i>이)?라고, {LETTER}+ 아니고",  # 수민이라고, 수빈 아니고
    rf"{CLAUSE}사실은 {NAME}{IS}",
]
# … or where the user later asks for it, if nothing else in the dialogue has this form: 저는 음치예요 has it too …
MAY_TELL = [
    rf"{I_AM}{NAME}{IS}",
    rf"^{HELLO},? (?:나|난|저) {NAME}(?P<i>이)?(?<![어다음려파퍼네요]){ENDS}",  # 하이 나 유나
]
# … and what answers a question for the name: 서연; 글쎄 does not.
NO_ANSWER = "(?!글쎄|나중|아니|없|왜|응|네|음|그래|안녕)"
ANSWERS = [
    rf"^(?:[응네아음],? )?{NO_ANSWER}{NAME}{IS}",  # 응, 서연이야
    rf"^(?:[응네아음],? )?{NO_ANSWER}(?={LETTER}{{2}}){NAME}(?P<i>이)?요?{ENDS}",  # 서연, 서연이요
    rf"[,?!.] ?{NO_ANSWER}{NAME}{IS}",  # 그럼 알려 줄게, 서연이야
]
ASKS_USER = re.compile(
    r"이름(?:을|이) (?:아직|안|못|몰라|어떻게)|뭐라고 (?:부르|부를|불러)|성함[이은을]|어떻게 (?:부르|부를|불러)"
)
ASKS = re.compile(r"이름|누구|누군|뭐라고 ?(?:불|부)")
# What asks for one's own name, and a reply that says it does not know it.
ASKS_OWN = re.compile(
    r"(?<![가-힣])(?:(?:내|제|나의|저의) ?이름|(?:내가|제가|나|저) ?누(?:구|군)"
    r"|(?:말한|들은|(?:말해|알려|가르쳐) ?(?:준|드린)) 이름)"
)
DENIES = re.compile(r"이름[을은이]? ?(?:아직 ?)?(?:(?:말씀 ?)?안 ?(?:해|알려|말)|못 ?들|몰라|모르)")
PRAISES = re.compile(  # of the user's name; 귀여운 is said of pets
    rf"(?:좋은|예쁜|멋진) {NAME_WORD}이(?:네|에|군)"
    rf"|(?<!제 ){NAME_WORD}[이도]? (?:참 |정말 |너무 |아주 )?(?:좋네|예쁘네|예뻐요|멋지네)"
)
# Common words that end in 님, and no names of users.
NO_NAMES = frozenset({"아", "어머", "아버", "부모", "시어머", "장모", "손", "스", "하느"})
BEGIN_AS_FAMILY_NAMES = frozenset(noun for noun in NOUNS if noun[0] in FAMILY_NAMES)
# 아님 is a word (is not), but before these endings it calls somebody 아, whom nobody is named.
CALLS_NOBODY = re.compile("아 ?님(?:이라고|이시|이네|이죠|이에요|으로)")


class ToldNames:
    """Which names a reply may call in a dialogue.

    said    all texts
    name    the user's, the last one that they told in so many words; None where they told none
    titles  what may stand before 님 though nobody said it (선생, 고객)
    may_not_deny  whether the user asks for the name that they told
    """

    def __init__(self, messages: Sequence[Message], titles: Collection[str] = ()) -> None:
        self.said, self.titles = "\n".join(message["content"] for message in messages), titles
        self.said_by_user, told, may_be, wrong = "", list[str](), list[str](), set[str]()
        self._answered = set[str]()  # what answered a question for the name
        last = messages[-1]["content"] if messages and messages[-1]["role"] == "user" else ""
        asked, asked_own = ASKS.search(last) is not None, ASKS_OWN.search(last) is not None
        before: Message | None = None
        for message in messages:
            if message["role"] == "user":
                text = message["content"]
                self.said_by_user += f"{text}\n"
                said_before = before["content"] if before is not None and before["role"] == "assistant" else ""
                is_answer = ASKS_USER.search(said_before) is not None
                told += names_told(text, TELLS, or_kinds=is_answer or asked_own)
                may_tell = names_told(text, MAY_TELL)
                if is_answer:
                    if not names_told(text, [*TELLS, *MAY_TELL]):
                        may_tell = names_told(text, ANSWERS)
                    self._answered |= {*may_tell}
                may_be += may_tell
                if any(called_names(said_before)) and (corrected := names_told(text, CORRECTS)):
                    wrong |= {*told, *may_be}
                    told, may_be = corrected, []
            before = message
        if told:
            self.name: str | None = told[-1]
        else:
            self.name = may_be[0] if asked and len(set(may_be)) == 1 else None
        self._known = {*told, *(name for name in may_be if name in self._answered or self._looks_like_a_name(name))}
        self._wrong = wrong - self._known  # corrected since
        names = {*told, *(name for name in self._known if not self._is_noun(name))}
        self.may_not_deny = asked_own and self.name in names

    def may_call(self, name: str) -> bool:
        """Whether the bot may say this name before 님."""
        if name in self.titles or name in NO_NAMES:
            return True
        called = re.search(rf"(?<!{LETTER}){re.escape(name)} ?{HONORIFIC}", self.said_by_user) is not None
        if self.name is None or not name:
            return name != "" and (called or self._is_told(name, self.said))
        if name in self._wrong:
            return False
        if name == self.name or name in self._known or called:
            return True
        if self.name.startswith(f"{name}{HONORIFIC}"):  # 예님님, of 예님
            return True
        # One syllable that stands as a name does is rarely one (자, 내 이름은?); nor is the beginning of the user's.
        if len(name) == 1 or self.name.startswith(name):
            return False
        return self.name.endswith(name) or self._is_told(name, self.said_by_user)

    def _is_told(self, name: str, said: str) -> bool:
        """Whether these texts tell it as a name, or it answered a question for the name. Where somebody says what they
        are, only what looks like a Korean name is one (나는 서연이야, not 나는 라떼야).
        """
        if name in self._answered:
            return name not in OTHERS
        if self._is_noun(name):
            return False
        if is_called(name, said):
            return True
        return may_be_given_name(name) and is_said_to_be(name, said)

    def _looks_like_a_name(self, name: str) -> bool:
        return may_be_given_name(name) and not self._is_noun(name)

    def _is_noun(self, name: str) -> bool:
        """Whether it is no name but what somebody is; or the end of such a word that was said and that begins as a
        family name does (수 of 백수), where no word that was said begins with it.
        """
        if is_noun(name) or f"{name}이" in PEOPLE:  # 쌍둥 of 쌍둥이라고
            return True
        begins_word = re.search(rf"(?<!{LETTER}){re.escape(name)}", self.said) is not None
        return not begins_word and any(noun[1:] == name and noun in self.said for noun in BEGIN_AS_FAMILY_NAMES)

    def denial(self, reply: str) -> int | None:
        """Where this beginning of a reply says that it does not know the name that the user told and now asks for; None
        where it does not, or calls the user by it.
        """
        if not self.may_not_deny or any(name == self.name for _, name in called_names(reply)):
            return None
        found = DENIES.search(reply)
        return found.start() if found else None

    def praised(self, reply: str) -> tuple[int, str] | None:
        """Start and text of the first praise of a name in a reply, where the user told none; else None."""
        found = PRAISES.search(reply) if self.name is None and not self._known else None
        return (found.start(), found[0]) if found else None

    def first_untold(self, reply: str) -> tuple[int, str] | None:
        """Start and name of the first one in a reply that may not be called; None where there is none. Where the user's
        name is cut, or its beginning said before it (제 임스님, 새 새봄님), both parts together are one name.
        """
        for start, name in called_names(reply):
            begun = self._begun_before(name, reply[:start])
            if begun or CALLS_NOBODY.match(reply, start) or not self.may_call(name):
                return start - len(begun), begun + name
        return None

    def _begun_before(self, name: str, before: str) -> str:
        """The beginning of the user's name, and a space, where it stands before this name as a word of its own. A word
        that happens to be such a beginning counts too: 이제 in 이제 이제훈님.
        """
        begun = before.rpartition(" ")[0].rpartition(" ")[2] if before.endswith(" ") else ""
        if self.name is None or not begun or begun == self.name or not self.name.startswith(begun):
            return ""
        return f"{begun} " if name == self.name or begun + name == self.name else ""


def names_told(text: str, patterns: Sequence[str], *, or_kinds: bool = True) -> list[str]:
    """Names that one of these patterns finds, in the order of the text; where two overlap, the one that begins first,
    of those that begin together that of the earlier pattern.

    or_kinds  whether kinds of people are names where it is open (전 수의사라고 해요)
    """
    matches = [match for pattern in patterns for match in re.finditer(pattern, text, re.MULTILINE)]
    names, end = [], 0
    for match in sorted(matches, key=lambda match: match.start("name")):
        if match.start("name") < end:
            continue
        name, end, groups = match["name"], match.end(), match.groupdict()
        with_i = f"{name}이" if groups.get("i") else name
        if not ends_with_consonant(name) or with_i in PEOPLE:
            name = with_i  # it belongs to the name: 유이야, 쌍둥이야
        name = name.removesuffix(HONORIFIC) if len(name) > 2 else name
        if or_kinds or not (groups.get("may_be_kind") and is_kind_of_people(name)):
            names.append(name)
    return names


def ends_with_consonant(name: str) -> bool:
    """Whether the last syllable has a final consonant; True for letters that are not Hangul syllables."""
    return not "가" <= name[-1] <= "힣" or (ord(name[-1]) - ord("가")) % 28 != 0
