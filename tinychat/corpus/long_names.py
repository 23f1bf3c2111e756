"""Names that hold what separates a name from its text: found by what all messages of such a speaker have in common.

A line is cut into parts at the separator. The first part is the name, unless nearly all lines that begin with it go on
with one of a few further parts, after which the texts differ.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

MIN_MESSAGES = 5  # with a name of several parts, before it counts as one
MIN_SHARE = 0.95  # of the lines that begin alike
MAX_PARTS = 4
MAX_LENGTH = 60  # characters of a name

Parts = tuple[str, ...]


def names_with(separator: str, candidates: Iterable[str], lines: Callable[[], Iterable[Sequence[str]]]) -> list[str]:
    """The names that hold the separator, the longest first: known ones (the candidates) and those of these lines."""
    known = {name for name in candidates if separator in name}
    found = {separator.join(parts) for parts in long_names(lines)}
    longer = {name for name in found if any(name.startswith(shorter + separator) for shorter in known)}
    return sorted(known | (found - longer), key=lambda name: (-len(name), name))


def divide(record: str, separator: str, names: Sequence[str]) -> tuple[str, str]:
    """Name and text of a record: the name ends at the first separator, but for the `names` that hold one.

    No name where there is no separator: nobody typed it.
    """
    for name in names:
        if f"{record}{separator[-1]}".startswith(name + separator):
            return name, record[len(name) + len(separator) :]
    name, found, text = f"{record}{separator[-1]}".partition(separator)
    return (name, text[:-1]) if found and name else ("", record)


def long_names(lines: Callable[[], Iterable[Sequence[str]]]) -> set[Parts]:
    """The names of two to MAX_PARTS parts in these lines, which it goes through once or a few times."""
    names: set[Parts] = set()
    asked: set[Parts] | None = None  # the names that may be longer; None: all first parts
    for length in range(2, MAX_PARTS + 1):
        totals: Counter[Parts] = Counter()
        longer: dict[Parts, _Lines] = {}
        for parts in lines():
            shorter = tuple(parts[: length - 1])
            if len(shorter) < length - 1 or (asked is not None and shorter not in asked):
                continue
            totals[shorter] += 1
            if len(parts) > length and sum(map(len, parts[:length])) <= MAX_LENGTH:
                longer.setdefault(tuple(parts[:length]), _Lines()).add("\n".join(parts[length:]))
        usual = {name: found.count for name, found in longer.items() if found.count >= MIN_MESSAGES and found.differ}
        covered: Counter[Parts] = Counter()
        for name, count in usual.items():
            covered[name[:-1]] += count
        asked = {name for name in usual if covered[name[:-1]] >= MIN_SHARE * totals[name[:-1]]}
        names = {name for name in names if name not in {one[:-1] for one in asked}} | asked
        if not asked:
            break
    return names


class _Lines:
    """How many lines begin alike, and whether they differ after that."""

    def __init__(self) -> None:
        self.count, self.differ, self._first = 0, False, ""

    def add(self, rest: str) -> None:
        self._first = rest[:MAX_LENGTH] if self.count == 0 else self._first
        self.count += 1
        self.differ |= rest[:MAX_LENGTH] != self._first
