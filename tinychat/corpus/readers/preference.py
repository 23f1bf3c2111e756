"""Preference data: objects with a `chosen` and a `rejected` answer. The chosen one is learnt."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import DIALOGUE_KEYS, JsonFormat, Record, json_reader
from tinychat.corpus.reader import Item, Notes
from tinychat.corpus.readers.prompt_completion import messages_of, pair

PROMPTS = ("prompt", "question", "instruction", "input")


def fits(record: Record) -> bool:
    """Whether it has both answers."""
    return "chosen" in record and "rejected" in record and DIALOGUE_KEYS.isdisjoint(record)


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The prompt and the chosen answer; a chosen list of messages may hold the whole dialogue."""
    key = next((key for key in PROMPTS if key in record), None)
    if key is None and not isinstance(record.get("chosen"), list):
        raise RecordError(
            "no_prompt",
            "no prompt. Expected one of: {keys}; or chosen as a list of messages with role and content.",
            keys=", ".join(PROMPTS),
        )
    notes.remark_once("preference data: the chosen answers are learnt, the rejected ones not used")
    asked: tuple[Turn, ...] = () if key is None else messages_of(where, key, record[key], "user", notes)
    answered = messages_of(where, "chosen", record.get("chosen"), "assistant", notes)
    if key is None or (len(answered) > 1 and answered[: len(asked)] == asked):  # which repeats the prompt
        asked, answered = answered[:-1], answered[-1:]
    notes.note_unused(record, (key or "chosen", "chosen", "rejected"))
    yield pair(where, asked, answered)


READER = json_reader(JsonFormat(fits), dialogues)
