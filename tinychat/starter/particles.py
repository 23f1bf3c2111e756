"""Korean particles that agree with the word before them: 지우는, 민준은."""

import re

FIRST_SYLLABLE, LAST_SYLLABLE = "가", "힣"
FINALS = 28  # forms of a syllable by its final consonant, none included
RIEUL = 8  # the index of ㄹ among them
DIGIT_FINALS = {"0": 21, "1": RIEUL, "3": 16, "6": 1, "7": RIEUL, "8": RIEUL}  # 영 일 삼 육 칠 팔; the others have none

# After a final consonant, after a vowel.
PAIRS = {
    "은/는": ("은", "는"),
    "이/가": ("이", "가"),
    "을/를": ("을", "를"),
    "과/와": ("과", "와"),
    "아/야": ("아", "야"),
    "이야/야": ("이야", "야"),
    "이에요/예요": ("이에요", "예요"),
    "이네요/네요": ("이네요", "네요"),
    "이라고/라고": ("이라고", "라고"),
    "이라/라": ("이라", "라"),
    "이랑/랑": ("이랑", "랑"),
    "이나/나": ("이나", "나"),
    "이지/지": ("이지", "지"),
    "이고/고": ("이고", "고"),
    "이요/요": ("이요", "요"),
    "으로/로": ("으로", "로"),
}

SLOT = re.compile(r"\{(\w+)(?::([^{}]+))?\}")


def with_particle(word: str, pair: str) -> str:
    """`word` with the form of the particle that agrees with it; KeyError for a pair that is not in PAIRS."""
    after_consonant, after_vowel = PAIRS[pair]
    final = final_consonant(word)
    if pair == "으로/로" and final == RIEUL:
        return word + after_vowel
    return word + (after_consonant if final else after_vowel)


def final_consonant(word: str) -> int:
    """The index of the final consonant of the last syllable, 0 where it has none (or is no Hangul and no digit)."""
    last = word[-1:]
    if FIRST_SYLLABLE <= last <= LAST_SYLLABLE:
        return (ord(last) - ord(FIRST_SYLLABLE)) % FINALS
    return DIGIT_FINALS.get(last, 0)


def slots_in(text: str) -> list[tuple[str, str | None]]:
    """The slots of a text, each with its particle pair: `{name}`, `{name:은/는}`."""
    return [(name, pair or None) for name, pair in SLOT.findall(text)]


def without_slots(text: str) -> str:
    """The text around the slots."""
    return SLOT.sub("", text)


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its slots filled; KeyError for a slot or a pair that is not known."""

    def filled(found: re.Match[str]) -> str:
        value = values[found[1]]
        return with_particle(value, found[2]) if found[2] else value

    return SLOT.sub(filled, text)
