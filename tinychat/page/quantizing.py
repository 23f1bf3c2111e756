"""A weight in whole numbers whose frequencies compress well: one scale for the whole matrix."""

import numpy as np
import numpy.typing as npt

from tinychat.quantizing import INT8

HALVINGS = 12  # of the range in which a matrix's scale is looked for


def quantize_matrix(weight: npt.NDArray[np.float32], bits: float) -> tuple[npt.NDArray[np.int8], np.float32]:
    """A weight as numbers from -127 to 127 with an entropy of `bits`, and their one scale.

    For weights that are compressed by their frequencies: at the same size, one scale for all rows gives a squared error
    that is 5% to 30% smaller than a scale for each row with numbers of six bits. (Rows of large numbers get more bits.)
    """
    finest = coarsest = np.float32(np.abs(weight).max() / INT8)
    if not finest:
        return np.zeros(weight.shape, dtype=np.int8), np.float32(1)
    while _entropy(_rounded_all(weight, coarsest)) > bits:
        coarsest *= np.float32(2)
    for _ in range(HALVINGS):
        tried = np.sqrt(finest * coarsest)
        finest, coarsest = (tried, coarsest) if _entropy(_rounded_all(weight, tried)) > bits else (finest, tried)
    return _rounded_all(weight, coarsest), coarsest


def _rounded_all(weight: npt.NDArray[np.float32], scale: np.float32) -> npt.NDArray[np.int8]:
    return np.rint(weight / scale).astype(np.int8)


def _entropy(numbers: npt.NDArray[np.int8]) -> float:
    """Bits that a number takes where each is coded by its frequency."""
    shares = np.bincount(numbers.ravel().view(np.uint8), minlength=256) / numbers.size
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
