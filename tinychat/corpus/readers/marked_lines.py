"""One dialogue a line, its turns with `__eou__`, `</s>` or ` ||| ` between them, the user's first (DailyDialog)."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.json_records import alternating
from tinychat.corpus.reader import FileReader, Item, Notes
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import CorpusParams

MARKS = ("__eou__", "</s>", " ||| ")
MIN_SHARE = 0.8


def score(head: list[str], _: CorpusParams) -> float:
    """The share of lines with the mark, where it is most of them."""
    lines = [line for line in head if line.strip()]
    share = sum(_mark([line]) is not None for line in lines) / len(lines) if lines else 0.0
    return share if share >= MIN_SHARE else 0.0


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """A dialogue for each line that is not blank."""
    mark = _mark(text.head()) or MARKS[0]
    notes.remarks.append(f"between the turns: {mark.strip()}")
    for number, line in enumerate(text.lines(), start=1):
        if line.strip():
            texts = line.strip("\r\n").split(mark)
            if not texts[-1].strip():  # the mark is behind each turn
                texts.pop()
            yield Dialogue(f"{text.path}:{number}", alternating(texts))


def _mark(lines: list[str]) -> str | None:
    """The mark in these lines, of several the one in most of them; none in lines of JSON."""
    texts = [line for line in lines if not line.lstrip().startswith(("{", "["))]
    counts = {mark: sum(mark in text for text in texts) for mark in MARKS}
    best = max(MARKS, key=counts.__getitem__)
    return best if counts[best] else None


READER = FileReader(score, read)
