"""What is counted while sources are read."""

from collections import Counter
from dataclasses import dataclass, field

from tinychat.corpus.masking.source_mask import SeeFound
from tinychat.corpus.mixing import GatheredSource
from tinychat.corpus.reader import Notes
from tinychat.corpus.tally import Tally
from tinychat.corpus.turns import TurnCounts


@dataclass
class Rows:
    """rows read = rows kept + rows dropped by reason: of one reader or of all. Faulty ones are among the dropped.

    `sources`: files, those in folders and archives too, and corpora of the project.
    """

    sources: int = 0
    read: int = 0
    kept: int = 0
    faulty: int = 0
    first_fault: str = ""
    dropped: Tally = field(default_factory=Tally)

    def merge(self, other: "Rows") -> None:
        self.sources += other.sources
        self.read += other.read
        self.kept += other.kept
        self.faulty += other.faulty
        self.first_fault = self.first_fault or other.first_fault
        self.dropped.merge(other.dropped)


@dataclass
class Counts:
    """What is counted while dialogues are gathered."""

    rows: Rows = field(default_factory=Rows)
    by_reader: dict[str, Rows] = field(default_factory=dict)
    turns: TurnCounts = field(default_factory=TurnCounts)
    parts_dropped: Tally = field(default_factory=Tally)
    nul_characters: int = 0
    masked: Counter[str] = field(default_factory=Counter)  # personal data in dialogues that were kept, by kind
    see_masked: SeeFound | None = None  # shown to the person, never written
    files_left_out: Tally = field(default_factory=Tally)  # of folders and archives, by why no reader takes them
    faults_skipped: list[str] = field(default_factory=list)
    sources: list[GatheredSource] = field(default_factory=list)  # in the order of their numbers
    remarks: list[str] = field(default_factory=list)  # of the readers, for the person
    prompts: list[str] = field(default_factory=list)  # of a corpus in the project

    def add_notes(self, notes: Notes) -> None:
        """Count what a reader left out of rows that it kept."""
        self.turns.dropped.merge(notes.messages_dropped)
        self.parts_dropped.merge(notes.parts_dropped)
        self.prompts += notes.prompts
