"""What is counted on the way, and the first places of each, so that nothing goes missing in silence."""

from collections import Counter

from tinychat.errors import Phrase

SHOWN = 5


class Tally:
    """How often each reason occurred, and where at first."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[str]] = {}

    def add(self, reason: str, where: str, times: int = 1) -> None:
        self.counts[reason] += times
        places = self.places.setdefault(reason, [])
        if len(places) < SHOWN:
            places.append(where)

    def total(self) -> int:
        return self.counts.total()

    def as_numbers(self) -> dict[str, int]:
        """The counts by reason, in the order of the names, so that the same corpus gives the same bytes."""
        return dict(sorted(self.counts.items()))

    def lines(self) -> list[str]:
        """A line a reason for the person, a phrase each, the most frequent first."""
        return [
            Phrase(
                "{reason}: {count:,} ({places})",
                reason=Phrase(reason),
                count=count,
                places=_listed(self.places[reason], count),
            )
            for reason, count in sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        ]

    def merge(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        for reason, places in other.places.items():
            mine = self.places.setdefault(reason, [])
            mine += places[: SHOWN - len(mine)]


def _listed(places: list[str], count: int) -> str:
    """`FILE:7, :9, …`: a file is named where it begins."""
    shown, last = [], ""
    for place in places:
        file, colon, number = place.rpartition(":")
        shown.append(f":{number}" if colon and file == last else place)
        last = file
    return ", ".join(shown + ["…"] * (count > len(places)))
