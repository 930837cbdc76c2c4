"""Reads CSV: every field is text, as it stands in the file, and the column that takes it converts it.

What a reader guesses from the first rows changes values: 007 becomes 7, 1.10 becomes 1.1, NA a null.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import pyarrow.csv  # makes pa.csv known

from ...errors import DataError
from .parts import Opened
from .paths import told

BLOCK_BYTES = 16 * 1024 * 1024
"""Bytes that are read at once. A row must fit into one, as it must fit into a request."""

HEADER_BYTES = 64 * 1024
"""Bytes that are read for the header, if it fits."""

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
    for size in (HEADER_BYTES, BLOCK_BYTES):
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
    held: pa.RecordBatch | None = None
    try:
        with pa.input_stream(path, compression="detect") as file:
            reader = _reader(_Ended(file, len(names)), names, BLOCK_BYTES)
            if reader.schema.names != names:
                raise DataError(f"the file {told(path)} changed while it was read: its header is another one")
            for batch in reader:
                if batch.num_rows:
                    if held is not None:
                        yield held
                    held = batch
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error) from error
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
