"""Weights in eight bits or fewer: each row of a matrix is whole numbers times one scale."""

import numpy as np
import numpy.typing as npt

INT8 = 127  # the largest number of a row
INT6 = 31


def quantize_rows(
    weight: npt.NDArray[np.float32], largest: int = INT8
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """The rows of a weight (out, in) as numbers from -largest to largest, and the scale of each row (out,)."""
    scales = (np.abs(weight).max(axis=1) / largest).astype(np.float32)  # (out,)
    whole = np.rint(weight / np.where(scales == 0, 1, scales)[:, None])
    return whole.astype(np.int8), scales
