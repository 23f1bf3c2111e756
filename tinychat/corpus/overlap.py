"""What the dialogues of the held-out splits share with train, exactly or almost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus.features import ANSWER, LONG, LOSS, Columns
from tinychat.corpus.grams import Integers
from tinychat.corpus.grouping import near_groups
from tinychat.corpus.near_duplicates import twins_of

TRAIN = SPLITS.index("train")
# Of a split so many dialogues are looked up for near-duplicates, so that the time is linear in the corpus.
SEARCHED = 1000
PAIRS_AT_ONCE = 1 << 20


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
    """The answers that follow a question, of all dialogues.

    turns      their indices in the columns of turns
    dialogues  the dialogue of each
    questions, answers  the numbers of their texts
    """

    turns: Integers
    dialogues: Integers
    questions: NDArray[np.int32]
    answers: NDArray[np.int32]

    def pairs(self) -> NDArray[np.uint64]:
        """A number for each, the same for the same question and answer."""
        return self.questions.astype(np.uint64) << np.uint64(32) | self.answers.astype(np.uint64)

    def mapped(self, texts: NDArray[np.int32]) -> "Exchanges":
        """With another number for each text."""
        return Exchanges(self.turns, self.dialogues, texts[self.questions], texts[self.answers])

    def __getitem__(self, which: NDArray[np.bool_] | slice) -> "Exchanges":
        return Exchanges(self.turns[which], self.dialogues[which], self.questions[which], self.answers[which])

    def without(self, others: "Exchanges") -> "Exchanges":
        """Those that are not among `others`."""
        return self[~np.isin(self.turns, others.turns)]


def exchanges_of(columns: Columns) -> Exchanges:
    """All exchanges, in the order of their turns."""
    answers = columns.flags & ANSWER != 0
    inside = np.ones(len(answers), bool)
    inside[columns.begins] = False
    turns = np.nonzero(answers & inside & ~np.concatenate([[True], answers[:-1]]))[0]
    dialogues = columns.dialogues_of(turns)
    return Exchanges(turns, dialogues, columns.texts[turns - 1], columns.texts[turns])


def trained(columns: Columns, exchanges: Exchanges, splits: NDArray[np.uint8]) -> Exchanges:
    """Those that are learnt: in train, and the answer carries loss."""
    return exchanges[(splits[exchanges.dialogues] == TRAIN) & (columns.flags[exchanges.turns] & LOSS != 0)]


def asked_in_train(columns: Columns, learnt: Exchanges, repeated: Exchanges) -> NDArray[np.bool_]:
    """Of each dialogue whether its first question is asked in train, or with its answer one of the `repeated`."""
    asked = np.zeros(len(columns.keys), bool)
    asked[learnt.questions] = True
    first = columns.begins
    first += columns.flags[first] & ANSWER != 0  # of turns that alternate the second is the user's
    return asked[columns.texts[first]] | np.isin(first + 1, repeated.turns)


def measure_overlap(
    columns: Columns, exchanges: Exchanges, learnt: Exchanges, splits: NDArray[np.uint8]
) -> tuple[dict[str, Overlap], Exchanges]:
    """The overlap of each held-out split, and the exchanges in them that are learnt in train."""
    in_train, asked, answered = (np.zeros(len(columns.keys), bool) for _ in range(3))
    in_train[columns.texts[np.repeat(splits == TRAIN, columns.turns)]] = True
    asked[learnt.questions] = answered[learnt.answers] = True
    shares_text = np.logical_or.reduceat(in_train[columns.texts], columns.begins)

    held_out = exchanges[(splits[exchanges.dialogues] != TRAIN) & (splits[exchanges.dialogues] < len(SPLITS))]
    repeated = held_out[_learnt_too(columns, held_out, learnt)]
    last = held_out[np.concatenate([held_out.dialogues[1:] != held_out.dialogues[:-1], [True]])[: len(held_out.turns)]]
    overlap = {}
    for number, name in enumerate(SPLITS):
        if number == TRAIN:
            continue
        own_last = last[splits[last.dialogues] == number]
        own_repeated = repeated[splits[repeated.dialogues] == number]
        searched = _drawn(columns, own_last)
        questions, answers = _near(columns, searched, asked, answered)
        overlap[name] = Overlap(
            any_text=int((shares_text & (splits == number)).sum()),
            last_question=int(asked[own_last.questions].sum()),
            last_answer=int(answered[own_last.answers].sum()),
            exchange=len(np.unique(own_repeated.dialogues)),
            answers_skipped=len(own_repeated.turns),
            near_searched=len(searched.turns),
            near_question=questions,
            near_answer=answers,
            answers=int((splits[held_out.dialogues] == number).sum()),
        )
    return overlap, repeated


def _learnt_too(columns: Columns, held_out: Exchanges, learnt: Exchanges) -> NDArray[np.bool_]:
    """Which of the held-out exchanges are learnt in train as well; in conversations nearly the same count, too."""
    repeated = _occur(held_out, learnt)
    conversations = columns.conversations()
    own = conversations[held_out.dialogues] & ~repeated
    if not own.any():
        return repeated
    used = np.zeros(len(columns.keys), bool)
    used[columns.texts[np.repeat(conversations, columns.turns)]] = True
    alike = near_groups(columns.letters, used)[0]
    answered = np.zeros(len(columns.keys), bool)
    answered[alike[learnt.answers]] = True
    long = (columns.flags[held_out.turns] & LONG != 0) & answered[alike[held_out.answers]]
    repeated[own] = long[own] | _occur(held_out[own], learnt, alike)
    return repeated


def _occur(wanted: Exchanges, learnt: Exchanges, alike: NDArray[np.int32] | None = None) -> NDArray[np.bool_]:
    """Which of a few exchanges are among the learnt ones, which may be many; `alike`: numbers of texts that are taken
    for the same."""
    if alike is not None:
        wanted = wanted.mapped(alike)
    pairs, place = np.unique(wanted.pairs(), return_inverse=True)
    found = np.zeros(len(pairs), bool)
    for begin in range(0, len(learnt.turns) if len(pairs) else 0, PAIRS_AT_ONCE):
        part = learnt[begin : begin + PAIRS_AT_ONCE]
        own = (part if alike is None else part.mapped(alike)).pairs()
        near = np.minimum(np.searchsorted(pairs, own), len(pairs) - 1)
        found[near[pairs[near] == own]] = True
    return found[place]


def _drawn(columns: Columns, last: Exchanges) -> Exchanges:
    """At most SEARCHED of them, those of the smallest keys."""
    if len(last.turns) <= SEARCHED:
        return last
    chosen = np.zeros(len(last.turns), bool)
    order = np.lexsort((columns.keys[last.answers], columns.keys[last.questions]))
    chosen[order[:SEARCHED]] = True
    return last[chosen]


def _near(
    columns: Columns, searched: Exchanges, asked: NDArray[np.bool_], answered: NDArray[np.bool_]
) -> tuple[int, int]:
    """How many of their questions have a near-duplicate that is asked in train, and of their answers one answered."""
    texts = np.unique(np.concatenate([searched.questions, searched.answers]))
    near_asked, near_answered = asked.copy(), answered.copy()
    for found, twins in twins_of(columns.letters, texts, asked | answered):
        near_asked[found[asked[twins]]] = True
        near_answered[found[answered[twins]]] = True
    return int(near_asked[searched.questions].sum()), int(near_answered[searched.answers].sum())
