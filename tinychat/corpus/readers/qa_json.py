"""Questions and answers as JSON: objects with a key for each, named as the columns of a table (qa_table) are."""

from collections.abc import Iterable, Iterator
from functools import partial

from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import DIALOGUE_KEYS, JsonFormat, Record, json_reader, string
from tinychat.corpus.reader import FileReader, Item, Notes, excerpts
from tinychat.corpus.readers import alpaca, preference, prompt_completion
from tinychat.corpus.table_header import ANSWER, QUESTION
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import Columns, CorpusParams

TEXT = "text"  # the question where the answer is called `response`


def fits(columns: Columns, record: Record) -> bool:
    """Whether it has a question and an answer, and is of no other format of pairs."""
    if not DIALOGUE_KEYS.isdisjoint(record) or any(
        other.fits(record) for other in (alpaca, preference, prompt_completion)
    ):
        return False
    return bool(_keys(record, "question", columns)) and bool(_keys(record, "answer", columns))


def dialogues(columns: Columns, where: str, record: Record, notes: Notes) -> Iterable[Item]:
    """The question and its answer."""
    keys = [_only(record, role, columns) for role in ("question", "answer")]
    question, answer = (string(key, record[key]) for key in keys)
    notes.note_unused(record, keys)
    if not question.strip():
        yield Dropped(where, "empty_question")
    elif not answer.strip():
        yield Dropped(where, "empty_answer")
    else:
        yield Dialogue(where, (Turn("user", question), Turn("assistant", answer)))


def _keys(record: Record, role: str, columns: Columns) -> list[str]:
    """The keys of the record that may hold the question, or the answer."""
    named = columns.question if role == "question" else columns.answer
    usual: tuple[str, ...] = QUESTION if role == "question" else ANSWER
    if named is None and role == "question" and TEXT in record and "response" in record:
        usual = (*QUESTION, TEXT)
    accepted = usual if named is None else (_plain(named),)
    return [key for key in record if _plain(key) in accepted]


def _plain(name: str) -> str:
    return to_nfc(name).strip().lower()


def _only(record: Record, role: str, columns: Columns) -> str:
    """The key of the question, or of the answer. Raises RecordError where there is not one."""
    keys = _keys(record, role, columns)
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise RecordError(
            "more_than_one_key",
            "more than one {role}: {rivals}. Set corpus.columns.{role} to one of them.",
            role=role,
            rivals=", ".join(keys),
        )
    raise RecordError(
        "no_key",
        "no {role}. Found: {found}. Set corpus.columns.{role} if it is one of them.",
        role=role,
        found=excerpts(record),
    )


def _reader(params: CorpusParams) -> FileReader:
    return json_reader(JsonFormat(partial(fits, params.columns), lists=("data",)), partial(dialogues, params.columns))


def score(head: list[str], params: CorpusParams) -> float:
    """The share of records with a question and an answer."""
    return _reader(params).score(head, params)


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item for each record."""
    return _reader(params).read(text, params, notes)


READER = FileReader(score, read, options=("columns",))
