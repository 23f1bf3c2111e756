"""The chat template: tokens, not text.

A dialogue is `<user> … <bot> … <eos>`, turn after turn. What the bot says and its `<eos>` is what is learnt.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinychat.errors import InputError

PAD, USER, BOT, EOS = "<pad>", "<user>", "<bot>", "<eos>"
CONTROL_TOKENS = (PAD, USER, BOT, EOS)  # their ids are their places: <pad> is 0, as in the article

IGNORED = -100  # a target that counts for nothing: the value torch's cross-entropy leaves out

Message = Mapping[str, Any]


@dataclass(frozen=True)
class EncodedTurn:
    """One turn as token ids, and for each of them whether it carries loss."""

    role: str
    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]


def template_turn(
    role: str, text_ids: Sequence[int], *, weight: int, ids: Mapping[str, int], unknown_ids: Collection[int]
) -> EncodedTurn:
    """Put one turn's text into the template.

    `weight` 0 keeps a bot's turn as context without loss; what is unknown carries none either, since nobody can say
    it. Raises InputError for a role that the template does not know.
    """
    if role == "user":
        return EncodedTurn(role, (ids[USER], *text_ids), (False,) * (len(text_ids) + 1))
    if role != "assistant":
        raise InputError("role is {role!r}; the chat template knows user and assistant", role=role)
    learnt = bool(weight)
    text_mask = (learnt and token_id not in unknown_ids for token_id in text_ids)
    return EncodedTurn(role, (ids[BOT], *text_ids, ids[EOS]), (False, *text_mask, learnt))


def first_kept_turn(roles: Sequence[str], lengths: Sequence[int], limit: int) -> int:
    """Where a dialogue begins after its oldest turns left, so that the rest has at most `limit` tokens.

    Turns leave whole, oldest first. What was cut begins with a user's turn again. `len(roles)` where nothing fits.
    Training and chat cut by this one function, so a model sees in a chat what it saw in training.
    """
    total, start = 0, len(lengths)
    while start > 0 and total + lengths[start - 1] <= limit:
        start -= 1
        total += lengths[start]
    while 0 < start < len(roles) and roles[start] != "user":
        start += 1
    return start
