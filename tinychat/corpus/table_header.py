"""The header of a table of dialogues: which columns it names."""

from collections.abc import Iterable, Sequence

from tinychat.corpus.known_formats import known_table, looks_like
from tinychat.corpus.reader import EXCERPT, MAX_NAMES, excerpts
from tinychat.corpus.tables import Columns, PairColumns, TurnColumns, plain_name, trimmed_name
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, TableParams

QUESTION = ("q", "question", "질문", "prompt", "instruction", "input", "user", "human")
ANSWER = ("a", "answer", "답변", "대답", "response", "completion", "output", "assistant", "bot", "gpt")
# Of a text, and hardly of a column's name.
SENTENCE_ENDS = (".", "?", "!", "~", "…", "ㅋ", "ㅠ", "니다", "세요", "어요", "아요", "에요", "예요")
CONVERSATION = ("conversation_id", "dialogue_id", "대화id")
SPEAKER = ("speaker", "role")
TEXT = ("text", "utterance")


class NoColumnError(Exception):
    """The header does not tell which columns are the question and the answer.

    `is_unclear`: it names more than one for a side, so that it is a header all the same.
    """

    def __init__(self, problem: Phrase, is_unclear: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.is_unclear = problem, is_unclear


def find_columns(cells: Sequence[str], params: CorpusParams) -> Columns:
    """The columns that a header names.

    Raises NoColumnError where they are neither those of turns nor exactly one question and one answer.
    """
    names = tuple(map(trimmed_name, cells))
    plain = list(map(plain_name, names))
    turns = [[column for column, name in enumerate(plain) if name in usual] for usual in (CONVERSATION, SPEAKER, TEXT)]
    if params.columns.question is None and params.columns.answer is None and all(len(found) == 1 for found in turns):
        return TurnColumns(names, *(column for (column,) in turns))
    answered = not set(ANSWER).isdisjoint(plain)
    if params.columns.question is None and not answered and (what := known_table(names)):
        raise NoColumnError(looks_like(what))  # the `User` column of messages is the speaker
    question = _column("question", names, QUESTION, params.tables)
    answer = _column("answer", names, ANSWER, params.tables)
    _refuse_one_for_both(names, question, answer)
    return PairColumns(names, question, answer)


def numbered_columns(numbers: Iterable[int], params: CorpusParams) -> PairColumns:
    """The columns of a table without a header, which are called by their numbers.

    Raises NoColumnError where they are not two, and params does not say which are the question and the answer.
    """
    names, tables = tuple(map(str, numbers)), params.tables
    if len(names) < 2:
        raise NoColumnError(
            Phrase("one column only: a table has one of questions and one of answers, each pair in a row.")
        )
    question = None if tables.question is None else _column("question", names, (), tables)
    answer = None if tables.answer is None else _column("answer", names, (), tables)
    if (question is None or answer is None) and len(names) > 2:
        raise NoColumnError(
            Phrase(
                "{count} columns without a header. Say which are the question and the answer: "
                "columns: {{question: {first}, answer: {second}}}",
                count=len(names),
                first=names[0],
                second=names[1],
            ),
            is_unclear=True,
        )
    if question is None:
        question = 0 if answer is None else 1 - answer
    if answer is None:
        answer = 1 - question
    _refuse_one_for_both(names, question, answer)
    return PairColumns(names, question, answer, is_named=False)


def header_remarks(cells: Sequence[str], params: CorpusParams) -> list[str]:
    """What a person should know of the first row of a table that is said to have no header."""
    try:
        find_columns(cells, params.model_copy(update={"columns": TableParams(question=None, answer=None)}))
    except NoColumnError:
        return []
    return [f"the first row looks like a header, and is read as a question and its answer: {excerpts(cells)}"]


def _refuse_one_for_both(names: Sequence[str], question: int, answer: int) -> None:
    if question == answer:
        raise NoColumnError(
            Phrase("one column, {name}, for question and answer; set corpus.columns", name=names[question]),
            is_unclear=True,
        )


def _column(role: str, names: tuple[str, ...], usual: tuple[str, ...], tables: TableParams) -> int:
    """The index of the column of `role`; raises NoColumnError where there is none, or more than one."""
    wanted = tables.question if role == "question" else tables.answer
    # In a file that is no table, the first line may be the whole file.
    found = ", ".join([*(name[:EXCERPT] or '""' for name in names[:MAX_NAMES]), *["…"] * (len(names) > MAX_NAMES)])
    plain = [plain_name(name) for name in names]
    accepted = usual if wanted is None else (plain_name(wanted),)
    columns = [column for column, name in enumerate(plain) if name in accepted]
    if wanted is None and "instruction" in plain:
        # In instruction tables `input` is a supplement, not the question.
        columns = [column for column in columns if plain[column] != "input"]
    if len(columns) == 1:
        return columns[0]
    if wanted is not None:
        raise NoColumnError(
            Phrase(
                "more than one column {name!r}, which {key}.{role} names. Found: {found}."
                if columns
                else "no column {name!r}, which {key}.{role} names. Found: {found}.",
                name=wanted,
                key=tables.key,
                role=role,
                found=found,
            ),
            is_unclear=bool(columns),
        )
    if not columns and len(names) == 1:
        raise NoColumnError(
            Phrase(
                "one column only, {name}: a table has one of questions and one of answers, each pair in a row, below a "
                "header such as question,answer.",
                name=found,
            )
        )
    if not columns and any(name.endswith(SENTENCE_ENDS) for name in names):
        raise NoColumnError(
            Phrase(
                "the first line looks like a question and an answer, not like a header: {found}. Write a line above it "
                "that names the columns, such as question,answer; or say header: false of it in corpus.sources.",
                found=found,
            )
        )
    if not columns:
        raise NoColumnError(
            Phrase(
                "no {role} column. Found: {found}. Expected one of: {usual}; or set corpus.columns.",
                role=role,
                found=found,
                usual=", ".join(usual),
            )
        )
    raise NoColumnError(
        Phrase(
            "more than one {role} column: {rivals}. Set corpus.columns.{role} to one of them.",
            role=role,
            rivals=", ".join(names[column] for column in columns),
        ),
        is_unclear=True,
    )
