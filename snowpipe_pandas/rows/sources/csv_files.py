"""Reads CSV: every field is text, as it is in the file, and the column that takes it converts it.

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
from ...shown import shown
from .datasets import rows_between
from .parts import Opened
from .paths import shown_path

BLOCK_BYTES = 1024 * 1024
"""Bytes that are parsed at once; Arrow reads 32 such blocks ahead."""

LARGE_BLOCK_BYTES = 16 * 1024 * 1024
"""The same, if a row does not fit into smaller blocks; a longer row does not fit into a request either."""

HEADER_BYTES = 64 * 1024
"""Bytes that are parsed for the header, if it fits."""

_TOO_LONG = "straddl"
"""In Arrow's message about a row that does not fit into its block."""

_NOTHING = "Empty CSV file"
"""In Arrow's message about a header without rows, if it has no line break."""

_OTHER_FORM = "for another encoding or form: pd.read_csv(path, encoding=..., sep=..., dtype=str)"


def open_csv(path: str) -> Opened:
    """Open a file of CSV in UTF-8, with a header, commas and double quotes; it is read in order.

    An empty field is null; an empty field in quotes is an empty text.

    Raises:
        DataError: there is no header.
    """
    names = _header(path)
    if len(names) == 1 and (other := next((sign for sign in ";\t|" if sign in names[0]), None)):
        raise DataError(
            f"the file {shown_path(path)} has one column, {shown(names[0])}, if commas separate its fields; "
            f"with another separator: pd.read_csv(path, sep={other!r}, dtype=str)"
        )
    schema = pa.schema([(name, pa.string()) for name in names])
    return Opened(schema, None, partial(_rows, path, names))


def _header(path: str) -> list[str]:
    problem = DataError(f"the file {shown_path(path)} is empty, without even a header; leave it out")
    for size in (HEADER_BYTES, LARGE_BLOCK_BYTES):
        with pa.input_stream(path, compression="detect") as file:
            start = file.read(size)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise DataError(
                f'the file {shown_path(path)} is UTF-16: pd.read_csv(path, encoding="utf-16", dtype=str)'
            )
        if start:
            try:
                return list(_reader(pa.BufferReader(start + b"\n"), [], size).schema.names)
            except pa.ArrowInvalid as error:
                problem = _unreadable(path, error)
    raise problem


def _unreadable(path: str, error: Exception) -> DataError:
    return DataError(f"the file {shown_path(path)} can't be read: {error}; {_OTHER_FORM}")


def _reader(file: pa.NativeFile, names: list[str], block: int) -> pa.csv.CSVStreamingReader:
    return pa.csv.open_csv(
        file,
        read_options=pa.csv.ReadOptions(block_size=block, use_threads=False),
        # An empty line is a row if rows have one field, as in RFC 4180.
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) != 1),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _rows(path: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows; if one is too long for a block, the file is read again, in larger ones."""
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
    """Yield the rows; the last ones only once it is certain that they end where the file does.

    Arrow reads in a thread of its own, so the file is one of Arrow's too: a thread that reads through Python
    when the process ends would abort it.
    """
    held: pa.RecordBatch | None = None
    with pa.input_stream(path, compression="detect") as file:
        try:
            reader = _reader(file, names, block)
        except pa.ArrowInvalid as error:
            if _NOTHING in str(error):
                return
            raise
        for batch in reader:
            if batch.num_rows:
                if held is not None:
                    yield held
                held = batch
    if held is not None:
        _check_closed(path, held.column(held.num_columns - 1)[-1].as_py())
        yield held


def _check_closed(path: str, last: str | None) -> None:
    """Refuse a file that ends within quotes: Arrow takes what follows them as the last value."""
    quoted = b'"' + (last or "").encode().replace(b'"', b'""')
    end = _end_of(path, len(quoted) + 3)
    if end.endswith(quoted) and not end.rstrip(b"\r\n").endswith(quoted + b'"'):
        raise DataError(
            f"the file {shown_path(path)} ends within quotes: one was left open somewhere, "
            "or the file is cut off"
        )


def _end_of(path: str, size: int) -> bytes:
    """Return the last bytes of a file, decompressed."""
    end = b""
    with pa.input_stream(path, compression="detect") as file:
        if file.seekable():
            file.seek(max(0, file.size() - size))
        while block := file.read(BLOCK_BYTES):
            end = (end + block)[-size:]
    return end
