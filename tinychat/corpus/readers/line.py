"""LINE exports as text: of phones (tabs) and of computers (spaces), in Japanese, English, Korean and Chinese."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.long_names import divide, names_with
from tinychat.corpus.messenger import ChatMessage, MessengerReader, remark_counts, speaker_name
from tinychat.corpus.stamps import clock, day_of
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import CorpusParams, SourceParams

DATE = re.compile(
    r"(?P<y>\d{4})[/.](?P<mo>\d{1,2})[/.](?P<d>\d{1,2})(?:\s?[（(].{1,4}[)）]|\s\S{1,9}|周.)?"
    r"|(?P<weekday>[A-Z][a-z]{2}), (?P<mo2>\d{1,2})/(?P<d2>\d{1,2})/(?P<y2>\d{4})"
)
CLOCK = r"(?:(?P<ap>午前|午後|上午|下午|오전|오후)\s?)?(?P<h>\d{1,2}):(?P<mi>\d{2})(?P<ap2>[AaPp][Mm])?"
PHONE = re.compile(rf"{CLOCK}\t(?:(?P<name>[^\t]*)\t)?(?P<text>.*)", re.DOTALL)
COMPUTER = re.compile(rf"{CLOCK} (?P<rest>\S.*)", re.DOTALL)
HEADER = re.compile(
    r"(?:\[LINE\] ?)?(?:(?P<a>.+)とのトーク履歴|Chat history with (?P<b>.+)|(?P<c>.+)님과의 대화"
    r"|[與与和](?P<d>.+)的(?:聊天|對話|对话).*|ประวัติการสนทนากับ (?P<e>.+)"
    r"|(?P<group1>.+)のトーク履歴|Chat history in (?P<group2>.+))|\[LINE\].*"
)
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MIN_RECORDS = 3
MAX_NOTICE = 500  # characters of what nobody typed
# Whole messages with nothing typed.
PLACEHOLDERS = {
    "photo": r"\[(?:写真|사진|Photo|照片|圖片|图片)\]",
    "video": r"\[(?:動画|동영상|Video|影片|视频)\]",
    "emoticon": r"\[(?:スタンプ|스티커|Sticker|貼圖|贴图)\]",
    "file": r"\[(?:ファイル|파일|File|檔案|文件)\]",
    "voice": r"\[(?:ボイスメッセージ|음성 ?메시지|Voice message|語音訊息|语音消息)\]",
    "album": r"\[(?:アルバム|앨범|Album|相簿|相册)\].*",
    "call": r"☎ ?.+",
    "deleted": r".*(?:メッセージの送信を取り消しました|unsent a message|메시지 보내기를 취소했습니다|已收回訊息)[。.]?",
}
PLACEHOLDER = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PLACEHOLDERS.items()))
# What nobody typed, by what it ends with.
SYSTEM = {
    "joined": r".*(?:に参加しました|joined the (?:group|chat)|들어왔습니다|加入(?:群組|聊天))[。.]?",
    "left": r".*(?:退会しました|退出しました|left the (?:group|chat)|나갔습니다|已退出群組)[。.]?",
    "invited": r".*(?:招待しました|追加しました|invited .+|초대했습니다|邀請.+加入)[。.]?",
}
SYSTEM_LINE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in SYSTEM.items()))


def score(head: list[str], _: CorpusParams) -> float:
    """1 where there are records below a date, and the header or three of them; else 0."""
    lines = [line.rstrip("\r\n") for line in head]
    if not any(DATE.fullmatch(line) for line in lines if len(line) < 40):
        return 0.0
    grammar = grammar_of(lines)
    records = sum(grammar.fullmatch(line) is not None for line in lines)
    has_head = HEADER.fullmatch(lines[0][:MAX_NOTICE]) is not None or DATE.fullmatch(lines[0]) is not None
    return 1.0 if records >= (1 if has_head else MIN_RECORDS) and (grammar is PHONE or has_head) else 0.0


def grammar_of(lines: list[str]) -> re.Pattern[str]:
    """How most records are written."""
    phone, computer = (sum(grammar.fullmatch(line) is not None for line in lines) for grammar in (PHONE, COMPUTER))
    return PHONE if phone >= computer else COMPUTER


def partner(head: list[str]) -> str | None:
    """The partner that the first line names."""
    found = HEADER.fullmatch(head[0].strip()[:MAX_NOTICE])
    return found and next((found[group] for group in "abcde" if found[group]), None)


def room(text: TextFile) -> str | None:
    """The partner or the group that the first line names."""
    found = HEADER.fullmatch(text.head()[0].strip()[:MAX_NOTICE])
    return found and found.lastgroup and speaker_name(found[found.lastgroup])


def messages(
    text: TextFile, source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage | Faulty]:
    """All messages; a line that is neither a record nor a date goes on with the message above it."""
    head = [line.rstrip("\r\n") for line in text.head()]
    grammar = grammar_of(head)
    names: list[str] = []
    if grammar is COMPUTER:  # a space is behind the name, and may be in it
        names = names_with(" ", [partner(head) or "", *source.assistants], lambda: _computer_records(text))
    parser = Parser(grammar, names)
    for number, line in enumerate(text.lines(), 1):
        if message := parser.take(number, line.rstrip("\r\n")):
            yield message
    if message := parser.end():
        yield message
    remark_counts(remarks, parser.pasted, parser.impossible, parser.without_date)


def _computer_records(text: TextFile) -> Iterator[list[str]]:
    """The records of a computer, cut at each space."""
    for line in text.lines():
        if found := COMPUTER.fullmatch(line.rstrip("\r\n")):
            yield found["rest"].split(" ")


class Parser:
    """Takes the lines one by one; gives a message once the next one begins.

    On phones a text of several lines stands in quotes, in which dates and records are text.
    """

    def __init__(self, grammar: re.Pattern[str], names: list[str]) -> None:
        self.grammar, self.names = grammar, names
        self.begun: ChatMessage | None = None
        self.lines: list[str] = []  # of the text of `begun`
        self.day: date | None = None
        self.pasted = self.impossible = self.without_date = 0
        self.in_quotes, self.before = False, ""

    def take(self, number: int, line: str) -> ChatMessage | None:
        """The message before this line, if the line begins another."""
        before, self.before = self.before, line
        if self._is_date_line(line, before):
            return None
        found = self.grammar.fullmatch(line)
        if found is None:
            self._go_on(line)
            return None
        if self.day is None:
            self.without_date += 1
            return None
        time = clock(found["ap"] or found["ap2"], int(found["h"]), int(found["mi"]))
        if time is None:
            self.impossible += self.begun is not None
            self._go_on(line)
            return None
        moment = datetime.combine(self.day, time)
        if self.begun is not None and moment < self.begun.time:
            if self.in_quotes:
                self.pasted += 1
                self._go_on(line)
                return None
            moment = self.begun.time  # clocks differ
        finished = self.end()
        name, text = (found["name"] or "", found["text"]) if self.grammar is PHONE else self._divide(found["rest"])
        self.begun, self.lines = ChatMessage(number, moment, name, text), [text]
        self.in_quotes = self.grammar is PHONE and text.startswith('"') and (text == '"' or not text.endswith('"'))
        return finished

    def end(self) -> ChatMessage | None:
        """The message so far."""
        if self.begun is None:
            return None
        text = "\n".join(self.lines).rstrip("\n ")
        if self.grammar is PHONE and "\n" in text and text.startswith('"') and text.endswith('"'):
            text = text[1:-1]
        kinds = PLACEHOLDER if self.begun.speaker else SYSTEM_LINE
        found = (kinds.fullmatch(text) or PLACEHOLDER.fullmatch(text)) if len(text) <= MAX_NOTICE else None
        if found is None:
            return replace(self.begun, text=text)
        return replace(self.begun, text="", kind=found.lastgroup or "")

    def _divide(self, rest: str) -> tuple[str, str]:
        return divide(rest, " ", self.names) if " " in rest else ("", rest)

    def _go_on(self, line: str) -> None:
        if self.begun is not None:
            self.lines.append(line)
            self.in_quotes &= not line.endswith('"')

    def _is_date_line(self, line: str, before: str) -> bool:
        """Whether the line is a date between the messages: it does not go back.

        In quotes it is a later one below a blank line: the quote was one that somebody typed.
        """
        found = DATE.fullmatch(line) if len(line) < 40 else None
        if found is None or (self.in_quotes and before):
            return False
        day = _day(found)
        if day is None or (self.day is not None and (day < self.day or (self.in_quotes and day == self.day))):
            return False
        self.day, self.in_quotes = day, False
        return True


def _day(found: re.Match[str]) -> date | None:
    """The date; where the weekday fits the day before the month only, it is read so."""
    if found["y"]:
        return day_of(int(found["y"]), int(found["mo"]), int(found["d"]))
    year, first, second = int(found["y2"]), int(found["mo2"]), int(found["d2"])
    month_first, day_first = day_of(year, first, second), day_of(year, second, first)
    if day_first is not None and (month_first is None or WEEKDAYS[month_first.weekday()] != found["weekday"]):
        return day_first if WEEKDAYS[day_first.weekday()] == found["weekday"] else month_first
    return month_first


READER = MessengerReader(score, messages, partner, room)
