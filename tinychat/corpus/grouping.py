"""Groups of dialogues that stand on one side of the split, because they share a text, almost, or a session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.components import Components
from tinychat.corpus.features import LONG, NEAR, NO_SESSION, Columns
from tinychat.corpus.grams import Texts
from tinychat.corpus.key_table import Keys, KeyTable
from tinychat.corpus.near_duplicates import near_duplicates
from tinychat.corpus.scratch import Growing, Scratch, count_values, numbers_in, parts_of

# A group of conversations with more sessions than this is taken apart. The texts of a chat recur: in an export of
# 100,000 messages a chain of equal long texts joined 96% of the conversations (docs/experiments.md). It is a number
# and no share of the corpus, so that only what joins a group can take it apart.
MAX_JOINED = 10
LARGEST_KEY = np.uint64(2**64 - 1)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Groups:
    """The group of each dialogue; a dialogue whose source chose its split is a group of its own.

    of        its number: groups are numbered in the order of their first dialogues
    count     how many groups there are
    keys      of each dialogue: the smallest key of its texts that join, which another dialogue may have too
    near_texts     different texts that were joined, since they are near-duplicates
    crowded_texts  texts that were compared with some of their candidates only
    sessions       sessions of more than one dialogue
    apart          groups that were taken apart; dialogues_apart: their conversations
    """

    of: NDArray[np.int32]
    count: int
    keys: Keys
    near_texts: int
    crowded_texts: int
    sessions: int
    apart: int
    dialogues_apart: int


def group(columns: Columns) -> Groups:
    """Join the dialogues that share a question or an answer, or have near-duplicates of one, or belong to a session.

    In files with a dialogue of more than two turns only long texts join: MIN_JOINING_LETTERS where they are equal,
    MIN_NEAR_LETTERS where they are near-duplicates. No text joins the conversations of such files that would be in a
    group of more than MAX_JOINED sessions; `measure_overlap` finds what they share with train.
    """
    scratch, conversations = columns.scratch, columns.conversations()
    joins = scratch.zeros(len(columns.flags), bool)
    near = scratch.zeros(len(columns.keys), bool)
    for dialogues, turns in columns.parts():
        sizes, flags = columns.turns[dialogues], columns.flags[turns]
        in_conversation = np.repeat(conversations[dialogues], sizes)
        joins[turns] = np.repeat(columns.fixed[dialogues] == 0, sizes) & (~in_conversation | (flags & LONG != 0))
        near[columns.texts[turns][joins[turns] & (~in_conversation | (flags & NEAR != 0))]] = True
    text_groups, near_texts, crowded = near_groups(columns.letters, near, scratch)

    apart = scratch.zeros(len(columns), bool)
    of, count, keys, sessions = _join(columns, joins, text_groups, apart)
    alone = counts_alone(columns)
    sessions_in = count_values((of[part][alone[part]] for part in parts_of(len(of))), count, scratch)
    divided = scratch.zeros(count, bool)
    for part in parts_of(len(columns)):
        apart[part] = conversations[part] & (sessions_in[of[part]] > MAX_JOINED)
        divided[of[part][apart[part]]] = True
    groups_apart = int(np.count_nonzero(divided))
    if groups_apart:
        for dialogues, turns in columns.parts():
            joins[turns] &= ~np.repeat(apart[dialogues], columns.turns[dialogues])
        of, count, keys, sessions = _join(columns, joins, text_groups, apart)
        _give_own_keys(columns, apart, keys)
    return Groups(of, count, keys, near_texts, crowded, sessions, groups_apart, int(np.count_nonzero(apart)))


def _join(
    columns: Columns, joins: NDArray[np.bool_], text_groups: NDArray[np.int32], apart: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], int, Keys, int]:
    """The group of each dialogue, how many there are, its key, and how many sessions have more than one dialogue.

    joins  which turns join the dialogues whose turns are of the same text group
    apart  which dialogues no text joins; of the others those in which no turn joins are joined with those of the same
           texts
    """
    n, scratch = len(columns), columns.scratch
    components = Components(n + len(text_groups), scratch)
    keys, lonely, in_session = scratch.zeros(n, np.uint64), scratch.zeros(n, bool), scratch.zeros(n, bool)
    for dialogues, turns in columns.parts():
        texts, used = columns.texts[turns], joins[turns]
        starts = columns.begins(dialogues) - turns.start
        keys[dialogues] = np.minimum.reduceat(np.where(used, columns.keys[texts], LARGEST_KEY), starts)
        of_turn = np.repeat(np.arange(dialogues.start, dialogues.stop), columns.turns[dialogues])
        components.join(of_turn[used], n + text_groups[texts[used]].astype(np.int64))
        free = columns.fixed[dialogues] == 0
        lonely[dialogues] = free & ~apart[dialogues] & (keys[dialogues] == LARGEST_KEY)
        in_session[dialogues] = free & (columns.sessions[dialogues] != NO_SESSION)
    _give_own_keys(columns, lonely, keys)
    _join_equal(components, lonely, keys, scratch)
    sessions = _join_equal(components, in_session, columns.sessions, scratch)
    first = components.all()[:n]  # the first dialogue of the group
    number, of, count = scratch.zeros(n, np.int32), scratch.zeros(n, np.int32), 0
    for part in parts_of(n):
        is_first = first[part] == numbers_in(part)
        number[part] = count - 1 + np.cumsum(is_first, dtype=np.int32)
        count += int(is_first.sum())
        of[part] = number[first[part]]
    return of, count, keys, sessions


def counts_alone(columns: Columns) -> NDArray[np.bool_]:
    """Of each session the first dialogue, and all that are in none."""
    found, known = columns.scratch.zeros(len(columns), bool), KeyTable(columns.scratch)
    for part in parts_of(len(columns)):
        sessions = columns.sessions[part]
        found[part] = known.add(sessions)[1] | (sessions == NO_SESSION)
    return found


def near_groups(letters: Texts, used: NDArray[np.bool_], scratch: Scratch) -> tuple[NDArray[np.int32], int, int]:
    """For each text the first of its near-duplicates, itself where it is not `used`; how many were joined; how many
    were crowded."""
    numbers = Growing(np.int64, scratch)
    for part in parts_of(len(letters)):
        numbers.extend(part.start + np.nonzero(used[part])[0])
    found = near_duplicates(letters if used.all() else letters.choose(numbers.array, scratch), scratch)
    sizes = count_values((found.groups[part] for part in parts_of(len(numbers))), len(numbers), scratch)
    groups = scratch.zeros(len(letters), np.int32)
    for part in parts_of(len(letters)):
        groups[part] = numbers_in(part)
    joined = 0
    for part in parts_of(len(numbers)):
        groups[numbers.array[part]] = numbers.array[found.groups[part]]
        joined += int(sizes[part][sizes[part] > 1].sum())
    return groups, joined, found.crowded


def _give_own_keys(columns: Columns, which: NDArray[np.bool_], keys: Keys) -> None:
    """Set the keys of these dialogues to one of the keys of all its turns in their order."""
    for dialogues, turns in columns.parts():
        own = which[dialogues]
        if not own.any():
            continue
        sizes = columns.turns[dialogues][own].astype(np.int64)
        starts = np.cumsum(sizes) - sizes
        place = np.arange(int(sizes.sum())) - np.repeat(starts, sizes)
        texts = columns.texts[turns][np.repeat(own, columns.turns[dialogues])]
        mixed = (columns.keys[texts] + place.astype(np.uint64)) * MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
        keys[dialogues][own] = np.add.reduceat(mixed * MULTIPLIER, starts)


def _join_equal(components: Components, which: NDArray[np.bool_], values: NDArray[np.uint64], scratch: Scratch) -> int:
    """Join those of the dialogues that have the same value; gives how many values more than one has."""
    known, firsts, shared = KeyTable(scratch), Growing(np.int64, scratch), Growing(bool, scratch)
    for part in parts_of(len(which)):
        dialogues = part.start + np.nonzero(which[part])[0]
        numbers, new = known.add(values[dialogues])
        firsts.extend(dialogues[new])
        shared.extend(np.zeros(int(new.sum()), bool))
        shared.array[numbers[~new]] = True
        components.join(firsts.array[numbers[~new]], dialogues[~new])
    return int(np.count_nonzero(shared.array))
