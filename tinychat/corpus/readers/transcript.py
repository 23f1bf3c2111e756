"""Transcripts: lines of the form `NAME: text`, with a blank line, `---` or `===` between the dialogues."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from tinychat.corpus.known_formats import recognise
from tinychat.corpus.messenger import speaker_name
from tinychat.corpus.reader import Notes, SpeakerReader, SpokenDialogue
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import CorpusParams, SourceParams

# What begins like JSON, a tag or a quoted cell is no name.
UTTERANCE = re.compile(r"(?P<name>[^\s:：{\"<][^:：\n]{0,29}?)\s?[:：](?:\s(?P<text>.*))?", re.DOTALL)
END = re.compile(r"-{3,}|={3,}")
MIN_NAMES = 2
MIN_TIMES = 2  # that each of them speaks
MIN_SHARE = 0.8  # of the lines that are not blank
UNCERTAIN = 0.4  # the score of what may be a transcript, but too little tells so
# The names of the user and of the bot.
PAIRS = (
    *(("q", "a"), ("user", "bot"), ("사용자", "챗봇"), ("나", "너"), ("질문", "답변")),
    *(("user", "assistant"), ("human", "assistant"), ("human", "ai")),
)


def score(head: list[str], _: CorpusParams) -> float:
    """The share of lines that begin with the name of a speaker, where it is most; else little."""
    if recognise(head):
        return 0.0
    lines = [line.rstrip() for line in head if line.strip() and not END.fullmatch(line.strip())]
    names = Counter(name for line in lines if (name := name_in(line)))
    speakers = speakers_among(names)
    said = sum(names[name] for name in speakers)
    if len(speakers) >= MIN_NAMES and said >= MIN_SHARE * len(lines):
        return said / len(lines)
    return UNCERTAIN if len(names) >= MIN_NAMES and names.total() >= MIN_SHARE * len(lines) else 0.0


def dialogues(text: TextFile, _: SourceParams, notes: Notes) -> Iterator[SpokenDialogue]:
    """The dialogues of a file; a line without the name of a speaker goes on with the one above it."""
    shape = shape_of(text)
    speakers = speakers_among(shape.names) or set(shape.names)
    block: list[tuple[str, list[str]]] = []
    first = others = 0
    for number, raw in enumerate(text.lines(), start=1):
        line = raw.strip("\r\n\ufeff")
        if END.fullmatch(line.strip()) or (not line.strip() and not shape.is_spaced):
            if block:
                yield _spoken(text, first, block)
            block = []
            continue
        found = UTTERANCE.fullmatch(line)
        name = speaker_name(found["name"]) if found else ""
        if found and name in speakers:
            first = first if block else number
            block.append((name, [found["text"] or ""]))
        elif block:
            others += bool(name)
            block[-1][1].append(line.strip())
        elif line.strip():
            notes.parts_dropped.add("line_without_speaker", f"{text.path}:{number}")
    if block:
        yield _spoken(text, first, block)
    if shape.is_spaced:
        notes.remarks.append("a blank line is behind every utterance, so that none ends a dialogue")
    if others:
        notes.remarks.append(
            f"lines that begin like an utterance, of a name that occurs once, kept as text: {others:,}"
        )


def _spoken(text: TextFile, first: int, block: list[tuple[str, list[str]]]) -> SpokenDialogue:
    return SpokenDialogue(f"{text.path}:{first}", tuple((name, "\n".join(lines).strip()) for name, lines in block))


@dataclass
class Shape:
    """Of a whole file: how often each name begins a line, and whether blank lines are between all utterances."""

    names: Counter[str] = field(default_factory=Counter)
    is_spaced: bool = False


def shape_of(text: TextFile) -> Shape:
    """The shape of a file, of one pass through it."""
    shape = Shape()
    blocks = 0
    has_exchange = False
    before = ""  # the name above, in the same block
    for raw in text.lines():
        line = raw.strip("\r\n\ufeff")
        if not line.strip() or END.fullmatch(line.strip()):
            before = ""
        elif name := name_in(line):
            shape.names[name] += 1
            blocks += not before
            has_exchange |= before not in ("", name)
            before = name
    shape.is_spaced = blocks > 1 and not has_exchange
    return shape


def name_in(line: str) -> str:
    """The name at the beginning of a line; "" where there is none."""
    found = UTTERANCE.fullmatch(line)
    return speaker_name(found["name"]) if found else ""


def speakers_among(names: Counter[str]) -> set[str]:
    """Names of a known pair, and those that occur often enough to be no part of a text, such as 좋아요: 3시."""
    return {name for name, count in names.items() if count >= MIN_TIMES} | _pair(names)


def _pair(names: Iterable[str]) -> set[str]:
    plain = {name.lower(): name for name in names}
    return {plain[name] for pair in PAIRS if plain.keys() >= set(pair) for name in pair}


def partner(speakers: Collection[str]) -> str | None:
    """The one of a known pair who is the bot."""
    plain = {name.lower(): name for name in speakers}
    return next((plain[bot] for user, bot in PAIRS if plain.keys() == {user, bot}), None)


READER = SpeakerReader(score, dialogues, names_hold=True, partner=partner)
