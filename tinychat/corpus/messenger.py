"""Chats exported from messengers, as dialogues: who becomes the bot, and where a conversation ends.

A reader gives the messages; of the names of speakers only the masking of texts learns.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tinychat.corpus.dialogue import Dialogue, Faulty, Turn
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams, SourceParams

GAP_MINUTES = 60  # on 128,701 messages of KakaoTalk: 21 messages a dialogue; 30 minutes give 15, 180 give 39
BOTS = frozenset({"오픈채팅봇", "방장봇"})
MAX_SPEAKERS = 20  # named in an error


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of an export.

    line     of the file where it begins
    time     without a time zone, as the export has it; seconds where it has them
    speaker  as written; "" for what nobody typed (somebody joined): dropped and counted
    text     "" where there is none but its time counts (a photo): dropped and counted by `kind`
    """

    line: int
    time: datetime
    speaker: str
    text: str
    kind: str = ""


@dataclass(frozen=True)
class MessengerReader:
    """Reads the exports of one messenger.

    score     the share of the first lines that fit the format, 0 to 1
    messages  in the order of the file; it counts what it leaves out in the Tally, and notes remarks for the person
    partner   the other speaker of a chat between two, where the export names them
    """

    score: Callable[[list[str], CorpusParams], float]
    messages: Callable[[TextFile, SourceParams, Tally, list[str]], Iterator[ChatMessage | Faulty]]
    partner: Callable[[list[str]], str | None]
    suffixes: tuple[str, ...] = ()


def read_dialogues(
    reader: MessengerReader,
    text: TextFile,
    source: SourceParams,
    dropped: Tally,
    remarks: list[str],
    names: set[str],
) -> Iterator[Dialogue | Faulty]:
    """The conversations of an export, and its faulty rows.

    `dropped` counts messages that are left out, by kind; `remarks` are for the log; `names` gains those of the
    speakers, before the first conversation.

    Raises InputError where it is not clear who is to be the bot: with one speaker, or more than two, and none named.
    """
    speakers = speakers_of(reader, text, source)
    names.update(speakers)
    bots = assistant_of(reader, text, source, speakers)
    if source.assistant is None:
        remarks.append(choice_of(bots, speakers, text))
    gap = timedelta(minutes=GAP_MINUTES if source.gap_minutes is None else source.gap_minutes)
    turns: list[Turn] = []
    first = 0
    last: datetime | None = None
    for message in reader.messages(text, source, dropped, remarks):
        if isinstance(message, Faulty):
            yield message
            continue
        place = f"{text.path}:{message.line}"
        if last is not None and message.time - last > gap and turns:
            yield Dialogue(f"{text.path}:{first}", tuple(turns))
            turns = []
        last = message.time
        speaker = speaker_name(message.speaker)
        if not speaker or speaker in BOTS or not message.text:
            dropped.add(
                "system_message" if not speaker else "bot" if speaker in BOTS else message.kind or "blank", place
            )
            continue
        if not turns:
            first = message.line
        turns.append(Turn("assistant" if speaker in bots else "user", message.text))
    if turns:
        yield Dialogue(f"{text.path}:{first}", tuple(turns))


def speaker_name(name: str) -> str:
    """A speaker's name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name).strip()


def speakers_of(reader: MessengerReader, text: TextFile, source: SourceParams) -> Counter[str]:
    """How many messages each speaker has, in the order in which they first speak; no bots."""
    return Counter(
        speaker_name(message.speaker)
        for message in reader.messages(text, source, Tally(), [])
        if isinstance(message, ChatMessage) and message.speaker and message.text
        if speaker_name(message.speaker) not in BOTS
    )


def assistant_of(reader: MessengerReader, text: TextFile, source: SourceParams, speakers: Counter[str]) -> set[str]:
    """The names of the speaker who becomes the bot: those of `assistant`, or of two speakers the partner.

    Raises InputError where nobody has such a name, and where none is given and there are not two speakers.
    """
    if source.assistant is None and not speakers:
        raise InputError(
            "{path}: no messages in it: no line is a record with a date, or below a line with one", path=text.path
        )
    return choose_assistant(text, source, speakers, reader.partner(text.head()))


def choose_assistant(text: TextFile, source: SourceParams, speakers: Counter[str], partner: str | None) -> set[str]:
    """The names of the speaker who becomes the bot: those of `assistant`, or of two speakers the partner.

    Where the partner is not known, it is the second to speak. Raises InputError as `assistant_of` does.
    """
    file = text.path.name
    if source.assistant is not None:
        wanted = [source.assistant] if isinstance(source.assistant, str) else source.assistant
        for name in wanted:
            if speaker_name(name) not in speakers:
                raise InputError(
                    "{file}: nobody is called {name!r}; the speakers are: {speakers}",
                    file=file,
                    name=name,
                    speakers=listed(speakers),
                )
        return {speaker_name(name) for name in wanted}
    if len(speakers) != 2:
        raise InputError(
            "{path}: it is not clear who is to be the bot; the speakers are: {speakers}. Name one in params.yaml: "
            "corpus.sources: [{example}]",
            path=text.path,
            speakers=listed(speakers),
            example=as_yaml({"file": file, "assistant": "NAME"}),
        )
    named = speaker_name(partner) if partner else ""
    return {named if named in speakers else list(speakers)[1]}


def choice_of(bots: set[str], speakers: Counter[str], text: TextFile) -> str:
    """Who of two speakers was chosen, and how to choose the other one."""
    (bot,), (other,) = bots, set(speakers) - bots
    return (
        f"{bot} becomes the bot and {other} the user; the other way round: "
        f"corpus.sources: [{as_yaml({'file': text.path.name, 'assistant': other})}]"
    )


def listed(speakers: Counter[str]) -> str:
    """The speakers who say most, with their numbers of messages."""
    first = ", ".join(f"{name} ({count:,})" for name, count in speakers.most_common(MAX_SPEAKERS))
    return first + (", …" if len(speakers) > MAX_SPEAKERS else "")
