"""Masks personal data: each find becomes a placeholder, `<phone>`, `<name>`.

Placeholders are plain text, no special tokens: a model may say them, and what a person types as `<phone>` is text like
any other.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from tinychat.corpus.masking import patterns
from tinychat.corpus.masking.addresses import find_addresses
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.patterns import Place, to_plain
from tinychat.corpus.masking.speaker_names import SpeakerNames

Finder = Callable[[str], Iterable[Place]]

LINK = re.compile(r"://|[Ww]{3}\.")
AT = re.compile("@")
NUMBER = re.compile(r"\d[\d\-. ()~_]{5,30}?\d")
ID = re.compile("[:=]|아이디|아뒤|계정|[Ii][Dd]")
HOUSE = re.compile(r"[로길동리가]\s?(?:산\s?|제)?\d")
# Kind, what a text must have to hold any, finder. In this order: what one finder found the next ones do not see.
BY_FORM: tuple[tuple[str, re.Pattern[str], Finder], ...] = (
    ("url", LINK, patterns.find_urls),
    ("email", AT, patterns.find_emails),
    ("rrn", NUMBER, patterns.find_resident_numbers),
    ("card", NUMBER, patterns.find_cards),
    ("account", NUMBER, patterns.find_accounts),
    ("account", NUMBER, patterns.find_accounts_near_banks),
    ("phone", NUMBER, patterns.find_phones),
    ("id", ID, patterns.find_ids),
    ("address", HOUSE, find_addresses),
)
# Most messages have none of these, and so nothing that a form gives away.
LETTER_OR_DIGIT = re.compile(r"[\dA-Za-zＡ-Ｚａ-ｚ]")
# In place of what was found: neither a letter nor a digit nor a space, and cleaned texts have none.
FOUND = "\0"


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data in a text, from `start` to `end`."""

    start: int
    end: int
    kind: str

    @property
    def placeholder(self) -> str:
        """What takes its place."""
        return f"<{self.kind}>"


class Masker:
    """Masks the texts of one source.

    leave     kinds to leave as they are
    blocked   a person's own list
    speakers  of the source; the collection may still grow while the source is read
    """

    def __init__(
        self, leave: Collection[str] = (), blocked: BlockList | None = None, speakers: Collection[str] = ()
    ) -> None:
        self._by_form = [one for one in BY_FORM if one[0] not in leave]
        self._blocked = None if "blocked" in leave else blocked
        self._speakers = () if "name" in leave else speakers
        self._names, self._n_speakers = SpeakerNames(()), 0

    def find(self, text: str) -> list[Found]:
        """The personal data in a cleaned text, in the order of the text; none overlap."""
        if not self._speakers and self._blocked is None and LETTER_OR_DIGIT.search(text) is None:
            return []
        plain = to_plain(text)
        found: list[Found] = []
        for kind, finder in self._finders(plain):
            places = list(finder(plain))
            if places:
                found += [Found(start, _with_marks(text, end), kind) for start, end in places]
                plain = _without(plain, places)
        return sorted(found, key=lambda one: one.start)

    def masked(self, text: str) -> str:
        """The text with placeholders."""
        return replaced(text, self.find(text))

    def _finders(self, plain: str) -> Iterator[tuple[str, Finder]]:
        if LETTER_OR_DIGIT.search(plain):
            needed = {needs: needs.search(plain) for needs in (LINK, AT, NUMBER, ID, HOUSE)}
            yield from ((kind, finder) for kind, needs, finder in self._by_form if needed[needs])
        if self._blocked is not None:
            yield "blocked", self._blocked.find
        if self._speakers:
            if len(self._speakers) != self._n_speakers:
                self._names, self._n_speakers = SpeakerNames(self._speakers), len(self._speakers)
            yield "name", self._names.find


def replaced(text: str, found: Iterable[Found]) -> str:
    """The text with a placeholder for each find."""
    pieces, end = [], 0
    for one in found:
        pieces += [text[end : one.start], one.placeholder]
        end = one.end
    return "".join([*pieces, text[end:]])


def _without(plain: str, places: Iterable[Place]) -> str:
    """The text, as long as before, without what was found."""
    pieces, end = [], 0
    for start, stop in places:
        pieces += [plain[end:start], FOUND * (stop - start)]
        end = stop
    return "".join([*pieces, plain[end:]])


def _with_marks(text: str, end: int) -> int:
    """The end of what was found with its combining marks: on a placeholder they would compose with its last sign."""
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return end
