"""Text as the corpus keeps it: NFC, plain newlines and spaces, nothing invisible. Never NFKC: it breaks ㅋㅋ and ①."""

import re
import unicodedata
from collections import Counter

NEWLINES = re.compile("\r\n|[\r\x85\u2028\u2029]")
# The Hangul fillers are letters to Unicode, and show as nothing.
FILLERS = re.compile("[\u3164\u115f\u1160\uffa0]")
SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# C0 and C1 controls (tab and newline are dealt with before), soft hyphen, zero-width and direction marks, BOM.
INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
# Whole blocks of symbols: they hold every Extended_Pictographic character and every skin tone, and no letter of a word.
# The exact property needs a package, and its table changes with each Unicode version; the blocks do not.
PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\U0001fc00-\U0001fffd"
)
# A zero-width joiner holds a family or a profession together; anywhere else it is only invisible.
STRAY_JOINER = re.compile(f"(?<![{PICTURE}\ufe0f])\u200d|\u200d(?![{PICTURE}])")
SURROGATE = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
# Most texts need no step: these characters, with single spaces between them.
PLAIN = re.compile("[!-~가-힣ㄱ-ㅎㅏ-ㅣ]++(?: [!-~가-힣ㄱ-ㅎㅏ-ㅣ]++)*+")

STEPS = ("nfc", "newlines", "fillers", "invisible", "joiners", "spaces")


def clean_text(text: str, counts: Counter[str]) -> str:
    """`text` normalised, perhaps empty; `counts` gains 1 for each step of STEPS that changed it.

    A fixed point: cleaning twice gives what cleaning once gave. Raises ValueError for a lone surrogate,
    which is no character and cannot be written.
    """
    if PLAIN.fullmatch(text):
        return text
    if has_lone_surrogate(text):
        raise ValueError("a lone surrogate")
    steps = {
        "newlines": lambda t: NEWLINES.sub("\n", t),
        "fillers": lambda t: FILLERS.sub(" ", t),
        "spaces": lambda t: SPACES.sub(" ", t),
        "invisible": lambda t: INVISIBLE.sub("", t),
        "joiners": lambda t: STRAY_JOINER.sub("", t),
        # After all that takes characters away: what stood around them may now compose.
        "nfc": lambda t: unicodedata.normalize("NFC", t),
        "tidy": _tidy_spaces,
    }
    changed = set()
    for name, step in steps.items():
        before, text = text, step(text)
        if text != before:
            changed.add("spaces" if name == "tidy" else name)
    counts.update(changed)
    return text


def has_lone_surrogate(text: str) -> bool:
    """Whether `text` holds half a surrogate pair, as JSON's `\\ud83d` alone gives."""
    return SURROGATE.search(text) is not None


def is_damaged(text: str) -> bool:
    """Whether more than one character in a hundred is U+FFFD: an earlier program lost what stood there."""
    return text.count(REPLACEMENT) > len(text) / 100


def _tidy_spaces(text: str) -> str:
    """Runs of spaces to one, lines trimmed, at most one blank line in a row."""
    text = re.sub(" {2,}", " ", text)
    text = re.sub(" ?\n ?", "\n", text)
    return re.sub("\n{3,}", "\n\n", text).strip(" \n")
