"""From the messages of an export to dialogues: who speaks as the bot, and where a conversation ends."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from tinychat.corpus.dialogue import Dialogue, Faulty, Role, Turn
from tinychat.corpus.messenger import ChatMessage, MessengerReader
from tinychat.corpus.rooms import Item, in_order, told
from tinychat.corpus.speakers import assistant_of, choice_of, speakers_of
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import SourceParams

# Conversations with shorter pauses stand in one split: the afternoon goes on with what lunch was about. Not the date,
# which ends in the middle of a night's chat; a night's sleep is longer than this, a meeting or a meal shorter.
SESSION_PAUSE = timedelta(hours=4)
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
GAP_MINUTES = 60  # on 128,701 messages of KakaoTalk: 21 messages a dialogue; 30 minutes give 15, 180 give 39


def read_dialogues(
    reader: MessengerReader,
    rooms: Sequence[Sequence[TextFile]],
    source: SourceParams,
    dropped: Tally,
    remarks: list[str],
    names: set[str],
) -> Iterator[Dialogue | Faulty]:
    """The conversations of an export, and its faulty rows; `rooms` are its files, those of one room together.

    `dropped` counts messages that are left out, by kind; `remarks` are for the log; `names` gains those of the
    speakers, before the first conversation.

    Raises InputError where it is not clear who is to be the bot: with one speaker, or more than two, and none named.
    """
    speakers = speakers_of(reader, rooms, source)
    names.update(speakers.names)
    assistant = assistant_of(reader, rooms, source, speakers)
    if source.assistant is None:
        remarks.append(choice_of(assistant, speakers, source))
    remarks += told(rooms)
    gap = timedelta(minutes=GAP_MINUTES if source.gap_minutes is None else source.gap_minutes)
    for files in rooms:
        items = in_order(reader, files, source, dropped, remarks)
        left_out = partial(_left_out, bots=speakers.bots - assistant, drop_links=source.drop_links)
        yield from _conversations(items, assistant, left_out, gap, dropped)


@dataclass
class _Conversation:
    """A conversation that may go on: where its first kept message is, its session, its turns, the time of its last
    message."""

    first: str = ""
    session: str = ""
    turns: list[Turn] = field(default_factory=list)
    last: datetime | None = None

    def dialogue(self) -> Iterator[Dialogue]:
        """What was said, if anything; after that it begins anew."""
        if self.turns:
            yield Dialogue(self.first, tuple(self.turns), session=self.session)
        self.turns = []


def _conversations(
    items: Iterable[tuple[TextFile, Item]],
    assistant: set[str],
    left_out: Callable[[ChatMessage], str | None],
    gap: timedelta,
    dropped: Tally,
) -> Iterator[Dialogue | Faulty]:
    """The messages cut into conversations: at pauses, and never across rooms. A thread is one, whatever its pauses.

    `left_out`: why a message is, or None. A session is named by the place of its first message.
    """
    room: str | None = None
    session, in_room = "", datetime.min  # the time of the last message of the room
    threads: dict[str, _Conversation] = {}  # of the room; "": outside of threads
    for text, message in items:
        if isinstance(message, Faulty):
            yield message
            continue
        if message.room != room:
            for ended in threads.values():
                yield from ended.dialogue()
            room, threads, session = message.room, {}, ""
        conversation = threads.setdefault(message.thread, _Conversation())
        if conversation.last is not None and not message.thread and message.time - conversation.last > gap:
            yield from conversation.dialogue()
        conversation.last = message.time
        place = f"{text.path}:{message.place}"
        if not session or message.time - in_room > max(gap, SESSION_PAUSE):
            session = place
        in_room = message.time
        if reason := left_out(message):
            dropped.add(reason, place)
            continue
        if not conversation.turns:
            conversation.first, conversation.session = place, session
        role: Role = "assistant" if message.speaker_key in assistant else "user"
        conversation.turns.append(Turn(role, message.text))
    for ended in threads.values():
        yield from ended.dialogue()


def _left_out(message: ChatMessage, bots: set[str], drop_links: bool) -> str | None:
    """Why the message is left out; None for one that is kept."""
    key = message.speaker_key
    if not key:
        return message.kind or "system_message"
    if key in bots:
        return "bot"
    if drop_links and (words := message.text.split()) and all(map(LINK.fullmatch, words)):
        return "link"
    return None if message.text else message.kind or "blank"
