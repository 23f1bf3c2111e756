"""What the exports of KakaoTalk are made of: records and dates of each program, and lines that nobody typed."""

import re
from datetime import date, datetime

from tinychat.corpus.stamps import MONTHS, day_of, month_of

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
ROOM = re.compile(
    r"(?P<a>.+) 님과 카카오톡 대화(?:\.txt)?|(?P<b>.+?) (?:\(\d+명\)과?|\d+) 카카오톡 대화(?:\.txt)?"
    r"|KakaoTalk Chats with (?P<c>.+)|KakaoTalk Chats (?P<d>.+?) \(\d+\)|(?P<e>.+) with KakaoTalk Chats"
    r"|(?P<f>Talk_\d{4}\.\d+\.\d+ .*?)(?:-\d+)?\.txt"
)
MAC_FILE = re.compile(r"KakaoTalk_Chat_(?P<room>.+)_\d{4}(?:-\d\d){5}")
SEPARATOR = " : "  # of name and text, on phones
MAC_HEADER = ["Date", "User", "Message"]
MAX_NOTICE = 500  # characters of what nobody typed
NOTICE_HEADING = "불법촬영물등 식별 및 게재제한 조치 안내"  # of open chats; a long line follows it
SAVED = re.compile(r"(?:저장한 날짜|Date Saved) ?: ")
# The beginning of a record, as at the end of a file that was cut.
CUT_CLOCK = r"(?: ?오[전후]?)? ?\d{0,2}:?\d?"
CUT = re.compile(
    rf"\[.+\] \[[^\]]{{0,9}}|\d{{4}}년 \d{{1,2}}월 \d{{1,2}}일?{CUT_CLOCK}"
    rf"|\d{{4}}\. ?\d{{1,2}}\. ?\d{{1,2}}\.?{CUT_CLOCK}|(?:{MONTH}) \d{{1,2}}, \d{{4}}(?:,| at)?{CUT_CLOCK}"
)

# Whole lines that nobody typed, by the name under which they are counted. On Windows they have neither time nor name.
SYSTEM = {
    "notice": r".+님이 들어왔습니다\.(?:운영정책을 위반한|타인, 기관 등의).*|불법촬영물등 식별 및 게재제한 조치 안내"
    r"|.+ has been assigned as the admin\.",
    "joined": r".+님이 들어왔습니다\.|.+ joined this chatroom\.",
    "left": r".+님이 (?:나갔|퇴장했)습니다\.|.+ left this chatroom\.",
    "invited": r".+님이 .+님을 초대(?:했|하였)습니다\.|.+님을 초대(?:했|하였)습니다\.|.+ invited .+\.",
    "removed": r".+님을 내보냈습니다\.|.+ has been removed from this chatroom\.",
    "hidden": r"채팅방 관리자가 메시지를 가렸습니다\.|This message has been hidden by the chatroom managers\.",
    "deleted": r"The message has been deleted\.",
}
SYSTEM_LINE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in SYSTEM.items()))
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


def system_kind(line: str) -> str | None:
    """The kind of a line that nobody typed; None for any other."""
    found = SYSTEM_LINE.fullmatch(line) if len(line) <= MAX_NOTICE else None
    return found and found.lastgroup


def date_of(found: re.Match[str]) -> date | None:
    """The date of a line; None where there is no such day."""
    groups = found.groupdict()
    if groups.get("y"):
        return day_of(int(groups["y"]), int(groups["mo"]), int(groups["d"]))
    return day_of(int(groups["y2"]), month_of(groups["mon"]), int(groups["d2"]))


def moment_of(cell: str) -> datetime | None:
    """2026-02-09 18:35:07, or without seconds, as after Excel."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d\d)(?::(\d\d))?", cell.strip())
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in found.groups()) if found else [0] * 6
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
