"""Groups of dialogues that stand on one side of the split, because they share a text, almost, or a session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.components import Components
from tinychat.corpus.features import LONG, NEAR, NO_SESSION, Columns
from tinychat.corpus.grams import Integers, Texts
from tinychat.corpus.key_table import Keys
from tinychat.corpus.near_duplicates import near_duplicates

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
    keys      of each dialogue: the smallest key of its texts that join, which another dialogue may have too
    near_texts     different texts that were joined, since they are near-duplicates
    crowded_texts  texts that were compared with some of their candidates only
    sessions       sessions of more than one dialogue
    apart          groups that were taken apart; dialogues_apart: their conversations
    """

    of: NDArray[np.int32]
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
    free, conversations = columns.fixed == 0, columns.conversations()
    in_conversation = np.repeat(conversations, columns.turns)
    joins = np.repeat(free, columns.turns) & (~in_conversation | (columns.flags & LONG != 0))
    near = np.zeros(len(columns.letters), bool)
    near[columns.texts[joins & (~in_conversation | (columns.flags & NEAR != 0))]] = True
    del in_conversation

    text_groups, near_texts, crowded = near_groups(columns.letters, near)
    of, keys, sessions = _join(columns, joins, text_groups, free)
    large = np.bincount(of[counts_alone(columns)], minlength=int(of.max(initial=-1)) + 1) > MAX_JOINED
    apart = conversations & large[of]
    groups_apart = len(np.unique(of[apart]))
    if groups_apart:
        joins &= ~np.repeat(apart, columns.turns)
        of, keys, sessions = _join(columns, joins, text_groups, free & ~apart)
        keys[apart] = _own_keys(columns, apart)
    return Groups(of, keys, near_texts, crowded, sessions, groups_apart, int(apart.sum()))


def _join(
    columns: Columns, joins: NDArray[np.bool_], text_groups: NDArray[np.int32], by_text: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], Keys, int]:
    """The group of each dialogue, its key, and how many sessions have more than one dialogue.

    joins    which turns join the dialogues whose turns are of the same text group
    by_text  which dialogues are joined with those of the same texts, where none of their turns joins
    """
    components = Components(len(columns) + len(text_groups))
    keys = np.empty(len(columns), np.uint64)
    for dialogues, turns in columns.parts():
        texts, used = columns.texts[turns], joins[turns]
        starts = columns.begins[dialogues] - turns.start
        keys[dialogues] = np.minimum.reduceat(np.where(used, columns.keys[texts], LARGEST_KEY), starts)
        of_turn = np.repeat(np.arange(dialogues.start, dialogues.stop), columns.turns[dialogues])
        components.join(of_turn[used], len(columns) + text_groups[texts[used]].astype(np.int64))
    lonely = by_text & (keys == LARGEST_KEY)
    keys[lonely] = _own_keys(columns, lonely)
    _join_equal(components, np.nonzero(lonely)[0], keys)
    in_session = np.nonzero((columns.fixed == 0) & (columns.sessions != NO_SESSION))[0]
    sessions = _join_equal(components, in_session, columns.sessions)
    first = components.all()[: len(columns)]  # the first dialogue of the group
    number = np.cumsum(first == np.arange(len(columns)), dtype=np.int32) - np.int32(1)
    return number[first], keys, sessions


def counts_alone(columns: Columns) -> NDArray[np.bool_]:
    """Of each session the first dialogue, and all that are in none."""
    first = np.ones(len(columns), bool)
    in_session = np.nonzero(columns.sessions != NO_SESSION)[0]
    first[in_session] = False
    first[in_session[np.unique(columns.sessions[in_session], return_index=True)[1]]] = True
    return first


def near_groups(letters: Texts, used: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int, int]:
    """For each text the first of its near-duplicates, itself where it is not `used`; how many were joined; how many
    were crowded."""
    numbers = slice(None) if used.all() else np.nonzero(used)[0]
    found = near_duplicates(letters.choose(numbers))
    sizes = np.bincount(found.groups, minlength=1)
    groups = np.arange(len(letters), dtype=np.int32)
    groups[numbers] = groups[numbers][found.groups]
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
