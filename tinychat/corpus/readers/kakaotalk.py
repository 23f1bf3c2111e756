"""KakaoTalk exports: of Android, iOS, Windows and macOS, in Korean and English."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time

from tinychat.corpus.messenger import ChatMessage, MessengerReader
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
MONTH = "|".join([*MONTHS, *(month[:3] for month in MONTHS), "Sept"])
KOREAN_DATE = r"(?P<y>\d{4})년 (?P<mo>\d{1,2})월 (?P<d>\d{1,2})일"
ENGLISH_DATE = rf"(?P<mon>{MONTH}) (?P<d2>\d{{1,2}}), (?P<y2>\d{{4}})"
CLOCK = r"(?:(?P<ap>오전|오후) )?(?P<h>\d{1,2}):(?P<mi>\d{2})"
WEEKDAY = r"[월화수목금토일]요일"

ANDROID_KO = re.compile(rf"{KOREAN_DATE} {CLOCK}(?:, (?P<rest>.*))?", re.DOTALL)
ANDROID_EN_OLD = re.compile(
    rf"(?P<h>\d{{1,2}}):(?P<mi>\d{{2}}) ?(?P<ap>[AP]M), {ENGLISH_DATE}(?:, (?P<rest>.*))?", re.DOTALL
)
ENGLISH = re.compile(
    rf"{ENGLISH_DATE}(?:,| at) (?P<h>\d{{1,2}}):(?P<mi>\d{{2}})(?:[ \u00a0\u202f]?(?P<ap>[AaPp]\.?[Mm]\.?))?"
    r"(?:(?P<sep>[,:]) (?P<rest>.*))?",
    re.DOTALL,
)
IOS_KO = re.compile(
    rf"(?P<y>\d{{4}})\. ?(?P<mo>\d{{1,2}})\. ?(?P<d>\d{{1,2}})\. {CLOCK}(?P<sep>[,:]) (?P<rest>.*)", re.DOTALL
)
IOS_TIME_ONLY = re.compile(r"(?P<ap>오전|오후) (?P<h>\d{1,2}):(?P<mi>\d{2}), (?P<rest>.*)", re.DOTALL)
IOS_DATE = re.compile(rf"(?:{KOREAN_DATE} {WEEKDAY}|\w+day, {ENGLISH_DATE})")
WINDOWS = re.compile(rf"\[(?P<name>.*?)\] \[{CLOCK}(?: (?P<ap2>AM|PM))?\] ?(?P<text>.*)", re.DOTALL)
WINDOWS_DATE = re.compile(rf"-{{15}} (?:{KOREAN_DATE} {WEEKDAY}|\w+day, {ENGLISH_DATE}) -{{15}}")
MOBILE = (ANDROID_KO, ANDROID_EN_OLD, ENGLISH, IOS_KO)
HEADERS = re.compile(
    r"(?![{\[\"<]).*카카오톡 대화(?:\.txt)?|KakaoTalk Chats.*|.* with KakaoTalk Chats|Talk_\d{4}\.\d+\.\d+ .*"
)
PARTNER = re.compile(
    r"(?P<a>.+) 님과 카카오톡 대화(?:\.txt)?|KakaoTalk Chats with (?P<b>.+)|(?P<c>.+) with KakaoTalk Chats"
)
MAC_HEADER = ["Date", "User", "Message"]
MIN_RECORDS = 3

# Whole lines that nobody typed. On Windows they have neither time nor name.
SYSTEM = re.compile(
    r".+님이 (?:들어왔|나갔|퇴장했)습니다\.|.+님이 .+님을 초대(?:했|하였)습니다\.|.+님을 초대(?:했|하였)습니다\."
    r"|.+님을 내보냈습니다\.|채팅방 관리자가 메시지를 가렸습니다\."
    r"|.+님이 들어왔습니다\.(?:운영정책을 위반한|타인, 기관 등의).*|불법촬영물등 식별 및 게재제한 조치 안내"
    r"|.+ invited .+\.|.+ (?:joined|left) this chatroom\.|.+ has been removed from this chatroom\."
    r"|.+ has been assigned as the admin\.|This message has been hidden by the chatroom managers\."
    r"|The message has been deleted\."
)
# Whole messages with nothing typed, by the name under which they are counted.
PLACEHOLDERS = {
    "photo": r"사진(?: \d+장)?|<사진 읽지 않음>|<?Photo>?|\d+ photos"
    r"|(?:-?[0-9a-f]{8,11}|[0-9a-f]{64})\.(?:jpg|png|gif|mp4)",
    "video": r"동영상|<동영상 읽지 않음>|[Vv]ideos?",
    "voice": r"음성 ?메시지|<음성 ?메시지 읽지 않음>|Voice Note",
    "emoticon": r"이모티콘|\(이모티콘(?:_[^)]*)?\)|\(emoticon\)|Emoticons",
    "file": r"(?:파일|File): .+|\S+\.(?:pdf|hwpx?|docx?|xlsx?|pptx?|zip|m4a|mp4|vcf)",
    "call": r"(?:보이스톡|페이스톡|그룹콜|라이브톡|보이스룸)(?: .*)?|Voice Call(?: .*)?",
    "deleted": r"삭제된 메시지입니다\.|메시지가 삭제되었습니다\.|This message was deleted\.",
    "service": r"샵검색: #.*|(?:지도|연락처): .*|카카오톡 프로필|톡게시판 '.*': .*|투표 .+|[\d,]+원을 받으세요\."
    r"|.+ 받기 완료!.*",
}
PLACEHOLDER = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PLACEHOLDERS.items()))


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the first line is that of an export, or three lines are records; else 0."""
    lines = [line.rstrip("\r\n") for line in head]
    if HEADERS.fullmatch(lines[0]) or is_mac_header(lines[0]):
        return 1.0
    grammars = [WINDOWS, *([IOS_TIME_ONLY] if any(map(IOS_DATE.fullmatch, lines)) else [])]
    records = sum(bool(mobile_record(line) or any(grammar.fullmatch(line) for grammar in grammars)) for line in lines)
    return 1.0 if records >= MIN_RECORDS else 0.0


def partner(head: list[str]) -> str | None:
    """The partner that the first line names."""
    found = PARTNER.fullmatch(head[0].rstrip("\r\n")) if head else None
    return found and (found["a"] or found["b"] or found["c"])


def messages(text: TextFile, dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage]:
    """All messages. A record whose time is before the one above it was pasted: it is text of that message."""
    head = text.head()
    found = _mac_messages(text) if is_mac_header(head[0].rstrip("\r\n")) else _text_messages(text, dropped, remarks)
    for message in found:
        yield without_placeholder(message)


def is_mac_header(line: str) -> bool:
    """Whether the line is the header of macOS' CSV."""
    return next(csv.reader([line]), []) == MAC_HEADER


def without_placeholder(message: ChatMessage) -> ChatMessage:
    """The message without its text where that only stands for a photo and the like."""
    typed = message.text.strip()
    if found := PLACEHOLDER.fullmatch(typed):
        return replace(message, text="", kind=found.lastgroup or "")
    return replace(message, text=message.text.rstrip())


def mobile_record(line: str) -> re.Match[str] | None:
    """The line as a record of a phone: with a time, and something behind it."""
    found = next((match for pattern in MOBILE if (match := pattern.fullmatch(line))), None)
    return found if found and found["rest"] is not None else None


def _text_messages(text: TextFile, dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage]:
    parser = Parser(text, dropped)
    ends_with_newline = True
    for number, line in enumerate(text.lines(), 1):
        ends_with_newline = line.endswith(("\n", "\r"))
        if message := parser.take(number, line.rstrip("\r\n")):
            yield message
    last = parser.message
    if last is not None and not ends_with_newline and parser.is_cut_record():
        remarks.append(f"{text.path}:{parser.last_line}: a record that is cut; it is left out")
        last = replace(last, text=last.text.rpartition("\n")[0])
    if last is not None:
        yield last
    if parser.pasted:
        remarks.append(f"lines of pasted chats, kept as text: {parser.pasted:,}")
    if parser.impossible:
        remarks.append(f"lines with an impossible date or time, kept as text: {parser.impossible:,}")


class Parser:
    """Takes the lines of a text export one by one; gives a message once the next one begins."""

    def __init__(self, text: TextFile, dropped: Tally) -> None:
        self.path, self.dropped = text.path, dropped
        self.message: ChatMessage | None = None
        self.day: date | None = None  # of date lines, for records that have only a time
        self.ios_days = self.ios_records = False
        self.pasted = self.impossible = 0
        self.last_line, self.last_text = 0, ""

    def take(self, number: int, line: str) -> ChatMessage | None:
        """The message before this line, if the line begins another."""
        self.last_line, self.last_text = number, line
        if day := WINDOWS_DATE.fullmatch(line) or IOS_DATE.fullmatch(line):
            if (moment := date_of(day)) is not None:
                self.ios_days |= not line.startswith("-")
                self.day = moment
                return None
        elif (found := WINDOWS.fullmatch(line)) and self.day is not None:
            return self._begin(number, line, self.day, found, found["name"], found["text"])
        elif (
            self.ios_days and not self.ios_records and (found := IOS_TIME_ONLY.fullmatch(line)) and self.day is not None
        ):
            return self._begin(number, line, self.day, found, *name_and_text(found["rest"], ","))
        elif found := next((match for pattern in MOBILE if (match := pattern.fullmatch(line))), None):
            if found["rest"] is None:
                return None  # a date line
            separator = found.groupdict().get("sep") or ","
            self.ios_records |= found.re is IOS_KO
            return self._begin(number, line, date_of(found), found, *name_and_text(found["rest"], separator))
        elif SYSTEM.fullmatch(line) and self.message is not None and self.day is not None:
            self.dropped.add("system_message", f"{self.path}:{number}")
            return None
        if self.message is not None:
            self.message = replace(self.message, text=f"{self.message.text}\n{line}")
        return None

    def _begin(
        self, number: int, line: str, day: date | None, found: re.Match[str], name: str, text: str
    ) -> ChatMessage | None:
        clock = clock_of(found)
        before = self.message
        if day is None or clock is None or (before is not None and datetime.combine(day, clock) < before.time):
            if before is not None:
                self.message = replace(before, text=f"{before.text}\n{line}")
            self.impossible += day is None or clock is None
            self.pasted += day is not None and clock is not None
            return None
        self.message = ChatMessage(number, datetime.combine(day, clock), name, text)
        return before

    @property
    def has_only_times(self) -> bool:
        """Whether records have a time and no date, as some of iOS."""
        return self.ios_days and not self.ios_records

    def is_cut_record(self) -> bool:
        """Whether the last line looks like the beginning of a record."""
        return re.fullmatch(r"\[[^\]]*\] \[[^\]]*|\d{4}(?:년 .{0,24}|\. .{0,24})", self.last_text) is not None


def name_and_text(rest: str, separator: str) -> tuple[str, str]:
    """Speaker and text of what stands behind the time; no speaker in a line that nobody typed."""
    name, colon, text = f"{rest} ".partition(" : ")
    return (name, text.removesuffix(" ")) if colon and separator == "," else ("", rest)


def date_of(found: re.Match[str]) -> date | None:
    """The date of a line; None where there is no such day."""
    groups = found.groupdict()
    try:
        if groups.get("y"):
            return date(int(groups["y"]), int(groups["mo"]), int(groups["d"]))
        month = next(n for n, name in enumerate(MONTHS, 1) if name.startswith(groups["mon"][:3]))
        return date(int(groups["y2"]), month, int(groups["d2"]))
    except ValueError:
        return None


def clock_of(found: re.Match[str]) -> time | None:
    """The time of a record, of 12 or 24 hours; None where there is no such time."""
    groups = found.groupdict()
    half = (groups.get("ap") or groups.get("ap2") or "").replace(".", "").upper()
    hour = int(groups["h"])
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("오후", "PM") else 0)
    try:
        return time(hour, int(groups["mi"]))
    except ValueError:
        return None


def _mac_messages(text: TextFile) -> Iterator[ChatMessage]:
    """The rows of macOS' CSV, whose cells may hold line breaks."""
    csv.field_size_limit(10_000_000)
    rows = csv.reader(text.lines(), strict=True)
    line = 1
    try:
        next(rows)
        for row in rows:
            begun, line = line + 1, rows.line_num
            if not row:
                continue
            if len(row) != 3:
                raise InputError(
                    "{path}:{line}: {cells} cells instead of 3 (Date, User, Message)",
                    path=text.path,
                    line=begun,
                    cells=len(row),
                )
            if moment := moment_of(row[0]):
                yield ChatMessage(begun, moment, row[1], row[2])
            elif row[0].strip():
                raise InputError(
                    "{path}:{line}: no date and time: {found!r}; expected 2026-02-09 18:35:07",
                    path=text.path,
                    line=begun,
                    found=row[0][:30],
                )
    except csv.Error as error:
        raise InputError(
            "{path}:{line}: not CSV: {error}; a quotation mark may be missing",
            path=text.path,
            line=line + 1,
            error=error,
        ) from None


def moment_of(cell: str) -> datetime | None:
    """2026-02-09 18:35:07, or without seconds."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", cell.strip()):
        return None
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None


READER = MessengerReader(score, messages, partner)
