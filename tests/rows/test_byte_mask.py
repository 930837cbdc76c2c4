"""ByteMask of bytes, against what NumPy finds byte by byte."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from snowpipe_pandas.rows.encode.byte_mask import WORTHWHILE, ByteMask

sizes = st.integers(0, 200)
close = st.sets(st.integers(0, 199))
far = st.integers(WORTHWHILE, 40).map(lambda step: set(range(3, 200, step)))


def marks_of(size, marked):
    """ByteMask for this many bytes, and the flags as NumPy alone has them."""
    flags = np.isin(np.arange(size), list(marked))
    marks = ByteMask(size)
    marks.flags[:] = flags
    return marks, flags


@given(sizes, close | far)
@example(0, set())
@example(8 * WORTHWHILE, {3, 4})  # far apart on average, and yet two in one word
@example(8 * WORTHWHILE, {7, 8})
def test_every_mark_is_found(size, marked):
    marks, flags = marks_of(size, marked)
    assert marks.positions().tolist() == np.flatnonzero(flags).tolist()
    assert marks.positions_apart(int(flags.sum())).tolist() == np.flatnonzero(flags).tolist()


@given(sizes, close | far)
def test_marks_before_every_border_are_counted(size, marked):
    marks, flags = marks_of(size, marked)
    borders = np.arange(size + 1, dtype=np.int32)
    assert marks.before(borders).tolist() == [int(flags[:border].sum()) for border in borders]
