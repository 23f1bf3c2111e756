"""Near-duplicates: texts whose sets of character 3-grams have a Jaccard index of 0.6 or more.

Candidates come from MinHash. Two texts are near-duplicates only after the exact value was computed. The candidates of
a text depend on no other text, except in crowded buckets, so that texts which are added join groups and divide none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.components import Components, Numbers
from tinychat.corpus.grams import (
    SKETCH_WORDS,
    Hashes,
    Integers,
    Texts,
    expanded,
    highest_jaccard,
    jaccard_of,
    sketches_of,
)
from tinychat.corpus.minhash import BANDS, BandKeys, MinHash
from tinychat.corpus.scratch import Scratch, numbers_in, parts_of

THRESHOLD = 0.6
BANDS_AT_ONCE = 4  # 4 bytes each a text
# Fixed: a parameter would move dialogues between the splits for nothing. Twins are looked for with other hash functions
# than groups, so that those which the groups missed are found.
GROUPS_SEED, TWINS_SEED = 16, 17
# In a bucket of more texts each is compared with so many that follow it: all pairs would take quadratic time.
MAX_NEIGHBOURS = 64
PAIRS_AT_ONCE = 1 << 15
MEMBERS_AT_ONCE = 1 << 17  # of buckets
TABLE_BITS = 16
BUCKET_SHIFT, MEMBER = np.uint64(32), np.uint64(0xFFFFFFFF)  # a key of a band and a text in one number


@dataclass(frozen=True)
class NearDuplicates:
    """What was found among texts.

    groups   for each text the first text of its group
    crowded  texts that stood in a bucket too large to be compared with all of it
    """

    groups: Numbers
    crowded: int


def near_duplicates(texts: Texts, scratch: Scratch) -> NearDuplicates:
    """Group the texts: each near-duplicate of a text is in its group, but for what MinHash misses."""
    if not len(texts):
        return NearDuplicates(np.empty(0, np.int32), 0)
    components = Components(len(texts), scratch)
    crowded = scratch.zeros(len(texts), bool)
    sketches = scratch.zeros((len(texts), SKETCH_WORDS), np.uint64)
    keys, ordered = scratch.zeros((BANDS_AT_ONCE, len(texts)), np.uint32), scratch.zeros(len(texts), np.uint64)
    minhash = MinHash(GROUPS_SEED)
    for first in range(0, BANDS, BANDS_AT_ONCE):
        bands = range(first, first + BANDS_AT_ONCE)
        for begin, end in texts.blocks():
            hashes, starts = texts.gram_hashes(begin, end)
            keys[:, begin:end] = minhash.keys(hashes, starts, bands)
            if first == 0:
                sketches[begin:end] = sketches_of(hashes, starts)
        for band in keys:
            for part in parts_of(len(texts)):
                ordered[part] = band[part].astype(np.uint64) << BUCKET_SHIFT | numbers_in(part).astype(np.uint64)
            ordered.sort()  # where it stands: numpy's quicksort goes through it from both ends
            _join_band(texts, ordered, sketches, components, crowded)
    return NearDuplicates(components.all(), int(np.count_nonzero(crowded)))


def twins_of(texts: Texts, wanted: Integers, among: NDArray[np.bool_]) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of a text of `wanted` and a near-duplicate of `among` other than itself, some perhaps more than once."""
    if not len(wanted):
        return
    minhash = MinHash(TWINS_SEED)
    keys = minhash.keys(*texts.gram_hashes_of(wanted))
    order = np.argsort(keys, axis=1)
    keys = np.take_along_axis(keys, order, axis=1)
    shift = np.uint32(32 - TABLE_BITS)
    possible = np.zeros((BANDS, 1 << TABLE_BITS), bool)  # few keys are wanted: one look tells
    for band in range(BANDS):
        possible[band, keys[band] >> shift] = True
    for begin, end in texts.blocks():
        if not among[begin:end].any():
            continue
        found = minhash.keys(*texts.gram_hashes(begin, end))
        pairs = []
        for band in range(BANDS):
            other = np.nonzero(possible[band, found[band] >> shift] & among[begin:end])[0]
            first = np.searchsorted(keys[band], found[band, other], side="left")
            count = np.searchsorted(keys[band], found[band, other], side="right") - first
            pairs.append(order[band, expanded(first, count)] * len(texts) + np.repeat(begin + other, count))
        pair = np.unique(np.concatenate(pairs))
        one, another = wanted[pair // len(texts)], pair % len(texts)
        apart = one != another
        one, another = one[apart], another[apart]
        near = jaccard_of(texts, one, another) >= THRESHOLD
        if near.any():
            yield one[near], another[near]


def _join_band(
    texts: Texts, keys: Hashes, sketches: Hashes, components: Components, crowded: NDArray[np.bool_]
) -> None:
    """Join the near-duplicates among the texts of each bucket, which have the same hash in this band.

    `keys`: these hashes, each with its text, sorted.
    """
    waiting: list[Integers] = []
    for begin in range(0, len(keys), MEMBERS_AT_ONCE):
        # Each is compared with those that follow it, so these are looked at twice.
        part = keys[begin : begin + MEMBERS_AT_ONCE + MAX_NEIGHBOURS + 1]
        bucket, members = (part >> BUCKET_SHIFT).astype(np.uint32), (part & MEMBER).astype(np.int64)
        far = np.nonzero(bucket[MAX_NEIGHBOURS + 1 :] == bucket[: -MAX_NEIGHBOURS - 1])[0]
        crowded[members[far]] = crowded[members[far + MAX_NEIGHBOURS + 1]] = True
        equal = bucket[1:] == bucket[:-1]
        shared = np.concatenate([equal, [False]]) | np.concatenate([[False], equal])
        firsts = int(shared[:MEMBERS_AT_ONCE].sum())
        for pairs in _candidates(texts, bucket[shared], members[shared], firsts, sketches, components):
            waiting.append(pairs)
            if sum(pairs.shape[1] for pairs in waiting) >= PAIRS_AT_ONCE:
                _join_near(texts, waiting, components)
    _join_near(texts, waiting, components)


def _candidates(
    texts: Texts, bucket: BandKeys, members: Integers, firsts: int, sketches: Hashes, components: Components
) -> Iterator[Integers]:
    """Pairs of members of one bucket that may be near-duplicates and are in different groups yet.

    The first one of a pair is among the first `firsts` members.
    """
    sketch, counts, group = sketches[members], texts.gram_counts(members), components.of(members)
    places = np.arange(firsts)
    for distance in range(1, MAX_NEIGHBOURS + 1):
        places = places[places + distance < len(members)]
        places = places[bucket[places] == bucket[places + distance]]
        if not len(places):
            break
        apart = places[group[places] != group[places + distance]]
        total, others = counts[apart] + counts[apart + distance], sketch[apart + distance]
        apart = apart[highest_jaccard(total, sketch[apart], others) >= THRESHOLD]
        yield np.stack([members[apart], members[apart + distance]])


def _join_near(texts: Texts, waiting: list[Integers], components: Components) -> None:
    """Join the near-duplicates among the waiting pairs, PAIRS_AT_ONCE at a time; none waits any more."""
    pairs = np.concatenate(waiting, axis=1) if waiting else np.empty((2, 0), np.int64)
    waiting.clear()
    for begin in range(0, pairs.shape[1], PAIRS_AT_ONCE):
        first, second = pairs[:, begin : begin + PAIRS_AT_ONCE]
        apart = components.of(first) != components.of(second)
        first, second = first[apart], second[apart]
        near = jaccard_of(texts, first, second) >= THRESHOLD
        components.join(first[near], second[near])
