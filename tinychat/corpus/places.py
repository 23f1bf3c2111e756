"""Where the first rows and messages lie that were left out, for the summary.

Places name files, whose names may be private: they stand beside the names of the sources, not in the metrics.
"""

from collections.abc import Mapping
from pathlib import Path

from tinychat.corpus.dialogue import STAGE
from tinychat.corpus.tally import Tally
from tinychat.errors import FaultError
from tinychat.files import read_json, reading

PLACES_FILE = "places.json"  # in the overview

LEFT_OUT = ("rows_dropped", "files_left_out", "messages_dropped", "parts_dropped")  # counts in the metrics
Places = dict[str, dict[str, list[str]]]  # by the count and the reason: FILE:LINE


def places_of(tallies: Mapping[str, Tally], raw: Path) -> Places:
    """The first places of each reason, by the counts of LEFT_OUT; files by their names in the folder `raw`."""
    return {
        name: {reason: [_within(raw, place) for place in places] for reason, places in sorted(tally.locations.items())}
        for name, tally in tallies.items()
    }


def _within(raw: Path, place: str) -> str:
    return place.removeprefix(str(raw)).lstrip("/\\") if place.startswith(str(raw)) else place


def read_places(folder: Path) -> Places:
    """What `places_of` gave. Raises InputError where the file in `folder` is missing or damaged."""
    with reading(folder / PLACES_FILE, STAGE):
        places = read_json(folder / PLACES_FILE)
        if not isinstance(places, dict) or {*places} != {*LEFT_OUT} or not all(map(_are_places, places.values())):
            raise FaultError("it does not hold places by reason")
        return places


def _are_places(by_reason: object) -> bool:
    return isinstance(by_reason, dict) and all(
        isinstance(places, list) and all(isinstance(place, str) for place in places) for places in by_reason.values()
    )
