"""A conversation as training data: one line in the OpenAI chat format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinychat.chatting.conversation import Exchange
from tinychat.errors import InputError
from tinychat.files import to_json_lines, write_atomically

SUFFIX = ".jsonl"  # which the stage ingest recognises


def save(exchanges: Sequence[Exchange], name: str, *, replace: bool = False) -> Path:
    """Write the exchanges into the file `name`, whole or not at all, and return its path.

    Raises InputError where there is nothing to save, or a file that is not to be replaced; OSError where writing fails.
    """
    path = path_of(name)
    messages = messages_to_learn(exchanges)
    if not messages:
        raise InputError("there is no conversation yet to save")
    if not replace and (path.exists() or path.is_symlink()):
        raise InputError("{path} exists already; /save! {path} replaces it", path=path)
    write_atomically(path, to_json_lines([{"messages": messages}]))
    return path


def path_of(name: str) -> Path:
    """The path of `name`, with SUFFIX. Raises InputError for a folder, and for an invalid name."""
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # no such user
        raise InputError("{name}: there is no such user; name a file", name=name) from None
    if "\0" in name:
        raise InputError("{name!r} is not a file name", name=name)
    with_suffix = path if path.suffix == SUFFIX or not path.name else path.with_name(path.name + SUFFIX)
    for folder in (path, with_suffix):
        if folder.is_dir():
            raise InputError("{folder} is a folder; name a file", folder=folder)
    return with_suffix


def messages_to_learn(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """The exchanges that have a reply, as messages.

    An unfinished reply has weight 0: context without loss, so that no model learns to end there.
    """
    messages: list[dict[str, Any]] = []
    for exchange in exchanges:
        if exchange.reply.text:
            weight = {} if exchange.reply.finish_reason == "stop" else {"weight": 0}
            messages += [
                {"role": "user", "content": exchange.question},
                {"role": "assistant", "content": exchange.reply.text, **weight},
            ]
    return messages
