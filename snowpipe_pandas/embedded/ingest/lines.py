"""Bodies of appends as lines: where each begins, which body it came from, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Arrow imports this on first use, which at the end of the interpreter, when the last rows are committed, is
# too late: it registers an exit function.
import pyarrow.pandas_compat

BATCH_ROWS = 16_384
"""Lines that are handed to DuckDB together: it reads each such batch in one thread."""

_SPACES = np.isin(np.arange(256), list(b" \t\r\n"))
"""Which bytes are blanks between JSON's tokens."""

_Numbers = np.ndarray[Any, Any]


class Body(Protocol):
    """One append's rows; the first `reject` of them are bad whatever they hold."""

    @property
    def ndjson(self) -> bytes:
        """The rows."""

    @property
    def reject(self) -> int:
        """How many of the first rows are bad."""


def lines_of(bodies: Sequence[Body]) -> pa.Table:
    """Split at newlines, which no JSON string holds unescaped; blank lines and `\\r` are tolerated.

    Returns:
        For each line its number, its text, the number of its body, whether it is to be rejected, and whether
        it ends in another way than one brace after a value: only then can a comma precede the brace.
    """
    parts = [part for number, body in enumerate(bodies) if (part := _lines(number, body)).num_rows]
    table = pa.concat_tables(parts) if parts else _lines(0, _Nothing())
    return table.append_column("number", pa.array(np.arange(table.num_rows)))


class _Nothing:
    """A body without rows."""

    ndjson, reject = b"", 0


def _lines(number: int, body: Body) -> pa.Table:
    """Split one body; its bytes are not copied."""
    ndjson = body.ndjson if body.ndjson.endswith(b"\n") else body.ndjson + b"\n"
    data = np.frombuffer(ndjson, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    offsets = np.concatenate([starts, ends[-1:] + 1])
    lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(ndjson))
    if not ndjson.isascii():
        lines = _as_utf8(lines, ndjson)
    blank = _blank(lines, data, starts, ends)
    table = pa.table({"line": lines, "odd_end": _odd_end(data, starts, ends)})
    if blank.any():
        table = table.filter(pa.array(~blank))
    rejected = np.arange(table.num_rows) < body.reject
    chunk = np.full(table.num_rows, number, np.int32)
    table = table.append_column("rejected", pa.array(rejected)).append_column("chunk", pa.array(chunk))
    return in_batches(table)


def in_batches(lines: pa.Table) -> pa.Table:
    """Cut a table so that DuckDB reads it in several threads."""
    if any(column.num_chunks != 1 for column in lines.columns):
        lines = lines.combine_chunks()
    return pa.Table.from_batches(lines.to_batches(max_chunksize=BATCH_ROWS), lines.schema)


def _as_utf8(lines: pa.LargeStringArray, ndjson: bytes) -> pa.LargeStringArray:
    """Lines that are not UTF-8 become text that is not JSON, so that they alone are rejected."""
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([_text_of(line) for line in ndjson.split(b"\n")[:-1]], pa.large_string())
    return lines


def _text_of(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return "no UTF-8"


def _blank(lines: pa.LargeStringArray, data: _Numbers, starts: _Numbers, ends: _Numbers) -> _Numbers:
    """Return which lines hold blanks only; those that begin and end with one are looked at."""
    suspicious = np.flatnonzero(_SPACES[data[starts]] & _SPACES[data[ends - (ends > starts)]])
    blank = np.zeros(len(ends), bool)
    texts = pc.ascii_trim_whitespace(lines.take(pa.array(suspicious)))
    blank[suspicious] = pc.equal(texts, "").to_numpy(zero_copy_only=False)
    return blank


def _odd_end(data: _Numbers, starts: _Numbers, ends: _Numbers) -> _Numbers:
    last = np.maximum(ends - 1, starts)
    last = np.where(data[last] == ord("\r"), np.maximum(last - 1, starts), last)
    before = data[np.maximum(last - 1, starts)]
    usual: _Numbers = (data[last] == ord("}")) & ~_SPACES[before] & (before != ord(","))
    return np.logical_not(usual)
