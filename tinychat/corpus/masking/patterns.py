"""Personal data that its form gives away: links, e-mail addresses, resident registration numbers, cards, accounts,
telephone numbers, ids of messengers.

Korean particles follow without a space (010-…이야), so what stands around a number is looked at, never `\\b`. Each
expression is linear in the text. All finders take the text of `to_plain` and give the start and end of each find.
"""

import re
from collections.abc import Iterator

Place = tuple[int, int]  # start and end in a text

# Full-width signs, and the many dashes: as ASCII, one character each, so that places stay the same.
_ASCII_OF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ASCII_OF |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"), ord("-"))
NOT_PLAIN = re.compile(f"[{''.join(map(chr, _ASCII_OF))}]")

URL = re.compile(
    r"""(?:https?://(?=[^\s/.])|(?<![\w.])www\.(?=[A-Za-z0-9-]+\.))[^\s<>"'`ㄱ-ㆎ가-힣]+""",
    re.I,
)
AFTER_URL = ".,!?;:"  # belongs to the sentence
BRACKETS = {")": "(", "]": "[", "}": "{"}  # … as a closing one does that is not opened in the link
# Where a link ends with one of these, Hangul behind it is a part of it: …/w/서울
BEFORE_HANGUL = "/=_-+,&?#%"
REST_OF_URL = re.compile(r"""[^\s<>"'`]+""")

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)

# Date of birth, then 1 to 4 for citizens or 5 to 8 for foreigners; often only the first digit is shown.
RRN = re.compile(
    r"(?<![0-9-])(?P<birth>\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?P<sign>[- ]?)(?P<kind>[1-8])"
    r"(?P<rest>\d{6}|[*xX●]{6})(?![0-9]|-[0-9])"
)
RRN_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)

CARD = re.compile(
    r"(?<![0-9-])(?:\d{4}([- ]| - )\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([- ])\d{6}\2\d{5}|[2-69]\d{15}|3[47]\d{13})"
    r"(?![0-9]|-[0-9])"
)

ACCOUNT = re.compile(
    r"(?<![0-9-])(?!01[016789]-|050[2-8]-)"
    r"(?:\d{6}-\d{2}-\d{6}|\d{3}-\d{3}-\d{6}|\d{4}-\d{3}-\d{6}|\d{3}-\d{4}-\d{4}-\d{2}|\d{4}-\d{2}-\d{7}"
    r"|\d{4}-\d{4}-\d{4}(?:-\d)?|\d{3}-\d{6}-\d{2}-\d{3}|\d{3}-\d{6}-\d{5}|\d{3}-\d{2}-\d{6}|\d{6}-\d{2}-\d{5})"
    r"(?![0-9]|-[0-9])"
)
# Some names of banks are common words (우리, 하나): behind those only what belongs to an account may stand.
BANK = "신한|농협|신협|수협|카카오뱅크|카뱅|케이뱅크|케뱅|토스뱅크|씨티|은행|계좌|통장|입금|송금|KB|NH|IBK|SC"
BANK_AND_WORD = "국민|우리|하나|기업|새마을|우체국|토스|제일"
OF_ACCOUNT = r"(?:은행|뱅크|금고|계좌|통장|번호|예금|[은는로]|으로|[ :,()]){0,5}"
# Numbers of something else.
NO_ACCOUNT = "(?![^0-9\n]{0,12}(?:택배|운송|송장|등기|주문|예약|접수|학번|사번|바코드|매출|전화|문의))"
DATE = r"(?:19|20)\d\d[- ]?(?:0[1-9]|1[0-2])[- ]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
ACCOUNT_NEAR_BANK = re.compile(
    rf"(?:(?:{BANK}){NO_ACCOUNT}[^0-9\n]{{0,12}}|(?:{BANK_AND_WORD}){OF_ACCOUNT})"
    rf"(?P<number>(?!{DATE})\d(?:[- ]?\d){{9,15}})(?![0-9]|-[0-9])"
)

PHONE = re.compile(
    r"""(?<![0-9A-Za-z._+-])(?:
      (?:\+|00)82[-. ]?(?:\(0\)|0)?[-. ]?1[016789][-. ]?\d{3,4}[-. ]?\d{4}
    | (?:\+|00)82[-. ]?(?:\(0\)|0)?[-. ]?(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70)[-. )]{1,2}\d{3,4}[-. ]\d{4}
    | 01[016789][-. )_~]{0,3}\d{3,4}[-. _~]{0,3}\d{4}
    | \(?0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4])\)?[-. )]{0,2}\d{3,4}[-. ]\d{4}
    | 0(?:2\d{7,8}|(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\d{7,8})
    | 0(?:50[2-8]|70|80)[-. ]?\d{3,4}[-. ]?\d{4}
    )(?![0-9]|[-.][0-9])""",
    re.X,
)

ID_WORD = r"(?:아이디|아뒤|ID|계정)\s*(?:는|은|가|:|=|->|→)?"
MESSENGER_ID = re.compile(
    rf"(?:(?:카카오\s?톡|카톡|카카오|ㅋㅌ|kakao\s?talk|kakao)\s*(?:(?:친구\s*)?{ID_WORD}|[:=])"
    rf"|(?:인스타(?:그램)?|insta(?:gram)?|텔레그램|telegram|라인|디스코드|디코|discord)\s*{ID_WORD})\s*"
    r"(?P<id>(?=[0-9._-]{0,19}[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{3,19})(?![A-Za-z0-9@])",
    re.I,
)


def to_plain(text: str) -> str:
    """`text` with full-width signs and all dashes as ASCII, character for character."""
    return text.translate(_ASCII_OF) if NOT_PLAIN.search(text) else text


def find_urls(plain: str) -> Iterator[Place]:
    """Links, whole: path and query may hold tokens. They end at Hangul, since particles follow without a space."""
    for found in URL.finditer(plain):
        start, end = found.span()
        if plain[end - 1] in BEFORE_HANGUL and (rest := REST_OF_URL.fullmatch(plain, end)) and start == 0:
            end = rest.end()  # the message is a link and nothing else
        yield start, start + len(_without_sentence_marks(plain[start:end]))


def _without_sentence_marks(url: str) -> str:
    unopened = {closing: url.count(closing) - url.count(opening) for closing, opening in BRACKETS.items()}
    end = len(url)
    while url[end - 1] in AFTER_URL or unopened.get(url[end - 1], 0) > 0:
        end -= 1
        if url[end] in BRACKETS:
            unopened[url[end]] -= 1
    return url[:end]


def find_emails(plain: str) -> Iterator[Place]:
    """E-mail addresses."""
    return (found.span() for found in EMAIL.finditer(plain))


def find_resident_numbers(plain: str) -> Iterator[Place]:
    """Resident registration numbers. Numbers given since October 2020 have no check digit, so it is asked for only
    where thirteen digits stand together, as those of a time in milliseconds or of a barcode do.
    """
    for found in RRN.finditer(plain):
        digits = found["birth"] + found["kind"] + found["rest"]
        if found["sign"] or not digits.isdigit() or has_check_digit(digits):
            yield found.span()


def has_check_digit(digits: str) -> bool:
    """Whether the last of the thirteen digits of a resident registration number is its check digit."""
    total = sum(int(digit) * weight for digit, weight in zip(digits[:12], RRN_WEIGHTS, strict=True))
    return (11 - total % 11) % 10 == int(digits[12])


def find_cards(plain: str) -> Iterator[Place]:
    """Numbers of payment cards."""
    return (found.span() for found in CARD.finditer(plain) if passes_luhn(re.sub("[- ]", "", found[0])))


def passes_luhn(digits: str) -> bool:
    """Whether the digits pass the check of payment cards (Luhn)."""
    return sum(sum(divmod(int(c) * (1 + i % 2), 10)) for i, c in enumerate(reversed(digits))) % 10 == 0


def find_accounts(plain: str) -> Iterator[Place]:
    """Bank accounts, by the form that a bank gives them."""
    return (found.span() for found in ACCOUNT.finditer(plain))


def find_accounts_near_banks(plain: str) -> Iterator[Place]:
    """Ten digits or more behind the name of a bank."""
    return (found.span("number") for found in ACCOUNT_NEAR_BANK.finditer(plain))


def find_phones(plain: str) -> Iterator[Place]:
    """Telephone numbers of Korea: mobile, of a region, of the internet, and those behind a safe number."""
    return (found.span() for found in PHONE.finditer(plain))


def find_ids(plain: str) -> Iterator[Place]:
    """Ids of messengers, where the word for one stands before."""
    return (found.span("id") for found in MESSENGER_ID.finditer(plain))
