"""KakaoTalk exports: of Android, iOS, Windows and macOS, in Korean and English."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from tinychat.corpus.csv_rows import csv_rows
from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.kakaotalk_grammar import (
    CUT,
    HEADERS,
    IOS_DATE,
    IOS_TIME_ONLY,
    MAC_FILE,
    MAC_HEADER,
    MAX_NOTICE,
    MOBILE,
    NOTICE_HEADING,
    PARTNER,
    PLACEHOLDER,
    ROOM,
    SAVED,
    SEPARATOR,
    WINDOWS,
    WINDOWS_DATE,
    date_of,
    moment_of,
    system_kind,
)
from tinychat.corpus.long_names import divide, names_with
from tinychat.corpus.messenger import ChatMessage, MessengerReader, remark_counts, speaker_name
from tinychat.corpus.stamps import clock
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

MIN_RECORDS = 3


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the first line is that of an export, or three lines are records of one grammar; else 0."""
    lines = [line.rstrip("\r\n") for line in head]
    if HEADERS.fullmatch(lines[0][:MAX_NOTICE]) or is_mac_header(lines[0]):
        return 1.0
    return 1.0 if max(records_by_grammar(lines).values()) >= MIN_RECORDS else 0.0


def records_by_grammar(lines: list[str]) -> dict[re.Pattern[str], int]:
    """How many of these lines are records, by their grammar."""
    grammars = [*MOBILE, WINDOWS, *([IOS_TIME_ONLY] if any(map(IOS_DATE.fullmatch, lines)) else [])]
    found = [[match for line in lines if (match := grammar.fullmatch(line))] for grammar in grammars]
    return {
        grammar: sum(match.groupdict().get("rest", "") is not None for match in matches)
        for grammar, matches in zip(grammars, found, strict=True)
    }


def partner(head: list[str]) -> str | None:
    """The partner that the first line names."""
    found = PARTNER.fullmatch(head[0].rstrip("\r\n")[:MAX_NOTICE]) if head else None
    return found and (found["a"] or found["b"] or found["c"])


def room(text: TextFile) -> str | None:
    """The name of the room: in the first line, or for macOS in the name of the file."""
    head = text.head()
    found = ROOM.fullmatch(head[0].rstrip("\r\n")[:MAX_NOTICE]) if head else None
    if found is not None and found.lastgroup is not None:
        return speaker_name(found[found.lastgroup])
    of_mac = MAC_FILE.fullmatch(text.path.stem)
    return of_mac and speaker_name(of_mac["room"])


def messages(
    text: TextFile, source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage | Faulty]:
    """All messages. A record whose time is before the one above it was pasted: it is text of that message."""
    head = [line.rstrip("\r\n") for line in text.head()]
    if head and is_mac_header(head[0]):
        found = _mac_messages(text)
    else:
        found = _text_messages(text, head, source, dropped, remarks)
    for message in found:
        if isinstance(message, ChatMessage):
            message = without_placeholder(message) if message.speaker else with_system_kind(message)
        yield message


def is_mac_header(line: str) -> bool:
    """Whether the line is the header of macOS' CSV."""
    return line.replace('"', "").strip().split(",") == MAC_HEADER


def without_placeholder(message: ChatMessage) -> ChatMessage:
    """The message without its text where that only stands for a photo and the like."""
    typed = message.text.strip()
    if len(typed) <= MAX_NOTICE and (found := PLACEHOLDER.fullmatch(typed)):
        return replace(message, text="", kind=found.lastgroup or "")
    kept = message.text.rstrip()
    return message if kept == message.text else replace(message, text=kept)


def with_system_kind(message: ChatMessage) -> ChatMessage:
    """The message of nobody with the kind of what the app says."""
    return replace(message, kind=system_kind(message.text) or "")


def names_with_separator(text: TextFile, grammar: re.Pattern[str], candidates: list[str]) -> list[str]:
    """The names that hold what separates a name from its text, the longest first."""
    rare = sum(line.count(SEPARATOR) > 1 for line in text.lines()) < MIN_RECORDS
    return names_with(SEPARATOR, candidates, lambda: [] if rare else _parts(text, grammar))


def _parts(text: TextFile, grammar: re.Pattern[str]) -> Iterator[list[str]]:
    """The records, cut at each separator."""
    for line in text.lines():
        found = grammar.fullmatch(line.rstrip("\r\n"))
        if (
            found is not None
            and found["rest"]
            and found.groupdict().get("sep", ",") != ":"
            and SEPARATOR in found["rest"]
        ):
            yield found["rest"].split(SEPARATOR)


def _text_messages(
    text: TextFile, head: list[str], source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage]:
    counts = records_by_grammar(head)
    grammar = max(counts, key=counts.__getitem__)
    candidates = [partner(head) or "", *source.assistants]
    names = [] if grammar is WINDOWS else names_with_separator(text, grammar, candidates)
    if names:
        remarks.append(Phrase("names with a colon in them: {names}", names=", ".join(names)))
    parser = Parser(text, grammar, dropped, names)
    ends_with_newline = True
    for number, line in enumerate(text.lines(), 1):
        ends_with_newline = line.endswith(("\n", "\r"))
        if message := parser.take(number, line.rstrip("\r\n")):
            yield message
    if not ends_with_newline and parser.drop_cut_record():
        remarks.append(
            Phrase("{path}:{line}: a record that is cut; it is left out", path=text.path, line=parser.number)
        )
    if message := parser.end():
        yield message
    remark_counts(remarks, parser.pasted, parser.impossible, parser.without_date)


class Parser:
    """Takes the lines of a text export one by one; gives a message once the next one begins.

    All records of a file have one grammar. Lines that look like records or dates of another one were pasted, or typed.
    """

    def __init__(self, text: TextFile, grammar: re.Pattern[str], dropped: Tally, names: list[str]) -> None:
        self.path, self.grammar, self.dropped, self.names = text.path, grammar, dropped, names
        self.begun: ChatMessage | None = None
        self.lines: list[str] = []  # of the text of `begun`
        self.day: date | None = None  # of date lines, for records that have only a time
        self.pasted = self.impossible = self.without_date = 0
        self.number, self.before, self.in_notice = 0, "", False

    def take(self, number: int, line: str) -> ChatMessage | None:
        """The message before this line, if the line begins another."""
        self.number, before, self.before = number, self.before, line
        found = self.grammar.fullmatch(line)
        if self.grammar is WINDOWS and found is None and (kind := self._notice(line)):
            self.dropped.add(kind, f"{self.path}:{number}")
            return None
        if self._is_date_line(line, before):
            return None
        if found is None or (self.grammar in MOBILE and found["rest"] is None):
            if self.begun is not None:
                self.lines.append(line)
            return None
        if self.grammar in MOBILE:
            said = ("", found["rest"]) if found.groupdict().get("sep") == ":" else self._divide(found["rest"])
            return self._begin(line, date_of(found), found, *said)
        if self.day is None:
            self.without_date += 1
            return None
        if self.grammar is WINDOWS:
            return self._begin(line, self.day, found, found["name"], found["text"])
        return self._begin(line, self.day, found, *self._divide(found["rest"]))

    def _divide(self, rest: str) -> tuple[str, str]:
        return divide(rest, SEPARATOR, self.names)

    def end(self) -> ChatMessage | None:
        """The message so far."""
        begun = self.begun
        return begun and ChatMessage(begun.place, begun.time, begun.speaker, "\n".join(self.lines))

    def drop_cut_record(self) -> bool:
        """Drop the last line if it belongs to the text, but is the beginning of a record."""
        if len(self.lines) < 2 or self.lines[-1] != self.before or not CUT.fullmatch(self.before):
            return False
        self.lines.pop()
        return True

    def _begin(self, line: str, day: date | None, found: re.Match[str], name: str, text: str) -> ChatMessage | None:
        groups = found.groupdict()
        time = clock(groups.get("ap") or groups.get("ap2"), int(groups["h"]), int(groups["mi"]))
        moment = datetime.combine(day, time) if day is not None and time is not None else None
        if moment is None or (self.begun is not None and moment < self.begun.time):
            if self.begun is not None:
                self.lines.append(line)
            self.impossible += moment is None
            self.pasted += moment is not None
            return None
        finished = self.end()
        self.begun, self.lines = ChatMessage(self.number, moment, name, text), [text]
        return finished

    def _notice(self, line: str) -> str | None:
        """The kind of a line that nobody typed: on Windows such a line has neither time nor name."""
        if self.in_notice and line:
            self.in_notice = False  # the long line below the heading
            return "notice"
        self.in_notice = line == NOTICE_HEADING
        return system_kind(line) if self.begun is not None else None

    def _is_date_line(self, line: str, before: str) -> bool:
        """Whether the line is a date between the messages.

        It does not go back, and on a phone it stands below a blank line or the head.
        """
        pattern = WINDOWS_DATE if self.grammar is WINDOWS else IOS_DATE
        found = pattern.fullmatch(line)
        if self.begun is None and found is None and SAVED.match(line):  # a date may be glued to the line of the head
            found = re.search(rf"(?:{IOS_DATE.pattern})$", line)
        if (
            found is None
            and self.grammar in MOBILE
            and (dated := self.grammar.fullmatch(line))
            and dated["rest"] is None
        ):
            found = dated
        if found is None or (self.grammar is not WINDOWS and before and self.begun is not None):
            return False
        day = date_of(found)
        if day is None or (self.day is not None and day < self.day) or (self.begun and day < self.begun.time.date()):
            return False
        self.day = day
        return True


def _mac_messages(text: TextFile) -> Iterator[ChatMessage | Faulty]:
    """The rows of macOS' CSV, whose cells may hold line breaks."""
    last: datetime | None = None
    for line, row in csv_rows(text):
        where = f"{text.path}:{line}"
        if row == MAC_HEADER:
            continue
        if len(row) != 3:
            message = Phrase("{cells} cells instead of 3 (Date, User, Message)", cells=len(row))
            yield Faulty(where, "too_few_cells" if len(row) < 3 else "too_many_cells", message)
        elif moment := moment_of(row[0]) or (last if not row[0].strip() else None):
            last = moment
            is_system = not row[1].strip() or not row[0].strip() or system_kind(row[2].strip()) is not None
            yield ChatMessage(line, moment, "" if is_system else row[1], row[2])
        elif row[0].strip():
            message = Phrase(
                "no date and time: {found!r}; expected {example}", found=row[0][:30], example="2026-02-09 18:35:07"
            )
            yield Faulty(where, "no_time", message)


READER = MessengerReader(score, messages, partner, room)
