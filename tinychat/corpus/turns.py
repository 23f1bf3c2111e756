"""Messages to turns: cleaned, consecutive messages of one side joined.

A training dialogue ends with an answer, a prompt with a question.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tinychat.corpus.cleaning import clean_text
from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.tally import Tally
from tinychat.errors import InputError, Phrase
from tinychat.params.limits import MAX_CHARACTERS, REPLACEMENT, is_damaged

# The chat template has no token for them: they are left out in training and in prompts.
LEFT_OUT_ROLES = ("system", "developer", "tool", "function")


@dataclass
class TurnCounts:
    """What happened to the messages of all dialogues."""

    dropped: Tally = field(default_factory=Tally)  # messages left out
    changed: Tally = field(default_factory=Tally)  # messages kept, but joined or without loss
    cleaning: Counter[str] = field(default_factory=Counter)  # messages that a step of cleaning changed
    replacement_characters: int = 0

    def merge(self, other: "TurnCounts") -> None:
        self.dropped.merge(other.dropped)
        self.changed.merge(other.changed)
        self.cleaning.update(other.cleaning)
        self.replacement_characters += other.replacement_characters


def tidy_turns(
    dialogue: Dialogue, counts: TurnCounts, mask: Callable[[str, str], str] | None = None
) -> Dialogue | Dropped:
    """The dialogue as it enters the corpus: it alternates, ends with an answer, and has an answer with loss.

    Messages of one side in a row are joined with a newline; assistant turns before the first user turn stay as
    context without loss; user turns after the last answer are dropped. `mask` takes each cleaned text and where it
    is, and gives the text to keep.
    """
    if any(len(turn.content) > MAX_CHARACTERS for turn in dialogue.turns):
        return Dropped(dialogue.source, "too_long")
    cleaned = (_clean(turn, dialogue.source, counts, mask) for turn in dialogue.turns)
    turns = _join([turn for turn in cleaned if turn], dialogue.source, counts)
    if any(len(turn.content) > MAX_CHARACTERS for turn in turns):  # of joined messages
        return Dropped(dialogue.source, "too_long")
    if turns and turns[0].role == "assistant" and turns[0].has_loss:
        turns[0] = replace(turns[0], has_loss=False)
        counts.changed.add("leading_assistant", dialogue.source)
    if turns and turns[-1].role == "user":
        turns.pop()
        counts.dropped.add("trailing_user", dialogue.source)
    if not any(turn.role == "assistant" for turn in turns):
        return Dropped(dialogue.source, "no_assistant_turn")
    if not any(turn.role == "assistant" and turn.has_loss for turn in turns):
        return Dropped(dialogue.source, "no_answer_with_loss")
    # `replace` takes longer than the comparison, and few dialogues change.
    return dialogue if (tidy := tuple(turns)) == dialogue.turns else replace(dialogue, turns=tidy)


def prompt_of(messages: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, str]], Tally]:
    """Messages (`role`, `content`) that end with a question, prepared as for the corpus; and what was left out.

    The functions that made the training dialogues clean, drop and join them, so that a prompt looks like the training
    data. Raises InputError for an invalid message, and where no question is left at the end.
    """
    counts = TurnCounts()
    turns: list[Turn] = []
    last: object = None
    for number, message in enumerate(messages, start=1):
        where = Phrase("message {number}", number=number)
        role = message.get("role") if isinstance(message, Mapping) else None
        if role in LEFT_OUT_ROLES:
            counts.dropped.add(str(role), where)
            continue
        last = role
        try:
            turn = _clean(_turn(message, where), where, counts)
        except ValueError as error:
            raise InputError("{where} holds {error}, which is not a character", where=where, error=error) from None
        if turn:
            turns.append(turn)
    turns = _join(turns, "", counts)
    if not turns or turns[-1].role != "user":
        if last == "assistant":
            raise InputError("the last message is the assistant's; a dialogue to be answered ends with the user's")
        if counts.dropped.counts["replacement_characters"]:
            raise InputError(
                "the question is damaged: an earlier program put {sign} where it lost characters", sign=REPLACEMENT
            )
        raise InputError("the question is empty")
    return [{"role": turn.role, "content": turn.content} for turn in turns], counts.dropped


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
        raise InputError(
            "{where} is {message!r}; it must have a role and a content, both text", where=where, message=message
        )
    role = message.get("role")
    if role not in ("user", "assistant"):
        raise InputError("{where} has the role {role!r}; it must be user or assistant", where=where, role=role)
    return Turn("user" if role == "user" else "assistant", message["content"])


def _clean(turn: Turn, where: str, counts: TurnCounts, mask: Callable[[str, str], str] | None = None) -> Turn | None:
    """The turn with its text cleaned; None where it is blank or damaged."""
    text = clean_text(turn.content, counts.cleaning)
    counts.replacement_characters += text.count(REPLACEMENT)
    if not text or is_damaged(text):
        counts.dropped.add("replacement_characters" if text else "blank", where)
        return None
    if mask is not None:
        text = mask(text, where)
    return turn if text == turn.content else replace(turn, content=text)


def _join(messages: list[Turn], where: str, counts: TurnCounts) -> list[Turn]:
    """Alternating turns. A joined turn carries loss only if each of its messages does."""
    turns: list[Turn] = []
    for message in messages:
        if not turns or turns[-1].role != message.role:
            turns.append(message)
            continue
        last = turns[-1]
        turns[-1] = Turn(last.role, f"{last.content}\n{message.content}", last.has_loss and message.has_loss)
        counts.changed.add("joined", where)
        if last.has_loss != message.has_loss:
            counts.changed.add("joined_without_loss", where)
    return turns
