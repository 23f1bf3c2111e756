"""Groups of dialogues that stand on one side of the split, because they share a text, almost, or a session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.components import Components
from tinychat.corpus.features import LONG, NEAR, NO_SESSION, Columns
from tinychat.corpus.grams import Integers, Texts
from tinychat.corpus.key_table import Keys
from tinychat.corpus.near_duplicates import near_duplicates

EDGES_AT_ONCE = 1 << 20
LARGEST_KEY = np.uint64(2**64 - 1)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Groups:
    """The group of each dialogue, named by a number; a dialogue whose source chose its split is a group of its own.

    keys      of each dialogue: the smallest key of its texts that join, which another dialogue may have too
    near_texts     different texts that were joined, since they are near-duplicates
    crowded_texts  texts that were compared with some of their candidates only
    sessions       sessions of more than one dialogue
    """

    of: Integers
    keys: Keys
    near_texts: int
    crowded_texts: int
    sessions: int


def group(columns: Columns) -> Groups:
    """Join the dialogues that share a question or an answer, or have near-duplicates of one, or belong to a session.

    In files with a dialogue of more than two turns only long texts join: MIN_JOINING_LETTERS where they are equal,
    MIN_NEAR_LETTERS where they are near-duplicates.
    """
    free = columns.fixed == 0
    dialogue_of_turn = columns.dialogue_of_turn()
    multi_turn_files = np.unique(columns.files[columns.turns > 2])
    multi_turn = np.isin(columns.files, multi_turn_files)[dialogue_of_turn]
    joins = np.where(multi_turn, columns.flags & LONG != 0, True) & free[dialogue_of_turn]
    near = joins & np.where(multi_turn, columns.flags & NEAR != 0, True)

    text_groups, near_texts, crowded = _near_groups(columns.letters, columns.texts[near])
    keys = np.full(len(columns), LARGEST_KEY)
    turns = np.nonzero(joins)[0]
    np.minimum.at(keys, dialogue_of_turn[turns], columns.keys[columns.texts[turns]])
    lonely = free & (keys == LARGEST_KEY)
    keys[lonely] = _own_keys(columns, lonely)

    components = Components(len(columns) + len(text_groups))
    for begin in range(0, len(turns), EDGES_AT_ONCE):
        part = turns[begin : begin + EDGES_AT_ONCE]
        components.join(dialogue_of_turn[part], len(columns) + text_groups[columns.texts[part]])
    _join_equal(components, np.nonzero(lonely)[0], keys)
    in_session = np.nonzero(free & (columns.sessions != NO_SESSION))[0]
    sessions = _join_equal(components, in_session, columns.sessions)
    return Groups(components.all()[: len(columns)], keys, near_texts, crowded, sessions)


def _near_groups(letters: Texts, used: NDArray[np.int32]) -> tuple[Integers, int, int]:
    """For each text the first of its near-duplicates, itself where it is not `used`; how many were joined; how many
    were crowded."""
    chosen = np.zeros(len(letters), bool)
    chosen[used] = True
    numbers = np.nonzero(chosen)[0]
    found = near_duplicates(Texts(letters.codes, letters.begins[numbers], letters.lengths[numbers]))
    groups = np.arange(len(letters))
    groups[numbers] = numbers[found.groups]
    sizes = np.bincount(found.groups, minlength=1)
    return groups, int(sizes[sizes > 1].sum()), found.crowded


def _own_keys(columns: Columns, which: NDArray[np.bool_]) -> Keys:
    """A key of each of these dialogues, of the keys of all its turns in their order."""
    chosen = np.repeat(which, columns.turns)
    turns = columns.turns[which].astype(np.int64)
    starts = np.cumsum(turns) - turns
    place = np.arange(int(turns.sum())) - np.repeat(starts, turns)
    mixed = (columns.keys[columns.texts[chosen]] + place.astype(np.uint64)) * MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    return np.add.reduceat(mixed * MULTIPLIER, starts) if len(starts) else np.empty(0, np.uint64)


def _join_equal(components: Components, dialogues: Integers, values: NDArray[np.uint64]) -> int:
    """Join the dialogues that have the same value; gives how many values more than one has."""
    own = values[dialogues]
    order = np.argsort(own, kind="stable")
    ordered, own = dialogues[order], own[order]
    same = own[1:] == own[:-1]
    components.join(ordered[:-1][same], ordered[1:][same])
    return int((same & ~np.concatenate([[False], same[:-1]])).sum()) if len(same) else 0
