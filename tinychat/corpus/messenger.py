"""Chats exported from messengers: a message, and the interface of the readers of such files.

Of the names of speakers only the modules that turn messages into dialogues learn, and the masking of texts.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

BOTS = frozenset({"오픈채팅봇", "방장봇"})
FILE_KINDS = {
    "photo": ("jpg", "jpeg", "png", "gif", "webp", "heic", "bmp"),
    "video": ("mp4", "mov", "webm", "mkv", "avi"),
    "voice": ("ogg", "oga", "opus", "m4a", "mp3", "wav", "aac"),
}


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of an export.

    place       where it begins in the file: a line, or a path in JSON
    time        as the export has it, to be compared within a file: without a time zone, or in UTC where it has one
    speaker     as written; "" for what nobody typed (somebody joined): dropped and counted
    text        "" where there is none but its time counts (a photo): dropped and counted by `kind`
    kind        of what has no text or no speaker
    speaker_id  the same under all names of a speaker, and of nobody else; "" where the export has none
    room        of those in the file; messages of two rooms are never one dialogue
    thread      of those in the room: its messages are one dialogue, whatever the pauses; "" outside of threads
    is_bot      a program wrote it
    """

    place: int | str
    time: datetime
    speaker: str
    text: str
    kind: str = ""
    speaker_id: str = ""
    room: str = ""
    thread: str = ""
    is_bot: bool = False

    @property
    def speaker_key(self) -> str:
        """What tells speakers apart: the id, or the name as names are compared."""
        return self.speaker_id or speaker_name(self.speaker)


def speaker_name(name: str) -> str:
    """A speaker's name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name).strip()


def file_kind(name: str) -> str:
    """The kind of an attachment, by the ending of its name."""
    ending = re.sub(r"[?#].*", "", name).rpartition(".")[2].lower()
    return next((kind for kind, endings in FILE_KINDS.items() if ending in endings), "file")


def remark_counts(remarks: list[str], pasted: int, impossible: int, without_date: int = 0) -> None:
    """Note how many lines that look like records were taken for text, or left out."""
    if pasted:
        remarks.append(Phrase("lines of pasted chats, kept as text: {count:,}", count=pasted))
    if impossible:
        remarks.append(Phrase("lines with an impossible date or time, kept as text: {count:,}", count=impossible))
    if without_date:
        remarks.append(Phrase("records without a date above them, left out: {count:,}", count=without_date))


def no_partner(head: list[str]) -> str | None:
    """For exports that do not name the partner."""
    return None


def no_room(text: TextFile) -> str | None:
    """For exports that do not name the room."""
    return None


def no_people(text: TextFile) -> dict[str, list[str]]:
    """For exports whose messages have the names of their speakers."""
    return {}


@dataclass(frozen=True)
class MessengerReader:
    """Reads the exports of one messenger.

    score     the share of the first lines that fit the format, 0 to 1
    messages  in the order of the file, each room's by time; it counts what it leaves out in the Tally, and notes
              remarks for the person
    partner   the other speaker of a chat between two, where the first lines name them
    room      the name of the only room in the file, where it can be told: files of one room are read as one
    people    the names that the file gives to speakers by their ids, the one to show first; for files beside messages
    """

    score: Callable[[list[str], CorpusParams], float]
    messages: Callable[[TextFile, SourceParams, Tally, list[str]], Iterator[ChatMessage | Faulty]]
    partner: Callable[[list[str]], str | None] = no_partner
    room: Callable[[TextFile], str | None] = no_room
    suffixes: tuple[str, ...] = ()
    people: Callable[[TextFile], dict[str, list[str]]] = no_people
