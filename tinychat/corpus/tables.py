"""Tables of dialogues, whatever file they are in: what a row is.

A row is a question with its answer, or one turn of a conversation.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Role, Turn
from tinychat.corpus.reader import Item, Notes, excerpt
from tinychat.corpus.turns import LEFT_OUT_ROLES
from tinychat.errors import Phrase

SPEAKERS: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "customer", "사용자", "고객"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "챗봇", "상담원", "점원"), "assistant"),
}
MAX_WHOLE = 1e21  # below it a whole number is shown with all its digits


@dataclass(frozen=True)
class Cells:
    """A row below the header: its place, and a cell for each column; None is a cell without a value."""

    where: str
    values: Sequence[str | None]


@dataclass(frozen=True)
class Columns:
    """The header of a table: its cells. Not `is_named`: there is none, and the names are the numbers of the columns."""

    names: tuple[str, ...]
    is_named: bool = field(default=True, kw_only=True)

    def indices(self) -> list[int]:
        """The columns that are taken."""
        raise NotImplementedError

    def remark(self) -> str:
        """Which columns are taken, and for what."""
        raise NotImplementedError

    def items(self, rows: Iterable[Cells | Item], notes: Notes) -> Iterator[Item]:
        """The dialogues of these rows; what was found of a row before is given on as it is."""
        raise NotImplementedError

    def unused(self) -> list[str]:
        """The names of the columns that are not taken."""
        used = [self.names[index] for index in self.indices()]
        return [name for name in self.names if name and name not in used]

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row repeats the header."""
        return self.is_named and len(cells) == len(self.names) and all(map(_same_name, cells, self.names))


@dataclass(frozen=True)
class PairColumns(Columns):
    """A row is a question and its answer."""

    question: int
    answer: int

    def indices(self) -> list[int]:
        return [self.question, self.answer]

    def remark(self) -> str:
        question, answer = self.names[self.question], self.names[self.answer]
        if not self.is_named:
            return f"no header; question: column {question}, answer: column {answer}"
        return f"question: {question}, answer: {answer}"

    def items(self, rows: Iterable[Cells | Item], notes: Notes) -> Iterator[Item]:
        return (self._item(row.where, row.values) if isinstance(row, Cells) else row for row in rows)

    def _item(self, where: str, cells: Sequence[str | None]) -> Dialogue | Dropped:
        question, answer = cells[self.question], cells[self.answer]
        if question is None or not question.strip():
            return Dropped(where, "empty_question")
        if answer is None or not answer.strip():
            return Dropped(where, "empty_answer")
        return Dialogue(where, (Turn("user", question), Turn("assistant", answer)))


@dataclass(frozen=True)
class TurnColumns(Columns):
    """A row is a turn: the id of its conversation, whose rows stand together; whose turn it is; the text."""

    conversation: int
    speaker: int
    text: int

    def indices(self) -> list[int]:
        return [self.conversation, self.speaker, self.text]

    def remark(self) -> str:
        conversation, speaker, text = (self.names[index] for index in self.indices())
        return f"a turn a row; conversation: {conversation}, speaker: {speaker}, text: {text}"

    def items(self, rows: Iterable[Cells | Item], notes: Notes) -> Iterator[Item]:
        """A dialogue, or one fault, for each conversation."""
        begun: Conversation | None = None
        seen: set[str] = set()
        for row in rows:
            if not isinstance(row, Cells):
                yield row
                continue
            name, speaker, text = (row.values[index] or "" for index in self.indices())
            if begun is None or name != begun.name:
                if begun is not None:
                    yield begun.item()
                begun = Conversation(row.where, name, name in seen)
                seen.add(name)
            begun.add(row.where, speaker, text, notes)
        if begun is not None:
            yield begun.item()


class Conversation:
    """The rows of a conversation, which `item` makes a dialogue of."""

    def __init__(self, where: str, name: str, is_split: bool) -> None:
        self.where, self.name = where, name
        self._turns: list[Turn] = []
        self._fault: Faulty | None = None
        if not name.strip():
            self._fault = Faulty(where, "no_conversation", Phrase("a turn without the id of its conversation."))
        elif is_split:
            problem = Phrase("the rows of the conversation {name} do not stand together. Sort the table.", name=name)
            self._fault = Faulty(where, "split_conversation", problem)

    def add(self, where: str, speaker: str, text: str, notes: Notes) -> None:
        """The next row."""
        plain = speaker.strip().lower()
        if plain in LEFT_OUT_ROLES:
            notes.messages_dropped.add(plain, where)
        elif plain in SPEAKERS:
            self._turns.append(Turn(SPEAKERS[plain], text))
        else:
            problem = Phrase(
                "the speaker is {found}. Expected one of: {roles}.", found=excerpt(speaker), roles=", ".join(SPEAKERS)
            )
            self._fault = self._fault or Faulty(where, "bad_role", problem)

    def item(self) -> Item:
        """The dialogue, or the first fault in it."""
        return self._fault or Dialogue(self.where, tuple(self._turns))


def cell_text(value: object) -> str | None:
    """A value of a typed table as a person sees it: 3.0 as 3, true as TRUE, a date at midnight without the time.

    None is no value. Excel shows 15 digits of a number.
    """
    match value:
        case None | str():
            return value
        case bool():
            return str(value).upper()
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < MAX_WHOLE else f"{value:.15g}"
        case datetime():
            shown = value.isoformat(" ", "seconds" if value.second else "minutes")
            return shown.removesuffix(" 00:00")
        case time():
            return value.isoformat("seconds" if value.second else "minutes")
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case bytes():
            return value.decode("utf-8")
        case _:
            return str(value)


def _same_name(cell: str, name: str) -> bool:
    return plain_name(cell) == plain_name(name)


def plain_name(name: str) -> str:
    """The name of a column in the form in which names are compared."""
    return trimmed_name(name).lower()


def trimmed_name(name: str) -> str:
    """The name of a column as it is shown."""
    return to_nfc(name).strip("\ufeff \t\r\n\u00a0")
