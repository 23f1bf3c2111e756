"""What masking found in files of dialogues, in context, for the person at the terminal: `tinychat data audit`.

It quotes personal data, so nothing here is written to a file. Beside the finds stands what no rule masks and a person
should look at; these patterns are meant to find too much.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tinychat.corpus.counts import Counts
from tinychat.corpus.gathering import gather
from tinychat.corpus.masking.addresses import NO_COUNT, NO_ROAD
from tinychat.corpus.masking.common_words import COMMON_WORDS
from tinychat.corpus.masking.source_mask import FoundIn, words_to_block
from tinychat.corpus.masking.speaker_names import given_name
from tinychat.corpus.sources import list_sources
from tinychat.dialogue_files import corpus_params, existing, named_in_params
from tinychat.errors import InputError
from tinychat.params.limits import MASK_KINDS
from tinychat.params.loading import RAW
from tinychat.params.sections import SourceParams

CONTEXT = 24  # characters on each side

_DATE = r"(?:\d{1,2}월 ?\d{1,2}일|\d{2,4}[.-] ?\d{1,2}[.-] ?\d{1,2})"
# What may be personal data, and stays.
POSSIBLE = {
    "numbers in words": re.compile(r"[공영일이삼사오육륙칠팔구](?:[ ,.-]{0,2}[공영일이삼사오육륙칠팔구]){7,20}"),
    "long numbers": re.compile(r"(?<![0-9.,])\d(?:[-. ]?\d){7,30}(?![0-9])"),
    "birthdays": re.compile(
        rf"(?:생일|생년월일|태어난)[^\n]{{0,8}}{_DATE}|{_DATE}[^\n]{{0,6}}(?:생일|태어났)|\d{{2,4}}년생"
    ),
    "addresses": re.compile(
        rf"(?<![가-힣]){NO_ROAD}[가-힣]{{2,8}}(?<!으)(?:로|길) \d{{1,4}}{NO_COUNT}|주소(?:는|가|:) ?[^\s?]{{2,20}}"
        r"|\d{1,4}동 |\d{3,4}호(?!선)"
    ),
    "passwords": re.compile(
        r"(?:비밀번호|비번|패스워드|password|passwd)\s?(?:는|은|:|=)?\s?[0-9A-Za-z!-/:-@]{4,30}", re.I
    ),
    "links": re.compile(
        r"(?<![\w.@/-])[A-Za-z0-9-]{1,40}\.(?:com|net|org|kr|io|me|ly|gl|app|dev)(?:/[^\s가-힣]{0,80})?"
    ),
}
OTHER_NAME = re.compile(r"(?<![0-9A-Za-z가-힣])([가-힣]{3})(?: ?(?:씨|님)|(?:이가|이는|아|야|한테|에게|랑)(?![가-힣]))")


@dataclass(frozen=True)
class Example:
    """A find in its context. `count`: how often the same was found."""

    where: str
    before: str
    found: str
    after: str
    count: int = 1


@dataclass
class Audit:
    """What was found in the sources.

    masked       by kind; `examples` likewise: finds that differ, each where it is first
    not_masked   what may be personal data, and no rule masks: how often by kind; `possible`: examples
    """

    sources: list[str]
    settings: dict[str, Any]
    dialogues: int = 0
    masked: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    not_masked: dict[str, int] = field(default_factory=dict)
    possible: dict[str, list[Example]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    def text(self) -> str:
        """All of it, for a person."""
        lines = [f"{', '.join(self.sources)}: {self.dialogues:,} dialogues"]
        if not self.settings["enabled"]:
            lines.append("masking is off (corpus.mask.enabled: false); this is what it would mask")
        if self.settings["leave"]:
            lines.append(f"left as they are (corpus.mask.leave): {', '.join(self.settings['leave'])}")
        lines += [f"fault: {fault}" for fault in self.faults]
        for kind, count in self.masked.items():
            lines += ["", f"<{kind}>  {count:,} masked", *self._lines(self.examples[kind])]
        if not self.masked:
            lines += ["", "nothing was masked"]
        lines += ["", "Not masked: no rule finds these for certain. Look whether they are personal."]
        for kind, count in self.not_masked.items():
            lines += [f"{kind}  {count:,}", *self._lines(self.possible[kind])]
        if not self.not_masked:
            lines.append("  none")
        lines += [
            "",
            "No rule finds: names of people who do not speak in the file, addresses in words, places of work and",
            "schools, numbers that are split over messages. Words of your own: corpus.mask.block_list.",
        ]
        return "\n".join(lines)

    @staticmethod
    def _lines(examples: Sequence[Example]) -> Iterator[str]:
        for one in examples:
            times = f"  (×{one.count:,})" if one.count > 1 else ""
            yield f"  {one.where}  {_one_line(one.before)}[{_one_line(one.found)}]{_one_line(one.after)}{times}"


class _Finds:
    """Finds by kind: counts, and where each different one is first."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._first: dict[str, dict[str, Example]] = {}
        self._times: dict[tuple[str, str], int] = {}

    def add(self, kind: str, where: str, text: str, start: int, end: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        found = text[start:end]
        self._times[kind, found] = self._times.get((kind, found), 0) + 1
        if found not in (first := self._first.setdefault(kind, {})):
            before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
            first[found] = Example(
                where,
                before if start <= CONTEXT else f"…{before}",
                found,
                after if end + CONTEXT >= len(text) else f"{after}…",
            )

    def examples(self, kind: str, count: int) -> list[Example]:
        """The most frequent ones."""
        found = sorted(self._first[kind].values(), key=lambda one: -self._times[kind, one.found])
        return [
            Example(one.where, one.before, one.found, one.after, self._times[kind, one.found]) for one in found[:count]
        ]


def audit(path: Path | None, source: SourceParams | None = None, examples: int = 5) -> Audit:
    """What masking finds in `path`, or in the sources of params.yaml.

    Faulty rows are skipped and told. Raises InputError where there is no such file, or it cannot be read.
    """
    params = corpus_params()
    raw = RAW
    if path is not None:
        path = existing(path)
        raw, name = named_in_params(path)
        sources = [source or SourceParams(file=name)]
    else:
        sources = [one for one in list_sources(RAW, params) if one.file]
        if not sources:
            raise InputError("{folder} holds no dialogues of yours; name a file: tinychat data audit FILE", folder=RAW)
    masked, possible, counts = _Finds(), _Finds(), Counts()

    def see(found_in: FoundIn) -> None:
        where, text, found = found_in
        for one in found:
            masked.add(one.kind, where, text, one.start, one.end)

    counts.see_masked = see
    settings = params.mask.model_dump()
    blocked = words_to_block(RAW, params.mask)
    mask = params.mask.model_copy(update={"enabled": True})
    reading = params.model_copy(update={"sources": sources, "on_error": "skip", "mask": mask})
    dialogues = 0
    for dialogue in gather(raw, reading, counts, lambda *_, **__: None, blocked=blocked):
        dialogues += 1
        for turn in dialogue.turns:
            for kind, start, end in possible_in(turn.content):
                possible.add(kind, dialogue.source, turn.content, start, end)
    kinds = [kind for kind in MASK_KINDS if kind in masked.counts]
    others = [kind for kind in [*POSSIBLE, "names"] if kind in possible.counts]
    return Audit(
        sources=[str(raw / one.file) for one in sources if one.file],
        settings=settings,
        dialogues=dialogues,
        masked={kind: masked.counts[kind] for kind in kinds},
        examples={kind: masked.examples(kind, examples) for kind in kinds},
        not_masked={kind: possible.counts[kind] for kind in others},
        possible={kind: possible.examples(kind, examples) for kind in others},
        faults=counts.faults_skipped,
    )


def possible_in(text: str) -> Iterable[tuple[str, int, int]]:
    """Kind, start and end of what may be personal data in a text that was masked."""
    for kind, pattern in POSSIBLE.items():
        yield from ((kind, found.start(), found.end()) for found in pattern.finditer(text))
    for found in OTHER_NAME.finditer(text):
        given = given_name(found[1])
        if given is not None and given not in COMMON_WORDS:
            yield "names", found.start(1), found.end(1)


def _one_line(text: str) -> str:
    return " ⏎ ".join(text.split("\n"))
