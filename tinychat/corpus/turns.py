"""From the messages of a source to turns: cleaned, joined where one side says several, ending in an answer."""

from collections import Counter
from dataclasses import dataclass, field, replace

from tinychat.corpus.cleaning import MOST_CHARACTERS, REPLACEMENT, clean_text, is_damaged
from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.tally import Tally


@dataclass
class TurnCounts:
    """What became of the messages of all dialogues."""

    dropped: Tally = field(default_factory=Tally)  # messages left out
    changed: Tally = field(default_factory=Tally)  # messages kept, but joined or without loss
    cleaning: Counter[str] = field(default_factory=Counter)  # messages that a step of cleaning changed
    replacement_characters: int = 0


def tidy_turns(dialogue: Dialogue, counts: TurnCounts) -> Dialogue | Dropped:
    """The dialogue as it enters the corpus: it alternates, ends with an answer, and has an answer to learn from.

    Messages of one side in a row are joined with a newline; assistant turns before the first user turn stay as
    context without loss; user turns behind the last answer are dropped.
    """
    if any(len(turn.content) > MOST_CHARACTERS for turn in dialogue.turns):
        return Dropped(dialogue.source, "too_long")
    turns = _join(_clean(dialogue, counts), dialogue.source, counts)
    if turns and turns[0].role == "assistant" and turns[0].weight:
        turns[0] = replace(turns[0], weight=0)
        counts.changed.add("leading_assistant", dialogue.source)
    if turns and turns[-1].role == "user":
        turns.pop()
        counts.dropped.add("trailing_user", dialogue.source)
    if not any(turn.role == "assistant" for turn in turns):
        return Dropped(dialogue.source, "no_assistant_turn")
    if not any(turn.role == "assistant" and turn.weight for turn in turns):
        return Dropped(dialogue.source, "no_answer_with_loss")
    return replace(dialogue, turns=tuple(turns))


def _clean(dialogue: Dialogue, counts: TurnCounts) -> list[Turn]:
    kept = []
    for turn in dialogue.turns:
        text = clean_text(turn.content, counts.cleaning)
        counts.replacement_characters += text.count(REPLACEMENT)
        if not text:
            counts.dropped.add("blank", dialogue.source)
        elif is_damaged(text):
            counts.dropped.add("replacement_characters", dialogue.source)
        else:
            kept.append(turn if text == turn.content else replace(turn, content=text))
    return kept


def _join(messages: list[Turn], where: str, counts: TurnCounts) -> list[Turn]:
    """Alternating turns. A joined turn carries loss only if each of its messages does: none is learnt unasked."""
    turns: list[Turn] = []
    for message in messages:
        if not turns or turns[-1].role != message.role:
            turns.append(message)
            continue
        last = turns[-1]
        turns[-1] = Turn(last.role, f"{last.content}\n{message.content}", min(last.weight, message.weight))
        counts.changed.add("joined", where)
        if last.weight != message.weight:
            counts.changed.add("joined_without_loss", where)
    return turns
