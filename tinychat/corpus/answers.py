"""How often answers repeat in training, and a limit of that."""

from dataclasses import dataclass

import numpy as np

from tinychat.corpus.features import Columns
from tinychat.corpus.grams import Integers
from tinychat.corpus.overlap import Exchanges

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
    mixed = columns.keys[learnt.questions] * MULTIPLIER
    order = np.lexsort((mixed ^ mixed >> np.uint64(32), learnt.answers))
    answers = learnt.answers[order]
    starts = np.nonzero(np.concatenate([[True], answers[1:] != answers[:-1]]))[0]
    rank = np.arange(len(answers)) - np.repeat(starts, np.diff(np.append(starts, len(answers))))
    beyond = np.zeros(len(answers), bool)
    beyond[order[rank >= limit]] = True
    return learnt[beyond]


def count_answers(learnt: Exchanges, over: int = 0, left_out: int = 0) -> Answers:
    """The numbers of the trained answers."""
    counts = np.unique(learnt.answers, return_counts=True)[1]
    top = np.sort(counts)[::-1]
    return Answers(len(learnt.answers), int(top[:1].sum()), int(top[:TEN].sum()), over, left_out)


def most_repeated(learnt: Exchanges) -> tuple[Integers, Integers]:
    """Of the SHOWN most repeated answers, the most frequent first: the place of one in the columns of turns, and how
    often it occurs; none that occurs once."""
    answers, first, counts = np.unique(learnt.answers, return_index=True, return_counts=True)
    order = np.lexsort((answers, -counts))[:SHOWN]
    order = order[counts[order] > 1]
    return learnt.turns[first[order]], counts[order]
