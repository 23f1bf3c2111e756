"""The corpus files in shards: parts of whole lines, each of which a process reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tinychat.corpus.dialogue import ROLES, SPLITS, STAGE, check_metadata, from_record, to_record
from tinychat.errors import FaultError, Phrase, text_of
from tinychat.files import damaged, parse_json_line, reading
from tinychat.params.limits import MAX_CHARACTERS
from tinychat.shards import Shard, shards_of


def corpus_shards(path: Path) -> list[Shard]:
    """The shards of a corpus file that the stage ingest wrote; the training split is never empty.

    Raises InputError where there is no such file.
    """
    with reading(path, STAGE):
        shards = shards_of(path)
    if not shards and path.stem == SPLITS[0]:
        raise damaged(path, Phrase("it holds no dialogue"), STAGE)
    return shards


def dialogues_in(shard: Shard) -> Iterator[dict[str, Any]]:
    """The dialogues of a shard as `to_record` gives them, one by one. Raises InputError where a line is damaged."""
    for index, line in enumerate(shard.lines()):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        yield record if _is_dialogue(record) else _checked(line, shard.place(index))


def _is_dialogue(record: Any) -> bool:
    """Whether it surely is a whole dialogue; what is not is read anew, by what knows all that may be wrong."""
    if type(record) is not dict or type(messages := record.get("messages")) is not list:
        return False
    for message in messages:
        if type(message) is not dict or type(content := message.get("content")) is not str:
            return False
        if len(content) > MAX_CHARACTERS or message.get("role") not in ROLES:
            return False
        weight = message.get("weight", 1)
        if type(weight) is not int or weight not in (0, 1):
            return False
    source = record.get("source", 0)
    if type(source) is not int or source < 0:
        return False
    if (metadata := record.get("metadata")) is not None:
        try:
            check_metadata(metadata)
        except FaultError:
            return False
    return len(messages) > 0


def _checked(line: bytes, place: str) -> dict[str, Any]:
    """The dialogue of a line, checked in full. Raises InputError that names its place and the fault."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged(place, text_of(error), STAGE) from None
    return to_record(parse_json_line(text, place, STAGE, from_record))
