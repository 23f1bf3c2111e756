"""Train, valid and test without leaks: dialogues that share a text, almost or exactly, stay together.

The split of a group is decided by a hash of its own texts, not by a random draw: adding other dialogues does not move
it, unless they join it to another group. Remaining overlap is counted, and a held-out answer is not scored where train
has the same question with the same answer, in conversations nearly the same.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.amount import Learnt
from tinychat.corpus.answers import Answers, count_answers, count_learnt, most_repeated, over_limit
from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus.features import LOSS, Columns
from tinychat.corpus.grams import Integers
from tinychat.corpus.grouping import LARGEST_KEY, MAX_JOINED, Groups, counts_alone, group
from tinychat.corpus.overlap import TRAIN, Exchanges, Overlap, asked_in_train, measure_overlap, together, trained
from tinychat.corpus.scratch import count_values, distinct_in_place, parts_of
from tinychat.params.sections import Shares

MAX_GROUP_SHARE = 0.01  # of all dialogues; a larger group goes to train
MAX_SESSION_SHARE = 0.1  # the same for a group that is one session
LEFT_OUT = len(SPLITS)  # instead of a split: in none
LEFT_OUT_NAME = "left out"
KEYS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class SplitSize:
    dialogues: int
    turns: int
    characters: int


@dataclass(frozen=True)
class Grouping:
    """Numbers of the groups.

    sent_to_train, dialogues_sent_to_train  groups that are too large to be held out, and their dialogues
    taken_apart, dialogues_taken_apart  groups of so many sessions that no text joins them, and their conversations
    near_texts            different texts that were joined to another one as its near-duplicate
    crowded_texts         texts with so many candidates that they were compared with a part of them
    sessions              sessions of more than one dialogue
    of_several_files      groups with dialogues of more than one file
    dialogues_moved       dialogues in them that their file's part of the group would give to another split
    """

    count: int
    largest: int
    sent_to_train: int
    dialogues_sent_to_train: int
    taken_apart: int
    dialogues_taken_apart: int
    near_texts: int
    crowded_texts: int
    sessions: int
    of_several_files: int
    dialogues_moved: int

    def lines(self) -> list[str]:
        """What a person is told, a line for each thing that occurred."""
        told = [
            (self.near_texts, "{:,} different texts have a near-duplicate, which is in the same split"),
            (self.crowded_texts, "{:,} texts have so many possible near-duplicates that only some were compared"),
            (self.sessions, "{:,} sessions of several conversations, each in one split"),
        ]
        lines = [f"  {text.format(count)}" for count, text in told if count]
        if self.of_several_files:
            lines.append(
                f"  {self.of_several_files:,} groups join dialogues of several files; {self.dialogues_moved:,} "
                "dialogues are therefore in another split than their file alone would give them"
            )
        if self.taken_apart:
            lines.append(
                f"  {self.taken_apart:,} groups ({self.dialogues_taken_apart:,} conversations) were taken apart, since "
                f"recurring texts join more than {MAX_JOINED} sessions: each session stands in one split"
            )
        if self.sent_to_train:
            lines.append(
                f"  {self.sent_to_train:,} groups ({self.dialogues_sent_to_train:,} dialogues) went to train because "
                "each is more than 1% of the corpus"
            )
        return lines


@dataclass(frozen=True)
class Splits:
    """The split of each dialogue, in input order, and how they were grouped.

    of             the index in SPLITS of each dialogue's split, or LEFT_OUT
    weightless     (dialogue, turn in it) of answers that are not to carry loss, in ascending order: those of held-out
                   dialogues whose question and answer are in train too, and those of train above the limit
    repeated       (dialogue, turn in it, count) of the most repeated trained answers, one of each
    asked_in_train  of each dialogue whether its first question is asked in train, in conversations nearly
    """

    of: NDArray[np.uint8]
    sizes: dict[str, SplitSize]
    grouping: Grouping
    overlap: dict[str, Overlap]
    learnt: Learnt
    answers: Answers
    weightless: tuple[Integers, Integers]
    repeated: list[tuple[int, int, int]]
    asked_in_train: NDArray[np.bool_]

    @property
    def names(self) -> list[str]:
        """The name of each dialogue's split."""
        return [[*SPLITS, LEFT_OUT_NAME][number] for number in self.of.tolist()]

    def weightless_turns(self) -> Iterator[tuple[int, list[int]]]:
        """The dialogues with such answers, and which turns these are, in ascending order."""
        found = ((int(dialogue), int(turn)) for dialogue, turn in zip(*(a.data for a in self.weightless), strict=True))
        for dialogue, turns in groupby(found, itemgetter(0)):
            yield dialogue, [turn for _, turn in turns]


def split_corpus(
    columns: Columns,
    shares: Shares,
    seed: int,
    max_answer_repeats: int | None = None,
    in_train: NDArray[np.bool_] | None = None,
) -> Splits:
    """Group the dialogues by shared questions and answers, and give each group to a split by its hash.

    In multi-turn files only long texts join, and not too many sessions (`group`). A group that holds more than 1% of
    all dialogues goes to train, one that is a single session above 10%, and the group of a dialogue of `in_train`. An
    answer is trained on at most `max_answer_repeats` times.
    """
    splits, grouping = _assign(columns, group(columns), shares, seed, in_train)
    scratch = columns.scratch
    learnt = trained(columns, splits)
    weightless, left_out = learnt[:0], 0
    if max_answer_repeats is not None:
        weightless = over_limit(columns, learnt, max_answer_repeats)
        learnt = learnt.without(weightless, scratch)
        left_out = _leave_out(columns, splits, weightless)
    answers = count_answers(learnt, scratch, len(weightless), left_out)
    overlap, repeated = measure_overlap(columns, learnt, splits)
    shown, counts = most_repeated(learnt, scratch)
    shown_dialogues = columns.dialogues_of(shown)
    return Splits(
        of=splits,
        sizes=_sizes(columns, splits),
        grouping=grouping,
        overlap=overlap,
        learnt=count_learnt(learnt, scratch),
        answers=answers,
        weightless=_places(columns, weightless, repeated),
        repeated=list(
            zip(
                shown_dialogues.tolist(),
                (shown - columns.begins(shown_dialogues)).tolist(),
                counts.tolist(),
                strict=True,
            )
        ),
        asked_in_train=asked_in_train(columns, learnt, repeated),
    )


def _assign(
    columns: Columns, groups: Groups, shares: Shares, seed: int, in_train: NDArray[np.bool_] | None
) -> tuple[NDArray[np.uint8], Grouping]:
    """The split of each dialogue, and numbers of the groups."""
    total, of, scratch = len(columns), groups.of, columns.scratch
    sizes = count_values((of[part] for part in parts_of(total)), groups.count, scratch)
    keys = scratch.full(groups.count, LARGEST_KEY, np.uint64)
    for part in parts_of(total):
        np.minimum.at(keys, of[part], groups.keys[part])
    # A session is one thing: a month's export would have nothing to hold out if each were too large.
    counted = counts_alone(columns)
    alone = count_values((of[part][counted[part]] for part in parts_of(total)), groups.count, scratch)
    chosen = scratch.zeros(groups.count, np.uint8)
    sent_to_train = dialogues_sent = 0
    for part in parts_of(groups.count):
        too_large = (sizes[part] > max(1, MAX_GROUP_SHARE * total)) & (alone[part] > 1)
        too_large |= sizes[part] > max(1, MAX_SESSION_SHARE * total)
        chosen[part] = np.where(too_large, TRAIN, _splits_of(keys[part], shares, seed))
        sent_to_train += int(too_large.sum())
        dialogues_sent += int(sizes[part][too_large].sum())
    if in_train is not None:
        for part in parts_of(total):
            chosen[of[part][in_train[part]]] = TRAIN
    splits = scratch.zeros(total, np.uint8)
    for part in parts_of(total):
        splits[part] = np.where(columns.fixed[part] > 0, columns.fixed[part] - 1, chosen[of[part]])
    several, moved = _across_files(columns, groups, splits, shares, seed)
    return splits, Grouping(
        count=groups.count,
        largest=int(sizes.max(initial=0)),
        sent_to_train=sent_to_train,
        dialogues_sent_to_train=dialogues_sent,
        taken_apart=groups.apart,
        dialogues_taken_apart=groups.dialogues_apart,
        near_texts=groups.near_texts,
        crowded_texts=groups.crowded_texts,
        sessions=groups.sessions,
        of_several_files=several,
        dialogues_moved=moved,
    )


def _across_files(
    columns: Columns, groups: Groups, splits: NDArray[np.uint8], shares: Shares, seed: int
) -> tuple[int, int]:
    """How many groups have dialogues of several files, and how many of these dialogues stand in another split than the
    smallest key in their own file gives: what adding the other files can have moved."""
    total, scratch, files = len(columns), columns.scratch, int(columns.files.max(initial=0)) + 1
    if files == 1:
        return 0, 0

    def parts_in(part: slice) -> Integers:
        """Of some dialogues a number for the group and the file."""
        return groups.of[part].astype(np.int64) * files + columns.files[part]

    all_parts = scratch.zeros(total, np.int64)
    for part in parts_of(total):
        all_parts[part] = parts_in(part)
    all_parts = distinct_in_place(all_parts)
    files_of = count_values((all_parts[part] // files for part in parts_of(len(all_parts))), groups.count, scratch)
    keys = scratch.full(len(all_parts), LARGEST_KEY, np.uint64)
    for part in parts_of(total):
        shared = files_of[groups.of[part]] > 1
        np.minimum.at(keys, np.searchsorted(all_parts, parts_in(part)[shared]), groups.keys[part][shared])
    alone = scratch.zeros(len(all_parts), np.uint8)
    for part in parts_of(len(all_parts)):
        alone[part] = _splits_of(keys[part], shares, seed)
    moved = 0
    for part in parts_of(total):
        shared = files_of[groups.of[part]] > 1
        moved += int((alone[np.searchsorted(all_parts, parts_in(part)[shared])] != splits[part][shared]).sum())
    return sum(int((files_of[part] > 1).sum()) for part in parts_of(groups.count)), moved


def _leave_out(columns: Columns, splits: NDArray[np.uint8], weightless: Exchanges) -> int:
    """Leave out the dialogues of train in which every answer with loss is one of these; gives how many."""
    left, found = columns.answers(LOSS), 0
    for some in weightless.parts():
        np.subtract.at(left, some.dialogues, 1)
    for part in parts_of(len(columns)):
        without_loss = (left[part] == 0) & (splits[part] == TRAIN)
        splits[part][without_loss] = LEFT_OUT
        found += int(without_loss.sum())
    return found


def _places(columns: Columns, *exchanges: Exchanges) -> tuple[Integers, Integers]:
    """The dialogue of each answer and its turn in it, in ascending order."""
    scratch = columns.scratch
    turns = together((part for some in exchanges for part in some.parts()), scratch).turns
    turns.sort()
    dialogues, places = scratch.zeros(len(turns), np.int64), scratch.zeros(len(turns), np.int64)
    for part in parts_of(len(turns)):
        dialogues[part] = columns.dialogues_of(turns[part])
        places[part] = turns[part] - columns.begins(dialogues[part])
    return dialogues, places


def _sizes(columns: Columns, splits: NDArray[np.uint8]) -> dict[str, SplitSize]:
    found = np.zeros((len(SPLITS), 3), np.int64)
    for part in parts_of(len(columns)):
        for number in range(len(SPLITS)):
            own = splits[part] == number
            found[number] += own.sum(), columns.turns[part][own].sum(), columns.characters[part][own].sum()
    return {name: SplitSize(*map(int, sizes)) for name, sizes in zip(SPLITS, found, strict=True)}


def _splits_of(keys: NDArray[np.uint64], shares: Shares, seed: int) -> NDArray[np.uint8]:
    """For each key the split in whose interval of [0, 1) the hash of seed and key falls."""
    wanted = [(number, share) for number, name in enumerate(SPLITS) if (share := getattr(shares, name)) > 0]
    edges = np.cumsum([share for _, share in wanted])
    beginning = f"{seed}\n".encode()
    splits = np.empty(len(keys), np.uint8)
    for begin in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[begin : begin + KEYS_AT_ONCE]
        digests = b"".join(hashlib.sha256(beginning + str(key).encode()).digest()[:8] for key in part.tolist())
        fractions = np.frombuffer(digests, ">u8") / 2**64
        place = np.minimum(np.searchsorted(edges, fractions, side="right"), len(wanted) - 1)
        splits[begin : begin + KEYS_AT_ONCE] = np.array([number for number, _ in wanted])[place]
    return splits
