"""The chat template, as tokens.

A dialogue is `<user> … <bot> … <eos>`, turn after turn. The bot's text and its `<eos>` carry loss.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tinychat.errors import InputError

PAD, USER, BOT, EOS = "<pad>", "<user>", "<bot>", "<eos>"
CONTROL_TOKENS = (PAD, USER, BOT, EOS)  # their ids are 0 to 3: <pad> is 0, as in the article

IGNORE_INDEX = -100  # a target without loss; the default of torch's cross-entropy

Message = Mapping[str, Any]
Messages = Sequence[Message]


class EncodedTurn(NamedTuple):
    """One turn as token ids and their loss mask."""

    role: str
    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]


def template_turn(
    role: str, text_ids: Sequence[int], *, has_loss: bool, ids: Mapping[str, int], unknown_ids: Collection[int]
) -> EncodedTurn:
    """Put one turn's text into the template.

    A user's turn and unknown words, which cannot be generated, never carry loss. Raises InputError for a role that the
    template does not know.
    """
    if role == "user":
        return EncodedTurn(role, (ids[USER], *text_ids), (False,) * (len(text_ids) + 1))
    if role != "assistant":
        raise InputError("role is {role!r}; the chat template knows user and assistant", role=role)
    if unknown_ids:
        text_mask = tuple(has_loss and token_id not in unknown_ids for token_id in text_ids)
    else:
        text_mask = (has_loss,) * len(text_ids)
    return EncodedTurn(role, (ids[BOT], *text_ids, ids[EOS]), (False, *text_mask, has_loss))


def first_kept_turn(roles: Sequence[str], lengths: Sequence[int], limit: int) -> int:
    """The first turn to keep, so that the dialogue has at most `limit` tokens.

    Whole turns are dropped, oldest first; a truncated dialogue begins with a user's turn. `len(roles)` where nothing
    fits. Training and chat drop turns by this one function.
    """
    total, start = 0, len(lengths)
    while start > 0 and total + lengths[start - 1] <= limit:
        start -= 1
        total += lengths[start]
    while 0 < start < len(roles) and roles[start] != "user":
        start += 1
    return start
