"""Counts of what was dropped or changed, each with its first locations."""

from collections import Counter

from tinychat.errors import Phrase

SHOWN = 5


class Tally:
    """How often each reason occurred, and its first locations (`FILE:LINE`)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.locations: dict[str, list[str]] = {}

    def add(self, reason: str, where: str, times: int = 1) -> None:
        self.counts[reason] += times
        locations = self.locations.setdefault(reason, [])
        if len(locations) < SHOWN:
            locations.append(where)

    def total(self) -> int:
        return self.counts.total()

    def as_numbers(self) -> dict[str, int]:
        """The counts by reason, sorted by name, so that the same corpus gives the same bytes."""
        return dict(sorted(self.counts.items()))

    def lines(self) -> list[str]:
        """A phrase for each reason, the most frequent first."""
        return [
            Phrase(
                "{reason}: {count:,} ({places})",
                reason=Phrase(reason),
                count=count,
                places=_listed(self.locations[reason], count),
            )
            for reason, count in sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        ]

    def merge(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        for reason, locations in other.locations.items():
            mine = self.locations.setdefault(reason, [])
            mine += locations[: SHOWN - len(mine)]


def _listed(locations: list[str], count: int) -> str:
    """`FILE:7, :9, …`: a file is named once."""
    shown, last = [], ""
    for location in locations:
        file, colon, number = location.rpartition(":")
        shown.append(f":{number}" if colon and file == last else location)
        last = file
    return ", ".join(shown + ["…"] * (count > len(locations)))
