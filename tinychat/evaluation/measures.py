"""Measures that a corpus brings with it: dialogues that say which replies are right, by what they measure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.files import rounded
from tinychat.generation.engine import Engine, Reply
from tinychat.generation.sampling import SamplingOptions


def new_dialogues(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Those that were really held out: a measure may ask again what was trained on."""
    return [dialogue for dialogue in dialogues if not (dialogue.metadata or {}).get("repeats")]


def accepted_replies(dialogue: Dialogue) -> set[str]:
    """The replies that the corpus calls right; none where it says nothing."""
    return set((dialogue.metadata or {}).get("accept", ()))


def measure_by_name(
    engine: Engine, dialogues: Sequence[Dialogue], options: SamplingOptions
) -> dict[str, dict[str, float]]:
    """For each measure: how many were asked, and the share of replies that are right and that end by themselves."""
    groups: dict[str, list[Dialogue]] = defaultdict(list)
    for dialogue in dialogues:
        if dialogue.metadata and "measure" in dialogue.metadata:
            groups[str(dialogue.metadata["measure"])].append(dialogue)
    return {name: _measure(engine, group, options) for name, group in groups.items()}


def _measure(engine: Engine, dialogues: Sequence[Dialogue], options: SamplingOptions) -> dict[str, float]:
    fitting = [(d, asked) for d in dialogues if engine.fits(asked := _asked(d), options)]
    replies: list[Reply] = engine.reply([asked for _, asked in fitting], options)
    right = [reply.text in accepted_replies(d) for (d, _), reply in zip(fitting, replies, strict=True)]
    ended = [reply.finish_reason == "stop" for reply in replies]
    return {
        "asked": len(dialogues),
        "accepted": rounded(sum(right) / len(dialogues)),
        "ends_by_itself": rounded(sum(ended) / len(dialogues)),
    }


def _asked(dialogue: Dialogue) -> list[Mapping[str, Any]]:
    """All but the last answer."""
    return list(to_record(dialogue)["messages"][:-1])
