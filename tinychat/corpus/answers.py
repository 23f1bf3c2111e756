"""How often answers repeat in training, and a limit of that."""

from dataclasses import dataclass

import numpy as np

from tinychat.corpus.amount import PHRASINGS, Learnt
from tinychat.corpus.features import Columns
from tinychat.corpus.grams import Integers
from tinychat.corpus.overlap import Exchanges
from tinychat.corpus.scratch import Scratch, count_values, numbers_in, parts_of

SHOWN = 5
TEN = 10
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Answers:
    """The answers that are trained on, those that differ in case, spaces and punctuation alone as one.

    trained            how many
    most_repeated      how often the most frequent one occurs; ten_most_repeated: the ten most frequent together
    over_limit         answers above the limit: they carry no loss
    dialogues_left_out dialogues in which no answer with loss is left: they are not in the corpus
    """

    trained: int
    most_repeated: int
    ten_most_repeated: int
    over_limit: int = 0
    dialogues_left_out: int = 0


def over_limit(columns: Columns, learnt: Exchanges, limit: int) -> Exchanges:
    """The trained answers beyond the first `limit` of each, in an order by a hash of the question.

    So which of them stay does not depend on the order of the files.
    """
    scratch = columns.scratch
    by_answer = scratch.zeros(len(learnt), np.uint64)
    for part in parts_of(len(learnt)):
        by_answer[part] = learnt.answers[part].astype(np.uint64) << np.uint64(32) | numbers_in(part).astype(np.uint64)
    by_answer.sort()
    beyond = scratch.zeros(len(columns.flags), bool)
    first = np.empty(0, np.int64)  # of the last answer so far: those that are within the limit
    for part in parts_of(len(learnt)):
        places = np.concatenate([first, (by_answer[part] & np.uint64(0xFFFFFFFF)).astype(np.int64)])
        some = learnt[places]
        mixed = columns.keys[some.questions] * MULTIPLIER
        order = np.lexsort((places, mixed ^ mixed >> np.uint64(32), some.answers))
        answers = some.answers[order]
        starts = np.nonzero(np.concatenate([[True], answers[1:] != answers[:-1]]))[0]
        rank = np.arange(len(answers)) - np.repeat(starts, np.diff(np.append(starts, len(answers))))
        beyond[some.turns[order[rank >= limit]]] = True
        first = places[order[starts[-1] :][:limit]]
    return learnt.where(lambda part: beyond[part.turns], scratch)


def count_answers(learnt: Exchanges, scratch: Scratch, over: int = 0, left_out: int = 0) -> Answers:
    """The numbers of the trained answers."""
    counts = _counts_of(learnt, scratch)
    top = counts[_most(counts, TEN)]
    return Answers(len(learnt), int(top[:1].sum()), int(top.sum()), over, left_out)


def count_learnt(learnt: Exchanges, scratch: Scratch) -> Learnt:
    """Of the trained exchanges; each question with its answer counts once."""
    pairs = learnt.all_pairs(scratch)
    questions, last = 0, None
    phrasings = scratch.zeros(int(learnt.answers.max(initial=-1)) + 1, np.int64)
    for part in parts_of(len(pairs)):
        asked = pairs[part] >> np.uint64(32)
        questions += int((asked[1:] != asked[:-1]).sum()) + int(asked[0] != last)
        last = asked[-1]
        np.add.at(phrasings, (pairs[part] & np.uint64(0xFFFFFFFF)).astype(np.int64), 1)
    rephrased = sum(
        int(some[some >= PHRASINGS].sum()) for some in (phrasings[part] for part in parts_of(len(phrasings)))
    )
    return Learnt(len(pairs), questions, int(np.count_nonzero(phrasings)), rephrased)


def most_repeated(learnt: Exchanges, scratch: Scratch) -> tuple[Integers, Integers]:
    """Of the SHOWN most repeated answers, the most frequent first: the place of one in the columns of turns, and how
    often it occurs; none that occurs once."""
    counts = _counts_of(learnt, scratch)
    answers = _most(counts, SHOWN)
    answers = answers[counts[answers] > 1]
    turns = np.full(len(answers), -1)
    for part in learnt.parts():
        for place in np.nonzero(turns < 0)[0].tolist():
            own = part.turns[part.answers == answers[place]]
            turns[place] = own[0] if len(own) else -1
    return turns, counts[answers]


def _counts_of(learnt: Exchanges, scratch: Scratch) -> Integers:
    """How often each text is the answer."""
    n = int(learnt.answers.max(initial=-1)) + 1
    return count_values((part.answers for part in learnt.parts()), n, scratch)


def _most(counts: Integers, n: int) -> Integers:
    """The n numbers of the highest counts, the highest first; of equal ones the lower number."""
    most = np.empty(0, np.int64)
    for part in parts_of(len(counts)):
        most = np.concatenate([most, numbers_in(part)])
        most = most[np.argsort(-counts[most], kind="stable")[:n]]
    return most
