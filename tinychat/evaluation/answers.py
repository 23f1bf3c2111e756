"""The right answers to questions, of a training split that may be larger than the memory."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.text_keys import text_number


class Answered(Protocol):
    """A question with its answer, and further right ones."""

    @property
    def key(self) -> tuple[str, ...]: ...

    @property
    def answer(self) -> str: ...

    @property
    def accept(self) -> frozenset[str]: ...


class Answers:
    """By the key of a question, its answers in the training split and of the held-out questions.

    In memory are two numbers for each trained question, a hash of its key and where its dialogue is, and a hash of each
    answer; `answers[key]` reads the dialogues again.

    trained  whether a text is an answer of the training split: `text in trained`
    """

    def __init__(
        self,
        train: Sequence[Dialogue],
        held_out: Iterable[Answered],
        questions_of: Callable[[Iterable[Dialogue]], Sequence[Answered]],
    ) -> None:
        self._train, self._questions_of = train, questions_of
        self._known: dict[tuple[str, ...], set[str]] = {}
        self._held_out: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for question in held_out:
            self._held_out[question.key] |= _right(question)
        keys, rows, answers = array("Q"), array("Q"), array("Q")
        for row, dialogue in enumerate(train):
            for question in questions_of([dialogue]):
                keys.append(_key_number(question))
                rows.append(row)
                answers.append(text_number(question.answer))
        order = np.argsort(_numbers(keys), kind="stable")
        self._keys, self._rows = _numbers(keys)[order], _numbers(rows)[order]
        self.trained: Container[str] = _HashedTexts(np.unique(_numbers(answers)))

    def __getitem__(self, key: tuple[str, ...]) -> set[str]:
        if key not in self._known:
            number = np.uint64(text_number(_joined(key)))
            first, end = (np.searchsorted(self._keys, number, side) for side in ("left", "right"))
            dialogues = [self._train[int(row)] for row in np.unique(self._rows[first:end])]
            found = [_right(question) for question in self._questions_of(dialogues) if question.key == key]
            self._known[key] = set().union(self._held_out.get(key, ()), *found)
        return self._known[key]


class _HashedTexts(Container[str]):
    """Of a billion pairs of texts one has the same 64-bit hash with a probability of 5e-11."""

    def __init__(self, hashes: npt.NDArray[np.uint64]) -> None:
        self._hashes = hashes

    def __contains__(self, text: object) -> bool:
        number = np.uint64(text_number(str(text)))
        place = int(np.searchsorted(self._hashes, number))
        return place < len(self._hashes) and bool(self._hashes[place] == number)


def _right(question: Answered) -> set[str]:
    return {question.answer, *question.accept}


def _key_number(question: Answered) -> int:
    return text_number(_joined(question.key))


def _joined(key: tuple[str, ...]) -> str:
    return "\0".join(key)


def _numbers(numbers: "array[int]") -> npt.NDArray[Any]:
    return np.array(numbers, dtype=np.uint64)
