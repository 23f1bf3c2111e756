"""Dialogues as JSON: one object a line, or a document whose array holds them.

A reader says which records are of its format and makes dialogues of them; the rest is here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from tinychat.corpus.dialogue import Dropped, Faulty, Role, Turn
from tinychat.corpus.json_lines import RecordError, parse_line
from tinychat.corpus.json_streams import Document, Part, parts_of
from tinychat.corpus.reader import FileReader, Item, Notes, SpeakerReader, SpokenDialogue, excerpt
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.limits import has_lone_surrogate
from tinychat.params.sections import CorpusParams, SourceParams

KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null or missing"}
# Keys under which a record has its dialogue as a list or a tree: it is no pair of question and answer.
DIALOGUE_KEYS = frozenset(
    {
        *("messages", "conversations", "conversation", "dialogue", "dialog", "utterances", "utterance"),
        *("chat_messages", "mapping", "talk"),
    }
)

T = TypeVar("T")
Record = dict[str, Any]


@dataclass(frozen=True)
class JsonFormat:
    """What tells the records of a format, and where they are.

    fits             whether an object is a record of the format, also a faulty one; it may be cut
    lists            keys of an object of the whole document under which there is a list of records
    values           whether the records are what an object of the whole document holds, whatever the keys
    trailing_commas  whether a line may end with a comma
    """

    fits: Callable[[Record], bool]
    lists: tuple[str, ...] = ()
    values: bool = False
    trailing_commas: bool = False

    def score(self, head: list[str], _: CorpusParams) -> float:
        """The share of the records in the first lines that fit; lines that are no JSON do not count."""
        records = self._head_records(head)
        return sum(isinstance(one, dict) and self.fits(one) for one in records) / len(records) if records else 0.0

    def records(self, text: TextFile) -> Iterator[tuple[str, Record] | Faulty]:
        """Each record with its place: FILE:LINE, or FILE:[NUMBER] in a document.

        Raises InputError for a document that is no JSON.
        """
        if not has_record_a_line(text.head()):
            for part in parts_of(text, self._document()):
                yield _checked(f"{text.path}:{part.place or 1}", part)
            return
        for number, line in enumerate(text.lines(), start=1):
            if not line.strip():
                continue
            where = f"{text.path}:{number}"
            try:
                yield where, parse_line(without_comma(line) if self.trailing_commas else line)
            except RecordError as fault:
                yield Faulty(where, fault.reason, fault.message)

    def _document(self) -> Document:
        return Document(self.lists, self.values)

    def _head_records(self, head: list[str]) -> list[Any]:
        """The records in the first lines of a file. One that is cut is left out where there are others."""
        values, is_cut = head_values(tuple(head))
        document = self._document()
        records = [record for value in values for record in document.records(value)]
        return records[:-1] if is_cut and len(records) > 1 else records


def _checked(where: str, part: Part) -> tuple[str, Record] | Faulty:
    if part.fault is not None:
        return Faulty(where, part.fault.reason, part.fault.message)
    if not isinstance(part.value, dict):
        return Faulty(where, "not_an_object", Phrase("found {found}. Expected an object.", found=kind_of(part.value)))
    return where, part.value


def is_json(head: Sequence[str]) -> bool:
    """Whether a file that begins with these lines may be JSON."""
    return bool(head) and head[0].lstrip().startswith(("{", "["))


def has_record_a_line(head: Sequence[str]) -> bool:
    """Whether each line is to be an object of its own; no: the lines are those of one document."""
    if not is_json(head):
        return True
    lines = [line for line in head if line.strip()][:2]
    if len(lines) < 2 or lines[0].lstrip().startswith("["):
        return False
    return lines[1].startswith("{") or _parsed(lines[0]) is not None


@lru_cache(maxsize=1)  # every reader asks for those of the same file
def head_values(head: tuple[str, ...]) -> tuple[list[Any], bool]:
    """The objects of lines, or the documents in the first lines of a file; and whether the last one is cut."""
    if not is_json(head):
        return [], False
    if has_record_a_line(head):
        return [record for line in head if line.strip() and (record := _parsed(line)) is not None], False
    return Document().beginning(head)


def _parsed(line: str) -> Record | None:
    try:
        return parse_line(without_comma(line))
    except RecordError:
        return None


def without_comma(line: str) -> str:
    """A line without a comma at its end."""
    return line.rstrip().removesuffix(",")


def json_reader(
    json: JsonFormat, dialogues: Callable[[str, Record, Notes], Iterable[Item]], suffixes: tuple[str, ...] = ()
) -> FileReader:
    """A reader that makes items of each record; `dialogues` gets its place, and raises RecordError for a faulty one."""

    def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
        return _items(json, text, lambda where, record: dialogues(where, record, notes))

    return FileReader(json.score, read, suffixes)


def json_speaker_reader(
    json: JsonFormat,
    dialogues: Callable[[str, Record, SourceParams, Notes], Iterable[SpokenDialogue | Dropped]],
    options: tuple[str, ...] = (),
) -> SpeakerReader:
    """The same for dialogues between speakers with names."""

    def read(text: TextFile, source: SourceParams, notes: Notes) -> Iterator[SpokenDialogue | Dropped | Faulty]:
        return _items(json, text, lambda where, record: dialogues(where, record, source, notes))

    return SpeakerReader(json.score, read, options=options)


def _items(json: JsonFormat, text: TextFile, make: Callable[[str, Record], Iterable[T]]) -> Iterator[T | Faulty]:
    for found in json.records(text):
        if isinstance(found, Faulty):
            yield found
            continue
        try:
            yield from make(*found)
        except RecordError as fault:
            yield Faulty(found[0], fault.reason, fault.message)


def string(key: str, value: Any) -> str:
    """The value, which must be a string of whole characters. Raises RecordError."""
    if not isinstance(value, str):
        raise RecordError("bad_content", "{key} is {found}. Expected a string.", key=key, found=kind_of(value))
    if has_lone_surrogate(value):
        raise RecordError(
            "lone_surrogate",
            "{key}: half a surrogate pair (such as \\ud83d alone), which is not a character.",
            key=key,
        )
    return value


def items(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The items of a list, each with its own key. Raises RecordError for anything else."""
    if not isinstance(value, list):
        raise RecordError("not_a_list", "{key} is {found}. Expected a list.", key=key, found=kind_of(value))
    for number, item in enumerate(value):
        yield f"{key}[{number}]", item


def objects(key: str, value: Any) -> Iterator[tuple[str, Record]]:
    """The objects of a list, each with its own key. Raises RecordError for anything else."""
    for here, item in items(key, value):
        if not isinstance(item, dict):
            raise RecordError("bad_message", "{key} is {found}. Expected an object.", key=here, found=kind_of(item))
        yield here, item


def role_of(key: str, value: Any, roles: Mapping[str, Role | None]) -> Role | None:
    """The role that the format calls so; None for one that is left out. Raises RecordError for any other."""
    name = value.strip().lower() if isinstance(value, str) else ""
    if name not in roles:
        found = excerpt(value) if isinstance(value, str) else kind_of(value)
        raise RecordError(
            "bad_role",
            "{key} is {found}. Expected one of: {roles}.",
            key=key,
            found=found,
            roles=", ".join(roles),
        )
    return roles[name]


def turns_of(
    where: str,
    messages: Iterable[tuple[str, Record]],
    role_key: str,
    text_key: str,
    roles: Mapping[str, Role | None],
    notes: Notes,
) -> tuple[Turn, ...]:
    """The turns of messages with a role and a text; those of roles that are left out are counted by their role.

    Raises RecordError for a faulty message, and then nothing is counted.
    """
    turns, left_out = [], []
    for key, message in messages:
        role = role_of(f"{key}.{role_key}", message.get(role_key), roles)
        if role is None:
            left_out.append(str(message[role_key]).strip().lower())
        else:
            turns.append(Turn(role, string(f"{key}.{text_key}", message.get(text_key))))
    for name in left_out:
        notes.messages_dropped.add(name, where)
    return tuple(turns)


def kind_of(value: Any) -> Phrase:
    """What a value of JSON is."""
    return Phrase(KINDS.get(type(value), "a number"))


def alternating(texts: Iterable[str]) -> tuple[Turn, ...]:
    """Turns of the user and the bot in turn, the user first."""
    return tuple(Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(texts))


def segments(turns: Iterable[Turn | None]) -> Iterator[tuple[Turn, ...]]:
    """The dialogues between the messages without a text, such as a picture of the user, each of which is None.

    What answers one is left out: it would be learnt as an answer to the question before it.
    """
    kept: list[Turn] = []
    is_open = True
    for turn in turns:
        if turn is None:
            if kept:
                yield tuple(kept)
            kept, is_open = [], False
        elif is_open or turn.role == "user":
            is_open = True
            kept.append(turn)
    if kept:
        yield tuple(kept)
