"""Measures that a corpus brings with it: dialogues that say which replies are right, by what they measure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.evaluation.asking import Respondent
from tinychat.files import rounded
from tinychat.generation.engine import Reply

# A phrase that is said twice in one reply: so many words in a row, or so many characters.
PHRASE_WORDS, PHRASE_CHARACTERS = 4, 12
BROKEN = "\ufffd"  # stands for bytes that are no character


def new_dialogues(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Those that were really held out: a measure may ask again what was trained on."""
    return [dialogue for dialogue in dialogues if not (dialogue.metadata or {}).get("repeats")]


def accepted_replies(dialogue: Dialogue) -> set[str]:
    """The replies that the corpus calls right; none where it says nothing."""
    return set((dialogue.metadata or {}).get("accept", ()))


def measure_by_name(respondent: Respondent, dialogues: Sequence[Dialogue]) -> dict[str, dict[str, float]]:
    """For each measure: how many dialogues were asked (`asked`), and the shares of them with a reply of a kind.

    accepted        it is among those that the corpus names; where the corpus names the wrong ones, as the starter
                    corpus does for `taken_for_unknown`, fewer is better
    ends_by_itself  it ended before the length limit
    well_formed     it did so without a broken character and without a phrase said twice

    A dialogue that is too long for the model has no reply.
    """
    groups: dict[str, list[Dialogue]] = defaultdict(list)
    for dialogue in dialogues:
        if dialogue.metadata and "measure" in dialogue.metadata:
            groups[str(dialogue.metadata["measure"])].append(dialogue)
    respondent.reply([_asked(dialogue) for group in groups.values() for dialogue in group])  # all in one batch
    return {name: _measure(respondent, group) for name, group in groups.items()}


def says_a_phrase_twice(text: str) -> bool:
    """Whether the same run of 4 words or of 12 characters stands in it twice, one after the other."""
    words = text.split()
    return _has_run_twice(words, PHRASE_WORDS) or _has_run_twice(" ".join(words), PHRASE_CHARACTERS)


def is_well_formed(reply: Reply) -> bool:
    """Whether it ended by itself, without a broken character and without a phrase said twice."""
    return reply.finish_reason == "stop" and BROKEN not in reply.text and not says_a_phrase_twice(reply.text)


def _has_run_twice(parts: Sequence[str], length: int) -> bool:
    first: dict[tuple[str, ...], int] = {}
    return any(
        start - first.setdefault(tuple(parts[start : start + length]), start) >= length  # less: it overlaps itself
        for start in range(len(parts) - length + 1)
    )


def _measure(respondent: Respondent, dialogues: Sequence[Dialogue]) -> dict[str, float]:
    replied = zip(dialogues, respondent.reply([_asked(dialogue) for dialogue in dialogues]), strict=True)
    fitting = [(dialogue, reply) for dialogue, reply in replied if reply is not None]
    replies = [reply for _, reply in fitting]
    right = [reply.text in accepted_replies(dialogue) for dialogue, reply in fitting]
    ended = [reply.finish_reason == "stop" for reply in replies]
    return {
        "asked": len(dialogues),
        "accepted": rounded(sum(right) / len(dialogues)),
        "ends_by_itself": rounded(sum(ended) / len(dialogues)),
        "well_formed": rounded(sum(map(is_well_formed, replies)) / len(dialogues)),
    }


def _asked(dialogue: Dialogue) -> list[Mapping[str, Any]]:
    """All but the last answer."""
    return list(to_record(dialogue)["messages"][:-1])
