"""Text as the rules read it: without everyday spelling, laughter, stretched words and masked letters."""

import re
import unicodedata

CONSONANTS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"


def composed(jamo: re.Match[str]) -> str:
    """The syllable of a consonant, a vowel and perhaps a final consonant."""
    first, vowel, final = jamo.groups()
    last = FINALS.index(final) + 1 if final else 0
    return chr(0xAC00 + (CONSONANTS.index(first) * len(VOWELS) + VOWELS.index(vowel)) * 28 + last)


# In order. A line break ends a sentence; no rule matches across it.
SUBSTITUTIONS = (
    ("['‘’`´\u00ad\u200b-\u200f\u2060\ufeff]", ""),  # don't: dont
    (r"(?<=자)(?:[^\w\s]{1,3}|\d)(?=살|해[하했할한를중])", ""),  # 자.살, 자1살
    (r"(?<=[ㄱ-ㅎㅏ-ㅣ])[^\w\s]+(?=[ㄱ-ㅎㅏ-ㅣ])", ""),  # ㅈ.ㅜ.ㄱ
    ("ㅈㅅ(?=하고 ?싶|할|각|마렵)", "자살"),
    ("[ㅋㅎㅠㅜㅡ]{2,}", " "),  # laughing and crying, before jamo are composed
    (f"([{CONSONANTS}])([{VOWELS}])(?:([{FINALS}])(?![{VOWELS}]))?", composed),  # ㅈㅏ살
    ("[ㄱ-ㅎㅏ-ㅣ]+", " "),
    (r"\.{2,}|…", " "),  # an ellipsis ends no sentence: 죽고... 싶어
    (r"[.!?。]*\?[.!?。]*", "?\n"),  # 죽을래? is a threat, 죽을래 may not be
    (r"[.!。]+(?=\s|$)|\n+", "\n"),
    (r"[^\w\s?]|_", " "),
    (r"([^\d\s])\1{2,}", r"\1"),  # 싶어어어, sooo
    # Typos and slang spellings of the keywords.
    ("고오+(?= ?[싶시십])", "고"),
    (r"([고구])( ?)(?:싶퍼|시퍼|시포|시프|십|싶따|싶당)", r"\1\2싶"),
    ("주거(?= ?(?:버|야|도))|쥬거", "죽어"),
    ("(?:쥬글|주글)(?!주글)", "죽을"),
    ("쥭", "죽"),
    ("(?:쟈|좌|쨔)살|자쌀", "자살"),
    ("기( ?)(?:시러|시르|실타|실어|싢)", r"기\1싫"),
    ("게써|겟", "겠"),
    ("읎|(?<=[가도]) ?업(?=[다어서네])", "없"),
    (r"[^\S\n]+", " "),
)


def normalised(text: str) -> str:
    """`text` in lower case, one sentence per line, with single spaces and without stretched or masked words."""
    text = unicodedata.normalize("NFC", text).lower()
    for pattern, plain in SUBSTITUTIONS:
        text = re.sub(pattern, plain, text)
    return "\n".join(_joined(line.strip()) for line in text.split("\n"))


def _joined(line: str) -> str:
    """A line of single syllables as one word: 죽 고 싶 다."""
    words = line.split(" ")
    hangul = all("가" <= word[:1] <= "힣" for word in words)
    return "".join(words) if len(words) > 3 and hangul and len(line) < 2.5 * len(words) else line
