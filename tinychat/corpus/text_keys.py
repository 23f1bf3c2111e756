"""Keys of texts and dialogues: for duplicates, and for texts that must be in the same split."""

import hashlib
import unicodedata

from tinychat.corpus.dialogue import Dialogue

# Marks (M) are parts of letters: without them different words of Hindi or Thai would be one.
LETTERS = "LNM"


class _Letters(dict[int, str | None]):
    """For `str.translate`: keeps letters and digits; each character is looked up once."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in LETTERS else None
        return self[code]


_letters = _Letters()


def letters_of(text: str) -> str:
    """The letters and digits of `text`, casefolded; may be empty."""
    return text.casefold().translate(_letters)


def text_key(text: str) -> str:
    """Equal for texts that differ in case, spaces and punctuation only; a text without letters is its own key."""
    return letters_of(text) or text.strip()


def text_number(key: str) -> int:
    """A 64-bit hash of a key, since a corpus may have millions."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def dialogue_digest(dialogue: Dialogue) -> bytes:
    """8 bytes, the same for dialogues of the same roles and the same texts.

    Every character counts: 3.2 is not 32, and 갔어? does not mean 갔어.
    """
    digest = hashlib.blake2b(digest_size=8)
    for turn in dialogue.turns:
        digest.update(f"{turn.role}\0{turn.content}\0".encode())
    return digest.digest()
