"""Text as the corpus keeps it: NFC, plain newlines and spaces, nothing invisible. Never NFKC: it breaks ㅋㅋ and ①."""

import re
import unicodedata
from collections import Counter

from tinychat.errors import FaultError, InputError
from tinychat.params.limits import MAX_CHARACTERS, has_lone_surrogate

# Normalisation sorts a run of combining marks in quadratic time. Unicode's Stream-Safe Text Format (UAX #15) allows 30
# in a row; no letter of any language has half of that.
MAX_MARKS = 30

NEWLINES = re.compile("\r\n|[\r\x85\u2028\u2029]")
# The Hangul fillers are letters to Unicode, and invisible.
FILLERS = re.compile("[\u3164\u115f\u1160\uffa0]")
SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# C0 and C1 controls (tab and newline are handled before), soft hyphen, zero-width and direction marks, BOM.
INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
# Whole blocks of symbols: every Extended_Pictographic character and every skin tone, and no letter.
# The exact property needs a package, and its table changes with each Unicode version; the blocks do not.
PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\U0001fc00-\U0001fffd"
)
# A zero-width joiner joins the emoji of a family or a profession; anywhere else it is only invisible.
STRAY_JOINER = re.compile(f"(?<![{PICTURE}\ufe0f])\u200d|\u200d(?![{PICTURE}])")
# No letter, digit or space is a combining mark; all others go through `_cut_run`.
POSSIBLE_MARKS = re.compile(rf"[^\w\s]{{{MAX_MARKS + 1},}}")
# NFKC, which an earlier program may have used, turns consonants and vowels that stand alone (ㅋㅋ, ㅠㅠ) into letters
# that join to a syllable. NFC joins those that can be; the others stand alone, but for those of old Korean.
LONE_CONSONANT = "[\u1100-\u1112](?![\u1160-\u11a7\ud7b0-\ud7c6])"
LONE_VOWEL = "(?<![\u1100-\u115f\ua960-\ua97c])[\u1161-\u1175](?![\u11a8-\u11ff\ud7cb-\ud7fb])"
LONE_LETTER = re.compile(f"{LONE_CONSONANT}|{LONE_VOWEL}")
ALONE = dict(zip(map(chr, range(0x1100, 0x1113)), "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", strict=True))
ALONE |= {chr(0x1161 + place): chr(0x314F + place) for place in range(21)}  # ㅏ to ㅣ
DECOMPOSE_TO_MARKS = "\u0f73\u0f75\u0f81"  # the only ones that are not combining themselves
# Most texts need no step: these characters, with single spaces between them.
PLAIN = re.compile("[!-~가-힣ㄱ-ㅎㅏ-ㅣ]++(?: [!-~가-힣ㄱ-ㅎㅏ-ㅣ]++)*+")

STEPS = ("nfc", "newlines", "fillers", "invisible", "joiners", "marks", "spaces")


def clean_text(text: str, counts: Counter[str]) -> str:
    """`text` normalised, perhaps empty; `counts` gains 1 for each step of STEPS that changed it.

    A fixed point: cleaning twice gives what cleaning once gave; the time is linear in the text. Raises ValueError for
    a lone surrogate, which is not a character and cannot be written, and InputError for more than MAX_CHARACTERS.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            "the message is {length:,} characters long; at most {maximum:,} can be read",
            length=len(text),
            maximum=MAX_CHARACTERS,
        )
    if PLAIN.fullmatch(text):
        return text
    if has_lone_surrogate(text):
        raise FaultError("a lone surrogate")
    steps = {
        "newlines": lambda t: NEWLINES.sub("\n", t),
        "fillers": lambda t: FILLERS.sub(" ", t),
        "spaces": lambda t: SPACES.sub(" ", t),
        "invisible": lambda t: INVISIBLE.sub("", t),
        "joiners": lambda t: STRAY_JOINER.sub("", t),
        # Last: where characters were removed, their neighbours may now compose.
        "marks": cut_marks,
        "nfc": lambda t: LONE_LETTER.sub(lambda found: ALONE[found[0]], to_nfc(t)),
        "tidy": _tidy_spaces,
    }
    changed = set()
    for name, step in steps.items():
        before, text = text, step(text)
        if text != before:
            changed.add("spaces" if name == "tidy" else name)
    counts.update(changed)
    return text


def to_nfc(text: str) -> str:
    """`text` in NFC, without the marks behind the first MAX_MARKS in a row, in time linear in the text."""
    # Composing may leave one or two marks too many again.
    return cut_marks(unicodedata.normalize("NFC", cut_marks(text)))


def cut_marks(text: str) -> str:
    """`text` with at most MAX_MARKS combining marks in a row."""
    return POSSIBLE_MARKS.sub(lambda found: _cut_run(found[0]), text)


def _cut_run(characters: str) -> str:
    kept, marks = [], 0
    for character in characters:
        is_mark = unicodedata.combining(character) or character in DECOMPOSE_TO_MARKS
        marks = marks + 1 if is_mark else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _tidy_spaces(text: str) -> str:
    """Runs of spaces become one, lines are trimmed, at most one blank line in a row stays."""
    text = re.sub(" {2,}", " ", text)
    text = re.sub(" ?\n ?", "\n", text)
    return re.sub("\n{3,}", "\n\n", text).strip(" \n")
