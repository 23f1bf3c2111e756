"""A KakaoTalk export of any size, in exactly the grammar of one of its programs, from which a model can learn.

    python -m benchmarks.kakaotalk_export OUT [--messages 100000] [--variant android-ko] [--seed 0] [--texts songys]

바다 answers what 하늘 asks: rows of ChatbotData.csv (`--texts songys`, in the folder TINYCHAT_SHARED_DATA), or the
dialogues of data/starter (`--texts starter`, the default without that folder). They talk for some minutes and then
pause for more than an hour. Some messages are a picture, an emoticon or a link, or have several lines. The same seed
gives the same bytes. What was written is printed as JSON: the numbers that a reader must find again.
"""

import argparse
import csv
import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tinychat.corpus.stamps import MONTHS
from tinychat.starter.expanding import Expansion
from tinychat.starter.reading import read_starter

REPOSITORY = Path(__file__).parents[1]
ASKING, ANSWERING = "하늘", "바다"
BEGIN = datetime(2022, 3, 1, 9, 0)
EXCHANGES = (4, 16)  # of a conversation: 21 messages are usual where an hour's pause ends one
REPLY_SECONDS = (2, 240)
PAUSE_MINUTES = (90, 600)
STARTER_DIALOGUES = 5000
# Shares of the messages.
SEVERAL_LINES, PLACEHOLDER, LINK = 0.02, 0.04, 0.005
LINK_TEXT = "https://example.com/page?id=1"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
KOREAN_DAYS = "월화수목금토일"

Exchange = tuple[str, str]


def korean_clock(time: datetime) -> str:
    return f"{'오전' if time.hour < 12 else '오후'} {(time.hour - 1) % 12 + 1}:{time:%M}"


def english_clock(time: datetime) -> str:
    return f"{(time.hour - 1) % 12 + 1}:{time:%M}"


def half(time: datetime) -> str:
    return "AM" if time.hour < 12 else "PM"


def korean_date(time: datetime) -> str:
    return f"{time.year}년 {time.month}월 {time.day}일"


def english_date(time: datetime, letters: int | None = None) -> str:
    return f"{MONTHS[time.month - 1][:letters]} {time.day}, {time.year}"


def dots(time: datetime) -> str:
    return f"{time.year}. {time.month}. {time.day}. {korean_clock(time)}"


def ios_day(time: datetime) -> str:
    return f"{korean_date(time)} {KOREAN_DAYS[time.weekday()]}요일"


def english_day(time: datetime) -> str:
    return f"{DAYS[time.weekday()]}, {english_date(time)}"


def between_hyphens(day: str) -> str:
    return f"{'-' * 15} {day} {'-' * 15}"


@dataclass(frozen=True)
class Variant:
    """How a program writes its export.

    header        the first line; `title` and `saved` make the second one, which tells when the export was made
    day           the line before the first message of a day
    stamp         the time of a message
    record        the line of a message: its stamp, name and text; none in a table
    placeholders  what stands for a picture, and for an emoticon
    """

    header: str
    title: str
    saved: Callable[[datetime], str]
    day: Callable[[datetime], str]
    stamp: Callable[[datetime], str]
    record: str
    placeholders: dict[str, str]
    blank_before_day: bool = True
    newline: str = "\n"
    encoding: str = "utf-8-sig"


PHONE, COMPUTER = "{stamp}, {name} : {text}", "[{name}] [{stamp}] {text}"
KOREAN = {"photo": "사진", "emoticon": "이모티콘"}
ENGLISH = {"photo": "Photo", "emoticon": "(emoticon)"}
KOREAN_HEADER, KOREAN_TITLE = f"{ANSWERING} 님과 카카오톡 대화", "저장한 날짜 : "
ENGLISH_HEADER, ENGLISH_TITLE = f"KakaoTalk Chats with {ANSWERING}", "Date Saved : "
NARROW = "\u202f"


def _android_ko(time: datetime) -> str:
    return f"{korean_date(time)} {korean_clock(time)}"


def _android_en_old(time: datetime) -> str:
    return f"{english_clock(time)}{half(time)}, {english_date(time)}"


def _android_en(time: datetime) -> str:
    return f"{english_date(time)}, {english_clock(time)} {half(time)}"


def _android_en_at(time: datetime) -> str:
    return f"{english_date(time)} at {english_clock(time)}{NARROW}{half(time)[0].lower()}.m."


def _ios_en(time: datetime) -> str:
    return f"{english_date(time, letters=3)} at {time.hour}:{time:%M}"


def _seconds(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


VARIANTS = {
    "android-ko": Variant(KOREAN_HEADER, KOREAN_TITLE, _android_ko, _android_ko, _android_ko, PHONE, KOREAN),
    "android-en-old": Variant(
        ENGLISH_HEADER, ENGLISH_TITLE, _android_en_old, _android_en_old, _android_en_old, PHONE, ENGLISH
    ),
    "android-en": Variant(ENGLISH_HEADER, "Date Saved: ", _android_en, _android_en, _android_en, PHONE, ENGLISH),
    "android-en-at": Variant(
        ENGLISH_HEADER, ENGLISH_TITLE, _android_en_at, _android_en_at, _android_en_at, PHONE, ENGLISH
    ),
    "ios-ko": Variant(KOREAN_HEADER, KOREAN_TITLE, dots, ios_day, dots, PHONE, KOREAN),
    "ios-en": Variant("Talk_2026.2.9 18:35-1.txt", ENGLISH_TITLE, _ios_en, english_day, _ios_en, PHONE, ENGLISH),
    "ios-time-only": Variant(KOREAN_HEADER, KOREAN_TITLE, dots, ios_day, korean_clock, PHONE, KOREAN),
    "windows-ko": Variant(
        KOREAN_HEADER,
        KOREAN_TITLE,
        _seconds,
        lambda time: between_hyphens(ios_day(time)),
        korean_clock,
        COMPUTER,
        KOREAN,
        blank_before_day=False,
        newline="\r\n",
        encoding="utf-8",
    ),
    "windows-en": Variant(
        f"{ANSWERING} with KakaoTalk Chats",
        ENGLISH_TITLE,
        _seconds,
        lambda time: between_hyphens(english_day(time)),
        lambda time: f"{english_clock(time)} {half(time)}",
        COMPUTER,
        ENGLISH,
        blank_before_day=False,
        newline="\r\n",
        encoding="utf-8",
    ),
    "windows-24h": Variant(
        KOREAN_HEADER,
        KOREAN_TITLE,
        _seconds,
        lambda time: between_hyphens(ios_day(time)),
        lambda time: f"{time.hour}:{time:%M}",
        COMPUTER,
        KOREAN,
        blank_before_day=False,
        newline="\r\n",
        encoding="utf-8",
    ),
    "mac": Variant("", "", _seconds, _seconds, _seconds, "", KOREAN, encoding="utf-8-sig"),
}


@dataclass
class Written:
    """What an export holds."""

    variant: str
    messages: int = 0
    conversations: int = 0
    kinds: dict[str, int] = field(default_factory=dict)  # of messages without a text
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class Message:
    """A message as it was sent; `kind`: what it is instead of a text."""

    time: datetime
    name: str
    text: str
    kind: str = ""


def songys_talks(path: Path) -> list[list[Exchange]]:
    """The questions and answers of ChatbotData.csv, each a talk of its own."""
    with open(path, encoding="utf-8", newline="") as file:
        return [[(row["Q"], row["A"])] for row in csv.DictReader(file)]


def starter_talks(folder: Path, seed: int) -> list[list[Exchange]]:
    """The dialogues of the starter corpus."""
    found = []
    for dialogue in Expansion(read_starter(folder), seed).training(STARTER_DIALOGUES):
        texts = [turn.content for turn in dialogue.turns]
        found.append(list(zip(texts[::2], texts[1::2], strict=True)))
    return found


def shuffled(talks: Sequence[Sequence[Exchange]], rng: random.Random) -> Iterator[Exchange]:
    """The exchanges of all talks, again and again, each time in another order of the talks."""
    while True:
        for talk in rng.sample(talks, len(talks)):
            yield from talk


def conversations(talks: Sequence[Sequence[Exchange]], messages: int, seed: int) -> Iterator[list[Message]]:
    """Conversations of so many messages in all. Each text is on one line, or on two."""
    rng = random.Random(seed)
    source = shuffled(talks, rng)
    time, left = BEGIN, messages
    while left > 0:
        conversation: list[Message] = []
        for question, answer in itertools.islice(source, rng.randint(*EXCHANGES)):
            for name, text in ((ASKING, question), (ANSWERING, answer)):
                time += timedelta(seconds=rng.randint(*REPLY_SECONDS))
                chance = rng.random()
                if chance < PLACEHOLDER:
                    kind = rng.choice(("photo", "emoticon"))
                    conversation.append(Message(time, name, "", kind))
                elif chance < PLACEHOLDER + LINK:
                    conversation.append(Message(time, name, LINK_TEXT))
                time += timedelta(seconds=rng.randint(1, 20))
                several = rng.random() < SEVERAL_LINES
                conversation.append(Message(time, name, f"{text}\n{text}" if several else text))
        yield conversation[:left]
        left -= len(conversation)
        time += timedelta(minutes=rng.randint(*PAUSE_MINUTES))


def write_export(path: Path, talks: Sequence[Sequence[Exchange]], messages: int, variant: str, seed: int) -> Written:
    """Write the export; gives what is in it."""
    form, written = VARIANTS[variant], Written(variant)
    day = None
    with open(path, "w", encoding=form.encoding, newline="") as file:
        saved = BEGIN + timedelta(days=1500)
        head = ["Date,User,Message"] if variant == "mac" else [form.header, f"{form.title}{form.saved(saved)}", ""]
        file.write("".join(f"{line}{form.newline}" for line in head))
        for conversation in conversations(talks, messages, seed):
            written.conversations += 1
            for message in conversation:
                if variant != "mac" and message.time.date() != day:
                    day = message.time.date()
                    file.write(form.newline * form.blank_before_day + form.day(message.time) + form.newline)
                file.write(_record(form, message) + form.newline)
                written.messages += 1
                if message.kind:
                    written.kinds[message.kind] = written.kinds.get(message.kind, 0) + 1
                written.first = written.first or _seconds(message.time)
                written.last = _seconds(message.time)
    return written


def _record(form: Variant, message: Message) -> str:
    text = form.placeholders[message.kind] if message.kind else message.text.replace("\n", form.newline)
    if form.record:
        return form.record.format(stamp=form.stamp(message.time), name=message.name, text=text)
    name, text = (cell.replace('"', '""') for cell in (message.name, text))
    return f'{form.stamp(message.time)},"{name}","{text}"'


def main(arguments: list[str] | None = None) -> int:
    """Write the export that the arguments describe."""
    shared = os.environ.get("TINYCHAT_SHARED_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--variant", choices=VARIANTS, default="android-ko")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", choices=("songys", "starter"), default="songys" if shared else "starter")
    options = parser.parse_args(arguments)
    if options.texts == "songys":
        if shared is None:
            parser.error("--texts songys: set TINYCHAT_SHARED_DATA to the folder that holds ChatbotData.csv")
        talks = songys_talks(Path(shared) / "ChatbotData.csv")
    else:
        talks = starter_talks(REPOSITORY / "data/starter", options.seed)
    written = write_export(options.out, talks, options.messages, options.variant, options.seed)
    print(json.dumps(asdict(written), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
