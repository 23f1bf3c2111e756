"""KakaoTalk exports: of Android, iOS, Windows and macOS, in Korean and English."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.messenger import ChatMessage, MessengerReader
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams, SourceParams

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
MAX_NOTICE = 500  # characters of what nobody typed
NOTICE_HEADING = "불법촬영물등 식별 및 게재제한 조치 안내"  # of open chats; a long line follows it
SAVED = re.compile(r"(?:저장한 날짜|Date Saved) ?: ")
# The beginning of a record, as at the end of a file that was cut.
CUT_CLOCK = r"(?: ?오[전후]?)? ?\d{0,2}:?\d?"
CUT = re.compile(
    rf"\[.+\] \[[^\]]{{0,9}}|\d{{4}}년 \d{{1,2}}월 \d{{1,2}}일?{CUT_CLOCK}"
    rf"|\d{{4}}\. ?\d{{1,2}}\. ?\d{{1,2}}\.?{CUT_CLOCK}|(?:{MONTH}) \d{{1,2}}, \d{{4}}(?:,| at)?{CUT_CLOCK}"
)

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
    "call": r"(?:보이스톡|페이스톡|그룹콜|라이브톡|보이스룸|Voice Call)"
    r"(?: (?:해요|취소|부재중|종료|\d+:\d\d(?::\d\d)?))?",
    "deleted": r"삭제된 메시지입니다\.|메시지가 삭제되었습니다\.|This message was deleted\.",
    "service": r"샵검색: #.*|(?:지도|연락처): .*|카카오톡 프로필|톡게시판 '.*': .*"
    r"|[\d,]+원(?:을 받으세요\.| 받기 완료!.*)",
}
PLACEHOLDER = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PLACEHOLDERS.items()))


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


def messages(text: TextFile, _: SourceParams, dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage | Faulty]:
    """All messages. A record whose time is before the one above it was pasted: it is text of that message."""
    head = [line.rstrip("\r\n") for line in text.head()]
    found = _mac_messages(text) if head and is_mac_header(head[0]) else _text_messages(text, head, dropped, remarks)
    for message in found:
        yield without_placeholder(message) if isinstance(message, ChatMessage) else message


def is_mac_header(line: str) -> bool:
    """Whether the line is the header of macOS' CSV."""
    return line.replace('"', "").strip().split(",") == MAC_HEADER


def without_placeholder(message: ChatMessage) -> ChatMessage:
    """The message without its text where that only stands for a photo and the like."""
    typed = message.text.strip()
    if len(typed) <= MAX_NOTICE and (found := PLACEHOLDER.fullmatch(typed)):
        return replace(message, text="", kind=found.lastgroup or "")
    return replace(message, text=message.text.rstrip())


def _text_messages(text: TextFile, head: list[str], dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage]:
    counts = records_by_grammar(head)
    parser = Parser(text, max(counts, key=counts.__getitem__), dropped)
    ends_with_newline = True
    for number, line in enumerate(text.lines(), 1):
        ends_with_newline = line.endswith(("\n", "\r"))
        if message := parser.take(number, line.rstrip("\r\n")):
            yield message
    if not ends_with_newline and parser.drop_cut_record():
        remarks.append(f"{text.path}:{parser.number}: a record that is cut; it is left out")
    if message := parser.end():
        yield message
    if parser.pasted:
        remarks.append(f"lines of pasted chats, kept as text: {parser.pasted:,}")
    if parser.impossible:
        remarks.append(f"lines with an impossible date or time, kept as text: {parser.impossible:,}")
    if parser.without_date:
        remarks.append(f"records without a date above them, left out: {parser.without_date:,}")


class Parser:
    """Takes the lines of a text export one by one; gives a message once the next one begins.

    All records of a file have one grammar. Lines that look like records or dates of another one were pasted, or typed.
    """

    def __init__(self, text: TextFile, grammar: re.Pattern[str], dropped: Tally) -> None:
        self.path, self.grammar, self.dropped = text.path, grammar, dropped
        self.begun: ChatMessage | None = None
        self.lines: list[str] = []  # of the text of `begun`
        self.day: date | None = None  # of date lines, for records that have only a time
        self.pasted = self.impossible = self.without_date = 0
        self.number, self.before, self.in_notice = 0, "", False

    def take(self, number: int, line: str) -> ChatMessage | None:
        """The message before this line, if the line begins another."""
        self.number, before, self.before = number, self.before, line
        found = self.grammar.fullmatch(line)
        if self.grammar is WINDOWS and found is None and self._is_notice(line):
            self.dropped.add("system_message", f"{self.path}:{number}")
            return None
        if self._is_date_line(line, before):
            return None
        if found is None or (self.grammar in MOBILE and found["rest"] is None):
            if self.begun is not None:
                self.lines.append(line)
            return None
        if self.grammar in MOBILE:
            separator = found.groupdict().get("sep") or ","
            return self._begin(line, date_of(found), found, *name_and_text(found["rest"], separator))
        if self.day is None:
            self.without_date += 1
            return None
        if self.grammar is WINDOWS:
            return self._begin(line, self.day, found, found["name"], found["text"])
        return self._begin(line, self.day, found, *name_and_text(found["rest"], ","))

    def end(self) -> ChatMessage | None:
        """The message so far."""
        return self.begun and replace(self.begun, text="\n".join(self.lines))

    def drop_cut_record(self) -> bool:
        """Drop the last line if it belongs to the text, but is the beginning of a record."""
        if len(self.lines) < 2 or self.lines[-1] != self.before or not CUT.fullmatch(self.before):
            return False
        self.lines.pop()
        return True

    def _begin(self, line: str, day: date | None, found: re.Match[str], name: str, text: str) -> ChatMessage | None:
        clock = clock_of(found)
        moment = datetime.combine(day, clock) if day is not None and clock is not None else None
        if moment is None or (self.begun is not None and moment < self.begun.time):
            if self.begun is not None:
                self.lines.append(line)
            self.impossible += moment is None
            self.pasted += moment is not None
            return None
        finished = self.end()
        self.begun, self.lines = ChatMessage(self.number, moment, name, text), [text]
        return finished

    def _is_notice(self, line: str) -> bool:
        """Whether nobody typed the line: on Windows such a line has neither time nor name."""
        if self.in_notice and line:
            self.in_notice = False  # the long line below the heading
            return True
        self.in_notice = line == NOTICE_HEADING
        return len(line) <= MAX_NOTICE and self.begun is not None and SYSTEM.fullmatch(line) is not None

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


def _mac_messages(text: TextFile) -> Iterator[ChatMessage | Faulty]:
    """The rows of macOS' CSV, whose cells may hold line breaks."""
    csv.field_size_limit(10_000_000)
    rows = csv.reader(text.lines(), strict=True)
    line = 0
    last: datetime | None = None
    try:
        for row in rows:
            begun, line = line + 1, rows.line_num
            where = f"{text.path}:{begun}"
            if not "".join(row).strip() or row == MAC_HEADER:
                continue
            if len(row) != 3:
                message = Phrase("{cells} cells instead of 3 (Date, User, Message)", cells=len(row))
                yield Faulty(where, "too_few_cells" if len(row) < 3 else "too_many_cells", message)
            elif moment := moment_of(row[0]) or (last if not row[0].strip() else None):
                last = moment
                is_system = not row[1].strip() or not row[0].strip()
                is_system |= len(row[2]) <= MAX_NOTICE and SYSTEM.fullmatch(row[2].strip()) is not None
                yield ChatMessage(begun, moment, "" if is_system else row[1], row[2])
            elif row[0].strip():
                message = Phrase("no date and time: {found!r}; expected 2026-02-09 18:35:07", found=row[0][:30])
                yield Faulty(where, "no_time", message)
    except csv.Error as error:
        raise InputError(
            "{path}:{line}: not CSV: {error}; a quotation mark may be missing",
            path=text.path,
            line=line + 1,
            error=error,
        ) from None


def moment_of(cell: str) -> datetime | None:
    """2026-02-09 18:35:07, or without seconds, as after Excel."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d\d)(?::(\d\d))?", cell.strip())
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in found.groups()) if found else [0] * 6
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


READER = MessengerReader(score, messages, partner)
