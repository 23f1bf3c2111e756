"""Prompts that show what a model learnt: questions of the corpus, drawn by ingest for `generate.prompts: auto`."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import SPLITS, STAGE, Dialogue
from tinychat.errors import FaultError
from tinychat.files import read_json, reading

PROMPTS_FILE = "prompts.json"  # in the overview
DRAWN = 10
NEW = 5  # of these, those that were held out, where there are so many
MAX_CHARACTERS = 100  # a longer one is taken only where there are no others
KEPT = 1000  # candidates: of 5% that are held out, 50

Seen = Literal["trained", "held_out"]


@dataclass(frozen=True)
class SamplePrompt:
    """A prompt, and whether it was trained on or held out; None where a source names it to show what it can do."""

    text: str
    seen: Seen | None = None


def first_question(dialogue: Dialogue) -> str:
    """What may become a prompt."""
    return next(turn.content for turn in dialogue.turns if turn.role == "user")


def is_long(question: str) -> bool:
    """Whether it becomes a prompt only where there are no others."""
    return len(question) > MAX_CHARACTERS


class PromptDrawing:
    """The questions with the smallest hashes: the same ones whatever the order of the dialogues.

    Those of files come before those of a corpus in the project, which names its own.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[int, ...], int, str]] = []  # a heap, the last one first

    def add(
        self,
        first: int,
        fixed: NDArray[np.bool_],
        long: NDArray[np.bool_],
        keys: NDArray[np.uint64],
        text_of: Callable[[int], str],
    ) -> None:
        """Add consecutive dialogues, the first of which is number `first`.

        `fixed`: whether the source of each chose its split; `long` and `keys`: of its first question, whose text
        `text_of` gives.
        """
        possible = np.arange(len(keys))
        if len(self._kept) >= KEPT:
            worst_fixed, worst_long, worst_key = (-part for part in self._kept[0][0])
            kind, worst_kind = 2 * fixed + long, 2 * worst_fixed + worst_long
            possible = possible[(kind < worst_kind) | ((kind == worst_kind) & (keys <= np.uint64(worst_key)))]
        for i in possible.tolist():
            rank = (bool(fixed[i]), bool(long[i]), int(keys[i]))
            entry = (tuple(-part for part in rank), first + i)
            if len(self._kept) < KEPT:
                heapq.heappush(self._kept, (*entry, text_of(i)))
            elif entry > self._kept[0][:2]:
                heapq.heapreplace(self._kept, (*entry, text_of(i)))

    def draw(
        self, splits: NDArray[np.uint8], asked_in_train: NDArray[np.bool_], of_the_source: Sequence[str]
    ) -> list[SamplePrompt]:
        """At most ten: new ones first, then trained ones.

        `splits`: of each dialogue, as its index in SPLITS; `asked_in_train`: whether its first question is asked there,
        perhaps in the middle of a dialogue: then it is not new. `of_the_source`: what a corpus in the project names;
        taken where there is no file.
        """
        ordered = sorted(self._kept, reverse=True)
        if of_the_source and not any(rank[0] == 0 for rank, _, _ in ordered):
            return [SamplePrompt(text) for text in of_the_source]
        of_best_rank = [
            (SPLITS[splits[index]], index, text)
            for rank, index, text in ordered
            if rank[0] == ordered[0][0][0] and splits[index] < len(SPLITS)
        ]
        trained = list(dict.fromkeys(text for name, _, text in of_best_rank if name == "train"))
        # A question may be on both sides, with another answer.
        held_out = [text for name, i, text in of_best_rank if name != "train" and not asked_in_train[i]]
        new = [text for text in dict.fromkeys(held_out) if text not in trained]
        new = new[: max(NEW, DRAWN - len(trained))]
        return [
            *(SamplePrompt(text, "held_out") for text in new),
            *(SamplePrompt(text, "trained") for text in trained[: DRAWN - len(new)]),
        ]


def to_records(prompts: Sequence[SamplePrompt]) -> list[dict[str, Any]]:
    """The content of the file."""
    return [asdict(prompt) for prompt in prompts]


def read_prompts(folder: Path) -> list[SamplePrompt]:
    """The prompts that ingest drew from the corpus. Raises InputError where they are missing or damaged."""
    path = folder / PROMPTS_FILE
    with reading(path, STAGE):
        prompts = [_prompt(record) for record in _listed(read_json(path))]
        if not prompts:
            raise FaultError("it holds no prompt")
        return prompts


def _listed(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise FaultError("it is not a list of prompts")
    return content


def _prompt(record: Any) -> SamplePrompt:
    match record:
        case {"text": str(text), "seen": "trained" | "held_out" | None as seen} if text.strip():
            return SamplePrompt(text, seen)
    raise FaultError("it is not a list of prompts")
