"""Measures that a corpus defines: dialogues with the name of a measure and the accepted replies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.evaluation.caching_engine import CachingEngine
from tinychat.files import rounded
from tinychat.generation.request import Reply
from tinychat.params.limits import REPLACEMENT

# A phrase is repeated where this many consecutive words or characters occur twice.
PHRASE_WORDS, PHRASE_CHARACTERS = 4, 12


def new_dialogues(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Those that were really held out: a measure may repeat what was trained on."""
    return [dialogue for dialogue in dialogues if not (dialogue.metadata or {}).get("repeats")]


def accepted_replies(dialogue: Dialogue) -> set[str]:
    """The replies that the corpus accepts; empty where it names none."""
    return set((dialogue.metadata or {}).get("accept", ()))


def measure_by_name(cached_engine: CachingEngine, dialogues: Sequence[Dialogue]) -> dict[str, dict[str, float]]:
    """For each measure: the number of dialogues (`asked`), and the shares of replies that are

    accepted        in the corpus's list of accepted replies; for `taken_for_unknown` of the starter corpus the list has
                    wrong replies, so lower is better
    ends_by_itself  ended before the length limit
    well_formed     also without a broken character and without a repeated phrase

    A dialogue that is too long for the model has no reply.
    """
    groups: dict[str, list[Dialogue]] = defaultdict(list)
    for dialogue in dialogues:
        if dialogue.metadata and "measure" in dialogue.metadata:
            groups[str(dialogue.metadata["measure"])].append(dialogue)
    cached_engine.reply([_asked(dialogue) for group in groups.values() for dialogue in group])  # all in one batch
    return {name: _measure(cached_engine, group) for name, group in groups.items()}


def repeats_a_phrase(text: str) -> bool:
    """Whether the same 4 consecutive words or 12 characters occur twice in it, without overlap."""
    words = text.split()
    return _has_run_twice(words, PHRASE_WORDS) or _has_run_twice(" ".join(words), PHRASE_CHARACTERS)


def is_well_formed(reply: Reply) -> bool:
    """Whether it ended by itself, without a broken character and without a repeated phrase."""
    return reply.finish_reason == "stop" and REPLACEMENT not in reply.text and not repeats_a_phrase(reply.text)


def _has_run_twice(parts: Sequence[str], length: int) -> bool:
    first: dict[tuple[str, ...], int] = {}
    return any(
        start - first.setdefault(tuple(parts[start : start + length]), start) >= length  # less would overlap
        for start in range(len(parts) - length + 1)
    )


def _measure(cached_engine: CachingEngine, dialogues: Sequence[Dialogue]) -> dict[str, float]:
    replied = zip(dialogues, cached_engine.reply([_asked(dialogue) for dialogue in dialogues]), strict=True)
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
