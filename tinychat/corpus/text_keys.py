"""When two texts count as the same: for leaving out repeats, and for keeping one text within one split."""

import hashlib
import unicodedata

from tinychat.corpus.dialogue import Dialogue

# Marks (M) are parts of letters: without them different words of Hindi or Thai would be one.
LETTERS = "LNM"
# For repeats a picture or a sum sign counts, spaces and punctuation do not.
REPEAT = "LNMS"


class _Kept(dict[int, str | None]):
    """For `str.translate`: characters of these general categories stay, the others go; looked up once each."""

    def __init__(self, categories: str, dropped: str = "") -> None:
        self.categories = categories
        self.update({ord(character): None for character in dropped})

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in self.categories else None
        return self[code]


_letters = _Kept(LETTERS)
_repeat = _Kept(REPEAT, dropped="~^`")


def letters_of(text: str) -> str:
    """The letters and digits of `text`, casefolded; perhaps none."""
    return text.casefold().translate(_letters)


def text_key(text: str) -> str:
    """What two texts share that differ in case, spaces and punctuation only; texts without any letter as they are."""
    return letters_of(text) or text.strip()


def text_number(key: str) -> int:
    """A key as 8 bytes of its hash, which stay small in memory where a corpus has millions of texts."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def dialogue_digest(dialogue: Dialogue) -> bytes:
    """16 bytes, the same for dialogues of the same roles and the same texts but for case, spaces and punctuation."""
    digest = hashlib.blake2b(digest_size=16)
    for turn in dialogue.turns:
        text = turn.content.casefold().translate(_repeat) or turn.content.strip()
        digest.update(f"{turn.role}\0{text}\0".encode())
    return digest.digest()
