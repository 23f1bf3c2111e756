"""Weights in eight bits or fewer: each row of a matrix is whole numbers times one scale."""

import numpy as np
import numpy.typing as npt

INT8 = 127  # the largest number of a row
INT6 = 31
# Of the scale that the largest weight of a row would need: with a smaller one that weight is clipped, and all others
# are finer. With six bits the error is smallest at about 0.8.
CLIPPING = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)


def quantize_rows(
    weight: npt.NDArray[np.float32], largest: int = INT8
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """The rows of a weight (out, in) as numbers from -largest to largest, and the scale of each row (out,).

    Of the scales in CLIPPING each row has the one with the smallest squared error.
    """
    highest = (np.abs(weight).max(axis=1) / largest).astype(np.float32)  # (out,)
    highest[highest == 0] = 1
    scales, smallest = highest, np.full(len(weight), np.inf, dtype=np.float32)
    for share in CLIPPING:
        tried = highest * np.float32(share)
        difference = _rounded(weight, tried, largest) * tried[:, None] - weight
        errors = np.vecdot(difference, difference)
        scales = np.where(errors < smallest, tried, scales)
        smallest = np.minimum(errors, smallest)
    return _rounded(weight, scales, largest).astype(np.int8), scales


def _rounded(weight: npt.NDArray[np.float32], scales: npt.NDArray[np.float32], largest: int) -> npt.NDArray[np.float32]:
    return np.rint(np.clip(weight / scales[:, None], -largest, largest))
