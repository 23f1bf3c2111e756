"""MinHash signatures of texts in bands: texts that are alike are likely to be equal in one of the bands.

The share of hash functions whose minima over two sets are equal is about the Jaccard index of the sets (Broder 1997);
of `ROWS` minima in a band, all are equal with its power (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets,
section 3.4).
"""

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.grams import Hashes, Integers

# Of pairs with a Jaccard index of 0.6 98.8% have 4 equal minima in one band of 32, of pairs at 0.7 99.98%; what was
# found is in benchmarks/results/near_duplicates.json. With three rows there are three times the candidates among
# a million texts.
BANDS, ROWS = 32, 4
BandKeys = NDArray[np.uint32]  # (bands, texts): a hash of the minima of a band


class MinHash:
    """BANDS * ROWS hash functions; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._factors, self._summands = rng.integers(0, 2**32, (2, BANDS, ROWS), dtype=np.uint32)
        self._factors |= np.uint32(1)  # x → factor * x + summand is a permutation of the 32-bit numbers

    def keys(self, hashes: Hashes, starts: Integers, bands: range = range(BANDS)) -> BandKeys:
        """The keys of some bands of texts whose gram hashes begin at `starts`."""
        short = (hashes >> np.uint64(32)).astype(np.uint32)
        permuted, low = np.empty_like(short), np.empty(len(starts), np.uint32)
        found = np.zeros((len(bands), len(starts)), np.uint32)
        for key, band in zip(found, bands, strict=True):
            for factor, summand in zip(self._factors[band], self._summands[band], strict=True):
                np.multiply(short, factor, out=permuted)
                permuted += summand
                np.minimum.reduceat(permuted, starts, out=low)
                key ^= low
                key *= np.uint32(0x85EBCA6B)
                key ^= key >> np.uint32(15)
        return found
