"""All near-duplicates of a few texts among many, found exactly: a measure of what MinHash finds.

Not for large corpora: in English, whose texts have most 3-grams in common, it takes the product of both numbers.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.grams import Hashes, Integers, Lengths, Texts, expanded, highest_jaccard, jaccard_of, sketches_of
from tinychat.corpus.near_duplicates import THRESHOLD

TABLE_BITS = 20
# Of a text's grams so many are to be found in a twin: more make fewer candidates, and more to look up.
LEAST_SHARE = 0.2


def find_twins(
    texts: Texts, wanted: Integers, among: NDArray[np.bool_], threshold: float = THRESHOLD
) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of a text of `wanted` and another one of `among` whose Jaccard index is `threshold` or more, all of them.

    Two sets of grams with that index share at least the share `threshold` of each. So if the twins of a text lack all
    but k - 1 of its rarest grams, the others are too few: of that many, each has k (prefix filtering: Chaudhuri, Ganti
    and Kaushik 2006; with k above 1: Wang, Li and Feng 2012).
    """
    if not len(wanted):
        return
    hashes, starts = texts.gram_hashes_of(wanted)
    sketches = sketches_of(hashes, starts)
    grams, owners, least = _rarest_grams(hashes, texts.gram_counts(wanted), threshold)
    distinct, first, count = np.unique(grams, return_index=True, return_counts=True)
    shift = np.uint64(64 - TABLE_BITS)
    possible = np.zeros(1 << TABLE_BITS, bool)  # most grams are in no wanted text: one look tells
    possible[distinct >> shift] = True
    for begin, end in texts.blocks():
        if not among[begin:end].any():
            continue
        hashes, starts = texts.gram_hashes(begin, end)
        text = np.arange(begin, end)
        text = np.repeat(text, texts.gram_counts(text))
        block = sketches_of(hashes, starts)
        hit = possible[hashes >> shift] & among[text]
        hashes, text = hashes[hit], text[hit]
        place = np.minimum(np.searchsorted(distinct, hashes), len(distinct) - 1)
        found = distinct[place] == hashes
        place, text = place[found], text[found]
        owner = owners[expanded(first[place], count[place])]
        pairs, shared = np.unique(owner * len(texts) + np.repeat(text, count[place]), return_counts=True)
        pairs = pairs[shared >= least[pairs // len(texts)]]
        owner, other = pairs // len(texts), pairs % len(texts)
        one = wanted[owner]
        total = texts.gram_counts(one) + texts.gram_counts(other)
        possibly = highest_jaccard(total, sketches[owner], block[other - begin]) >= threshold
        possibly &= one != other
        one, other = one[possibly], other[possibly]
        near = jaccard_of(texts, one, other) >= threshold
        if near.any():
            yield one[near], other[near]


def _rarest_grams(hashes: Hashes, counts: Lengths, threshold: float) -> tuple[Hashes, Integers, Integers]:
    """The grams to look for, sorted; for each the number of its text; and how many of its grams a text's twin has.

    `counts`: how many hashes each text has.
    """
    owners = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    new = np.concatenate([[True], (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])])
    hashes, owners = hashes[new], owners[new]
    _, gram, frequency = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((frequency[gram], owners))
    hashes, owners = hashes[order], owners[order]
    sizes = np.bincount(owners, minlength=len(counts))
    least = np.ceil(LEAST_SHARE * sizes).astype(np.int64)
    # At least ceil(threshold * size) are shared; 1e-9 less for what rounding adds.
    looked_for = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + least
    rank = np.arange(len(hashes)) - (np.cumsum(sizes) - sizes)[owners]
    kept = rank < looked_for[owners]
    hashes, owners = hashes[kept], owners[kept]
    order = np.argsort(hashes, kind="stable")
    return hashes[order], owners[order], least
