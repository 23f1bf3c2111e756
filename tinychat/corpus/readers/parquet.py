"""Parquet files: tables of dialogues, or a column of lists of messages.

duckdb reads them as a stream, in one thread, so that the rows keep their order. It may open the file and nothing else:
no other file, no network, no extension that it would download.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tinychat.corpus.archives import Expansion, lacks
from tinychat.corpus.dialogue import Dropped, Faulty
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import BinaryReader, Item, Notes
from tinychat.corpus.readers import openai_chat, sharegpt
from tinychat.corpus.table_header import NoColumnError, find_columns
from tinychat.corpus.tables import Cells, Columns, cell_text
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAGIC = b"PAR1"
MEMORY = "1GB"  # duckdb's limit; a file whose row groups have the usual size takes a fifth of it
ROWS_AT_ONCE = 1000
MESSAGES = ("messages", "conversations", "conversation")
# Legacy writers mark no text as such. The folder that a file is in is no column of it.
TABLE = "read_parquet($1, binary_as_string=true, hive_partitioning=false)"
# Of messages: the key of a record that holds them, and what makes dialogues of a record.
Format = tuple[str, Callable[[str, dict[str, Any], Notes], Iterable[Item]]]
NESTED = ("list", "array", "struct", "map", "union", "variant")


def score(raw: RawFile, _: CorpusParams) -> float:
    """1 for a Parquet file."""
    return float(raw.first_bytes().startswith(MAGIC))


def read(raw: RawFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item per row, or per conversation where a row is a turn.

    Raises UnclaimedError where no columns are those of dialogues, and InputError where it is not clear which are, and
    for a damaged file.
    """
    if not score(raw, params):
        raise InputError("{path}: not a Parquet file", path=raw.path)
    with _reading(raw), _connected(raw) as connection:
        connection.execute(f"SELECT * FROM {TABLE} LIMIT 0", [str(raw.content)])
        types = {name: kind for name, kind, *_ in connection.description or ()}
        messages = None if params.columns.question or params.columns.answer else _messages_column(types)
        if messages is not None:
            notes.note_unused(types, messages[:1])
            yield from _message_items(raw, connection, *messages, notes)
        else:
            columns = _table_columns(raw, types, params)
            notes.remarks.append(columns.remark())
            notes.note_unused(columns.unused(), ())
            yield from columns.items(_table_rows(raw, connection, list(types), columns, notes), notes)


def _messages_column(types: dict[str, Any]) -> tuple[str, Format] | None:
    """The column of lists of messages, and the format of these; None without one."""
    for name, kind in types.items():
        if name.lower() in MESSAGES and kind.id == "list":
            (_, message), *_ = kind.children
            fields = {field for field, _ in message.children} if message.id == "struct" else set()
            if fields >= {"role", "content"}:
                return name, (openai_chat.LINE_KEYS[0], openai_chat.dialogues)
            if fields >= {"from", "value"}:
                return name, (sharegpt.LISTS[0], sharegpt.dialogues)
    return None


def _message_items(
    raw: RawFile, connection: "DuckDBPyConnection", name: str, form: Format, notes: Notes
) -> Iterator[Item]:
    notes.remarks.append(f"messages: {name}")
    key, dialogues = form
    for where, (messages,) in _rows(raw, connection, [name]):
        if messages is None:
            yield Dropped(where, "empty_messages")
            continue
        try:
            yield from dialogues(where, {key: [_message(message) for message in messages]}, notes)
        except RecordError as fault:
            yield Faulty(where, fault.reason, fault.message)


def _message(message: dict[str, Any] | None) -> dict[str, Any] | None:
    """A message as JSON has it: in a row every message has every key, null where it is missing."""
    return message and {key: value for key, value in message.items() if value is not None}


def _table_columns(raw: RawFile, types: dict[str, Any], params: CorpusParams) -> Columns:
    """The columns of a table of texts. Raises UnclaimedError where there are none, InputError for unclear ones."""
    try:
        columns = find_columns(list(types), params)
    except NoColumnError as error:
        if error.is_unclear:
            raise InputError("{path}: {problem}", path=raw.path, problem=error.problem) from None
        raise UnclaimedError("no_format", "{path}: {problem}", path=raw.path, problem=error.problem) from None
    for name in (list(types)[index] for index in columns.indices()):
        if types[name].id in NESTED:
            raise InputError(
                "{path}: the column {name} holds {kind}, not texts; set corpus.columns",
                path=raw.path,
                name=name,
                kind=str(types[name]),
            )
    return columns


def _table_rows(
    raw: RawFile, connection: "DuckDBPyConnection", names: list[str], columns: Columns, notes: Notes
) -> Iterator[Cells]:
    """The rows, with texts in the columns that are taken."""
    taken = columns.indices()
    not_text = 0
    for where, values in _rows(raw, connection, [names[index] for index in taken]):
        row: list[str | None] = [None] * len(names)
        for index, value in zip(taken, values, strict=True):
            row[index] = cell_text(value)
            not_text += not isinstance(value, str | None)
        yield Cells(where, row)
    if not_text:
        notes.remarks.append(f"numbers, dates and the like, read as text: {not_text:,}")


def _rows(raw: RawFile, connection: "DuckDBPyConnection", names: list[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The place of each row, and its values in these columns.

    Raises InputError where they have more than MAX_EXPANSION times as many characters as the file has bytes.
    """
    expansion = Expansion(raw.path, raw.content.stat().st_size)
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    connection.execute(f"SELECT {listed} FROM {TABLE}", [str(raw.content)])
    number = 0
    while rows := connection.fetchmany(ROWS_AT_ONCE):
        for values in rows:
            number += 1
            expansion.add(1 + sum(map(_size, values)))
            yield f"{raw.path}:{number}", values


def _size(value: Any) -> int:
    """About how many characters a value has."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_size, value))
    return sum(map(_size, value.values())) if isinstance(value, dict) else 1


@contextmanager
def _connected(raw: RawFile) -> "Iterator[DuckDBPyConnection]":
    """A database without any table, that may read the file."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
        "memory_limit": MEMORY,
        "temp_directory": "",
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        quoted = str(raw.content).replace("'", "''")
        connection.execute(f"SET allowed_paths = ['{quoted}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET enable_progress_bar = false")  # on stdout, of a slow query
        connection.execute("SET lock_configuration = true")
        yield connection


@contextmanager
def _reading(raw: RawFile) -> Iterator[None]:
    """Within this context, what duckdb raises for a damaged file becomes an InputError that names it."""
    try:
        import duckdb
    except ModuleNotFoundError:
        raise lacks(raw.path, "duckdb") from None

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise InputError(
            "{path}: to read it, more than {memory} of memory is needed: its row groups are too large. Write it with "
            "smaller ones, or as CSV (UTF-8).",
            path=raw.path,
            memory=MEMORY,
        ) from None
    except (duckdb.Error, UnicodeDecodeError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "interrupted" in str(error):  # by Ctrl-C
            raise KeyboardInterrupt from None
        problem = str(error).partition("\n")[0].replace(str(raw.content), str(raw.path))
        raise InputError("{path}: cut or damaged: {error}", path=raw.path, error=problem[:200]) from None


READER = BinaryReader(score, read, options=("columns",))
