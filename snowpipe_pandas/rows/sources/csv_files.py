"""Reads CSV: every field is text, as it stands in the file, and the column that takes it converts it.

What a reader guesses from the first rows changes values: 007 becomes 7, 1.10 becomes 1.1, NA a null.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import pyarrow.csv  # makes pa.csv known

from ...errors import DataError
from .datasets import rows_between
from .parts import Opened
from .paths import told

BLOCK_BYTES = 1024 * 1024
"""Bytes that are parsed at once; Arrow reads 32 such blocks ahead."""

LARGE_BLOCK_BYTES = 16 * 1024 * 1024
"""The same, where a row does not fit into the others; a longer row does not fit into a request either."""

HEADER_BYTES = 64 * 1024
"""Bytes that are parsed for the header, if it fits."""

_TOO_LONG = "straddl"
"""In Arrow's message about a row that does not fit into its block."""

_END = "\x02the end\x03"
"""Written behind the last row, one in each column: where it is no row of its own, a quote was left open."""

_OTHER_FORM = "for another encoding or form: pd.read_csv(path, encoding=..., sep=..., dtype=str)"


def open_csv(path: str) -> Opened:
    """Open a file of CSV in UTF-8, with a header, commas and double quotes; it is read in order.

    A field without anything is null, an empty one in quotes is an empty text.

    Raises:
        DataError: there is no header.
    """
    names = _header(path)
    schema = pa.schema([(name, pa.string()) for name in names])
    return Opened(schema, None, partial(_rows, path, names))


def _header(path: str) -> list[str]:
    with pa.input_stream(path, compression="detect", buffer_size=HEADER_BYTES) as file:
        start = file.read(3)
    if not start:
        raise DataError(f"the file {told(path)} is empty: it has not even a header; leave it out")
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise DataError(f'the file {told(path)} is UTF-16: pd.read_csv(path, encoding="utf-16", dtype=str)')
    for size in (HEADER_BYTES, LARGE_BLOCK_BYTES):
        try:
            with pa.input_stream(path, compression="detect") as file:
                return list(_reader(_Ended(file, 0), [], size).schema.names)
        except pa.ArrowInvalid as error:
            problem = _unreadable(path, error)
    raise problem


def _unreadable(path: str, error: Exception) -> DataError:
    return DataError(f"the file {told(path)} can't be read: {error}; {_OTHER_FORM}")


def _reader(file: _Ended, names: list[str], block: int) -> pa.csv.CSVStreamingReader:
    return pa.csv.open_csv(
        file,
        read_options=pa.csv.ReadOptions(block_size=block, use_threads=False),
        # An empty line is a row where rows have one field, as RFC 4180 has it.
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) != 1),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _rows(path: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows; where one is too long for a block, the file is read once more, in larger ones."""
    given = 0
    try:
        for batch in _read(path, names, BLOCK_BYTES):
            given += batch.num_rows
            yield batch
    except pa.ArrowInvalid as error:
        if _TOO_LONG not in str(error):
            raise _unreadable(path, error) from error
    else:
        return
    try:
        yield from rows_between(_read(path, names, LARGE_BLOCK_BYTES), given, sys.maxsize)
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error) from error


def _read(path: str, names: list[str], block: int) -> Iterator[pa.RecordBatch]:
    held: pa.RecordBatch | None = None
    with pa.input_stream(path, compression="detect") as file:
        for batch in _reader(_Ended(file, len(names)), names, block):
            if batch.num_rows:
                if held is not None:
                    yield held
                held = batch
    if held is None or {column[-1].as_py() for column in held.columns} != {_END}:
        raise DataError(
            f"the file {told(path)} ends within quotes: one was left open somewhere, or the file is cut off"
        )
    yield held.slice(0, held.num_rows - 1)


class _Ended:
    """A file with one more row behind its last one. It is read by Arrow, as a file of Python."""

    closed = False

    def __init__(self, file: pa.NativeFile, columns: int) -> None:
        self._file = file
        self._last = b"\n"
        self._end = ",".join([_END] * columns).encode() + b"\n"

    def read(self, size: int) -> bytes:
        """Read so many bytes, fewer at the end."""
        data: bytes = self._file.read(size)
        self._last = data[-1:] or self._last
        room = size - len(data)
        if room and self._end:
            if self._last not in b"\r\n":
                self._last, self._end = b"\n", b"\n" + self._end
            data, self._end = data + self._end[:room], self._end[room:]
        return data

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def writable(self) -> bool:
        """Tell that it can't be written."""
        return False

    def seekable(self) -> bool:
        """Tell that it is read in order."""
        return False

    def close(self) -> None:
        """Leave the file to whom it belongs."""
