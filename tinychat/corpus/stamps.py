"""Times as messengers write them. Without a time zone: only the order and the pauses of one file matter."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from tinychat.corpus.sources import as_yaml
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError

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
EPOCH = datetime(1970, 1, 1)
STEP_BACK = timedelta(days=1)  # that a time may go back: clocks of phones differ, and summer time ends
AFTERNOON = ("오후", "午後", "下午")
SPACE = r"[ \u00a0\u202f]"
# A date in digits, with the day, the month or the year first, and a clock of 12 or 24 hours.
DIGITS = (
    rf"(?P<a>\d{{1,4}})[-/.] ?(?P<b>\d{{1,2}})[-/.] ?(?P<c>\d{{1,4}})\.?,?{SPACE}{{1,3}}(?:klo |kl\. )?"
    rf"(?:(?P<ap>오전|오후|午前|午後|上午|下午){SPACE}?)?(?P<h>\d{{1,2}})[:.](?P<mi>\d{{2}})(?:[:.](?P<s>\d{{2}}))?"
    rf"(?:{SPACE}?(?P<ap2>[AaPp]\.?{SPACE}?[Mm]\.?))?"
)


def clock(half: str | None, hour: int, minute: int, second: int = 0) -> time | None:
    """The time of a clock of 12 hours, where `half` says which half of the day, or of 24; None where there is none."""
    if half:
        if not 0 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in AFTERNOON or half[0] in "Pp" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def month_of(name: str) -> int:
    """The number of a month by its English name, or the first three letters of it; 0 for any other name."""
    return next((n for n, month in enumerate(MONTHS, 1) if len(name) >= 3 and month.startswith(name[:3])), 0)


def day_of(year: int, month: int, day: int) -> date | None:
    """The date; None where there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def from_unix(seconds: float) -> datetime | None:
    """Seconds since 1970; None for what is no time of a messenger."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def from_iso(written: str) -> datetime | None:
    """2026-02-09T18:35:07.123+09:00, in UTC where it has a zone; None where it is not such a time."""
    try:
        # .NET writes seven digits, and Python reads six.
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written.strip()))
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def from_digits(found: re.Match[str], order: str) -> datetime | None:
    """The time that DIGITS found, in the order dmy or mdy unless the year is first; None where it is no time."""
    a, b, c = (int(found[part]) for part in "abc")
    if len(found["a"]) == 4:
        year, month, day = a, b, c
    else:
        year, month, day = (c, b, a) if order == "dmy" else (c, a, b)
    day_found = day_of(year + 2000 if year < 100 else year, month, day)
    time_found = clock(found["ap"] or found["ap2"], int(found["h"]), int(found["mi"]), int(found["s"] or 0))
    return None if day_found is None or time_found is None else datetime.combine(day_found, time_found)


def order_in(text: TextFile, stamps: Iterable[re.Match[str]]) -> str:
    """Whether these dates of the file have the day or the month first. Raises InputError where that does not tell."""
    order = date_order(stamps)
    if order is None:
        raise InputError(
            "{path}: the dates may have the day or the month first, and the file does not tell; say it in params.yaml: "
            "corpus.sources: [{example}], or mdy",
            path=text.path,
            example=as_yaml({"file": text.file, "date_order": "dmy"}),
        )
    return order


def date_order(stamps: Iterable[re.Match[str]]) -> str | None:
    """Whether dates have the day or the month first, dmy or mdy: the order with fewer impossible dates and steps back.

    None where that does not tell.
    """
    faults = {"dmy": 0, "mdy": 0}
    last: dict[str, datetime] = {}
    differ = False
    for found in stamps:
        if len(found["a"]) == 4:
            return "dmy"  # the year is first
        for order in faults:
            moment = from_digits(found, order)
            if moment is None or (order in last and last[order] - moment > STEP_BACK):
                faults[order] += 1
            if moment is not None:
                differ |= order in last and moment.date() != last[order].date()
                last[order] = moment
    return None if faults["dmy"] == faults["mdy"] and differ else min(faults, key=faults.__getitem__)
