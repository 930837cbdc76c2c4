"""Memory for arrays that live as long as a batch is encoded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

LITTLE_BYTES = 4096


def empty(size: int, dtype: npt.DTypeLike) -> np.ndarray:
    """Return an array like `np.empty`, from Arrow's memory pool.

    The C library returns memory of this size to the system as soon as it is free, and the next batch
    waits for new pages: a quarter of the time that floats took. Arrow's pool keeps it for a while. Small
    blocks are kept by both, and come faster from the library.
    """
    kind = np.dtype(dtype)
    if size * kind.itemsize < LITTLE_BYTES:
        return np.empty(size, kind)
    return np.frombuffer(pa.allocate_buffer(size * kind.itemsize), kind)
