"""What the dialogues of the held-out splits share with train, exactly or almost."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus.features import ANSWER, LONG, LOSS, Columns
from tinychat.corpus.grams import Integers
from tinychat.corpus.grouping import near_groups
from tinychat.corpus.near_duplicates import twins_of
from tinychat.corpus.scratch import Growing, Scratch, are_in, distinct_in_place, parts_of

TRAIN = SPLITS.index("train")
# Of a split so many dialogues are looked up for near-duplicates, so that the time is linear in the corpus.
SEARCHED = 1000


@dataclass
class Overlap:
    """What the dialogues of a held-out split share with train, ignoring case, spaces and punctuation.

    A dialogue of train counts whatever its upsampling is, even where it is never written.

    any_text         dialogues with a text that occurs in train
    last_question    dialogues whose last question occurs in train as a question
    last_answer      dialogues whose last answer occurs in train as an answer
    exchange         dialogues with an answer that is skipped
    answers_skipped  answers that train gives to the same question: they carry no loss. In conversations, which texts
                     need not join, also where question and answer are near-duplicates of those of train, and long
                     answers that are near-duplicates of one of train
    near_searched    dialogues that were looked up for near-duplicates, at most SEARCHED, drawn by a hash
    near_question    of these: whose last question, or a near-duplicate of it, occurs in train as a question
    near_answer      of these: whose last answer, or a near-duplicate of it, occurs in train as an answer
    answers          answers that follow a question, those with the skipped ones
    """

    any_text: int = 0
    last_question: int = 0
    last_answer: int = 0
    exchange: int = 0
    answers_skipped: int = 0
    near_searched: int = 0
    near_question: int = 0
    near_answer: int = 0
    answers: int = 0

    def lines(self) -> list[str]:
        """What a person is told; nothing where nothing is shared."""
        lines = []
        if self.any_text:
            lines.append(
                f"{self.any_text:,} dialogues share a text with train, {self.last_question:,} end in a trained "
                f"question, {self.last_answer:,} in a trained answer; {self.answers_skipped:,} of {self.answers:,} "
                "answers are not scored, since train gives them to the same question"
            )
        if self.near_question or self.near_answer:
            lines.append(
                f"of {self.near_searched:,} dialogues {self.near_question:,} end in nearly a trained question, "
                f"{self.near_answer:,} in nearly a trained answer"
            )
        return lines


@dataclass(frozen=True)
class Exchanges:
    """Answers that follow a question, in the order of their turns.

    turns      their indices in the columns of turns
    dialogues  the dialogue of each
    questions, answers  the numbers of their texts
    """

    turns: Integers
    dialogues: Integers
    questions: NDArray[np.int32]
    answers: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.turns)

    def __getitem__(self, which: NDArray[np.bool_] | Integers | slice) -> "Exchanges":
        return Exchanges(self.turns[which], self.dialogues[which], self.questions[which], self.answers[which])

    def parts(self) -> Iterator["Exchanges"]:
        """All of them, a part at a time."""
        return (self[part] for part in parts_of(len(self)))

    def pairs(self, alike: NDArray[np.int32] | None = None) -> NDArray[np.uint64]:
        """A number for each of a few, the same for the same question and answer; `alike`: other numbers of texts."""
        questions, answers = self.questions, self.answers
        if alike is not None:
            questions, answers = alike[questions], alike[answers]
        return questions.astype(np.uint64) << np.uint64(32) | answers.astype(np.uint64)

    def all_pairs(self, scratch: Scratch, alike: NDArray[np.int32] | None = None) -> NDArray[np.uint64]:
        """Those of all of them, each once, in ascending order."""
        found = scratch.zeros(len(self), np.uint64)
        for part in parts_of(len(self)):
            found[part] = self[part].pairs(alike)
        return distinct_in_place(found)

    def where(self, chosen: Callable[["Exchanges"], NDArray[np.bool_]], scratch: Scratch) -> "Exchanges":
        """Those for which `chosen` of a part is true."""
        return together((part[chosen(part)] for part in self.parts()), scratch)

    def without(self, others: "Exchanges", scratch: Scratch) -> "Exchanges":
        """Those that are not among `others`."""
        return self.where(lambda part: ~are_in(others.turns, part.turns), scratch)


def together(parts: Iterable[Exchanges], scratch: Scratch) -> Exchanges:
    """The exchanges of all parts."""
    turns, dialogues = Growing(np.int64, scratch), Growing(np.int64, scratch)
    questions, answers = Growing(np.int32, scratch), Growing(np.int32, scratch)
    for part in parts:
        turns.extend(part.turns)
        dialogues.extend(part.dialogues)
        questions.extend(part.questions)
        answers.extend(part.answers)
    return Exchanges(turns.array, dialogues.array, questions.array, answers.array)


def exchanges_of(columns: Columns) -> Iterator[Exchanges]:
    """All exchanges, in the order of their turns, a part at a time."""
    for dialogues, turns in columns.parts():
        texts, answers = columns.texts[turns], columns.flags[turns] & ANSWER != 0
        inside = np.ones(len(answers), bool)
        inside[columns.begins(dialogues) - turns.start] = False
        own = np.nonzero(answers & inside & ~np.concatenate([[True], answers[:-1]]))[0]
        of_turn = np.repeat(np.arange(dialogues.start, dialogues.stop), columns.turns[dialogues])
        yield Exchanges(turns.start + own, of_turn[own], texts[own - 1], texts[own])


def trained(columns: Columns, splits: NDArray[np.uint8]) -> Exchanges:
    """Those that are learnt: in train, and the answer carries loss."""
    learnt = (
        part[(splits[part.dialogues] == TRAIN) & (columns.flags[part.turns] & LOSS != 0)]
        for part in exchanges_of(columns)
    )
    return together(learnt, columns.scratch)


def asked_in_train(columns: Columns, learnt: Exchanges, repeated: Exchanges) -> NDArray[np.bool_]:
    """Of each dialogue whether its first question is asked in train, or with its answer one of the `repeated`."""
    asked, found = _occurring(learnt, columns)[0], columns.scratch.zeros(len(columns), bool)
    for part in parts_of(len(columns)):
        first = columns.begins(part)
        first += columns.flags[first] & ANSWER != 0  # of turns that alternate the second is the user's
        found[part] = asked[columns.texts[first]] | are_in(repeated.turns, first + 1)
    return found


def measure_overlap(
    columns: Columns, learnt: Exchanges, splits: NDArray[np.uint8]
) -> tuple[dict[str, Overlap], Exchanges]:
    """The overlap of each held-out split, and the exchanges in them that are learnt in train."""
    scratch = columns.scratch
    asked, answered = _occurring(learnt, columns)
    any_text = _sharing_a_text(columns, splits)
    held_out = together(
        (
            part[(splits[part.dialogues] != TRAIN) & (splits[part.dialogues] < len(SPLITS))]
            for part in exchanges_of(columns)
        ),
        scratch,
    )
    repeated = _learnt_too(columns, held_out, learnt)
    overlap = {}
    for number, name in enumerate(SPLITS):
        if number == TRAIN:
            continue
        own, own_repeated = (_in_split(number, splits, exchanges, scratch) for exchanges in (held_out, repeated))
        last = _last_ones(own, scratch)
        searched = _drawn(columns, last)
        questions, answers = _near(columns, searched, asked, answered)
        overlap[name] = Overlap(
            any_text=any_text[number],
            last_question=sum(int(asked[part.questions].sum()) for part in last.parts()),
            last_answer=sum(int(answered[part.answers].sum()) for part in last.parts()),
            exchange=len(_last_ones(own_repeated, scratch)),
            answers_skipped=len(own_repeated),
            near_searched=len(searched),
            near_question=questions,
            near_answer=answers,
            answers=len(own),
        )
    return overlap, repeated


def _occurring(learnt: Exchanges, columns: Columns) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each text whether it is a question of these, and whether it is an answer."""
    asked, answered = (columns.scratch.zeros(len(columns.keys), bool) for _ in range(2))
    for part in learnt.parts():
        asked[part.questions] = answered[part.answers] = True
    return asked, answered


def _sharing_a_text(columns: Columns, splits: NDArray[np.uint8]) -> list[int]:
    """How many dialogues of each split have a text that occurs in train."""
    in_train, found = columns.scratch.zeros(len(columns.keys), bool), np.zeros(len(SPLITS) + 1, np.int64)
    for dialogues, turns in columns.parts():
        in_train[columns.texts[turns][np.repeat(splits[dialogues] == TRAIN, columns.turns[dialogues])]] = True
    for dialogues, turns in columns.parts():
        shares = np.logical_or.reduceat(in_train[columns.texts[turns]], columns.begins(dialogues) - turns.start)
        found += np.bincount(splits[dialogues][shares], minlength=len(found))
    return [int(count) for count in found]


def _in_split(number: int, splits: NDArray[np.uint8], exchanges: Exchanges, scratch: Scratch) -> Exchanges:
    """Those of the dialogues of a split."""
    return exchanges.where(lambda part: splits[part.dialogues] == number, scratch)


def _last_ones(exchanges: Exchanges, scratch: Scratch) -> Exchanges:
    """The last one of each dialogue."""

    def parts() -> Iterator[Exchanges]:
        for part in parts_of(len(exchanges)):
            following = exchanges.dialogues[part.start + 1 : part.stop + 1]
            last = np.ones(part.stop - part.start, bool)
            last[: len(following)] = following != exchanges.dialogues[part][: len(following)]
            yield exchanges[part][last]

    return together(parts(), scratch)


def _learnt_too(columns: Columns, held_out: Exchanges, learnt: Exchanges) -> Exchanges:
    """The held-out exchanges that are learnt in train as well; in conversations nearly the same count, too."""
    scratch, conversations = columns.scratch, columns.conversations()
    same = _occurring_among(learnt, held_out, scratch)
    unsure = held_out.where(lambda part: conversations[part.dialogues] & ~same(part), scratch)
    if not len(unsure):
        return held_out.where(same, scratch)
    used = scratch.zeros(len(columns.keys), bool)
    for dialogues, turns in columns.parts():
        used[columns.texts[turns][np.repeat(conversations[dialogues], columns.turns[dialogues])]] = True
    alike = near_groups(columns.letters, used, scratch)[0]
    answered = scratch.zeros(len(columns.keys), bool)
    for part in learnt.parts():
        answered[alike[part.answers]] = True
    nearly_same = _occurring_among(learnt, unsure, scratch, alike)

    def repeated(part: Exchanges) -> NDArray[np.bool_]:
        long = (columns.flags[part.turns] & LONG != 0) & answered[alike[part.answers]]
        return same(part) | (conversations[part.dialogues] & (long | nearly_same(part)))

    return held_out.where(repeated, scratch)


def _occurring_among(
    learnt: Exchanges, wanted: Exchanges, scratch: Scratch, alike: NDArray[np.int32] | None = None
) -> Callable[[Exchanges], NDArray[np.bool_]]:
    """What tells of a part of the `wanted` exchanges which are among the learnt ones; `alike`: numbers of texts that
    are taken for the same."""
    pairs = wanted.all_pairs(scratch, alike)
    found = scratch.zeros(len(pairs), bool)
    for part in learnt.parts() if len(pairs) else ():
        own = part.pairs(alike)
        own = own[are_in(pairs, own)]
        found[np.searchsorted(pairs, own)] = True

    def among(part: Exchanges) -> NDArray[np.bool_]:
        own = part.pairs(alike)
        known = are_in(pairs, own)
        known[known] = found[np.searchsorted(pairs, own[known])]
        return known

    return among


def _drawn(columns: Columns, last: Exchanges) -> Exchanges:
    """At most SEARCHED of them, those of the smallest keys."""
    chosen = np.empty(0, np.int64)
    for part in parts_of(len(last)):
        chosen = np.concatenate([chosen, np.arange(part.start, part.stop)])
        some = last[chosen]
        order = np.lexsort((columns.keys[some.answers], columns.keys[some.questions]))
        chosen = np.sort(chosen[order[:SEARCHED]])
    return last[chosen]


def _near(
    columns: Columns, searched: Exchanges, asked: NDArray[np.bool_], answered: NDArray[np.bool_]
) -> tuple[int, int]:
    """How many of their questions have a near-duplicate that is asked in train, and of their answers one answered."""
    texts = np.unique(np.concatenate([searched.questions, searched.answers]))
    near_asked, near_answered = asked[texts], answered[texts]
    among = columns.scratch.zeros(len(asked), bool)
    for part in parts_of(len(asked)):
        among[part] = asked[part] | answered[part]
    for found, twins in twins_of(columns.letters, texts, among):
        near_asked[np.searchsorted(texts, found[asked[twins]])] = True
        near_answered[np.searchsorted(texts, found[answered[twins]])] = True
    return (
        int(near_asked[np.searchsorted(texts, searched.questions)].sum()),
        int(near_answered[np.searchsorted(texts, searched.answers)].sum()),
    )
