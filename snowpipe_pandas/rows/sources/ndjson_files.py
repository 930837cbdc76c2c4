"""Reads files of one JSON object per line: rows become dicts that lose no digit and no key."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from io import BufferedReader
from itertools import islice
from json import JSONDecoder
from typing import Any

import pyarrow as pa

from ...errors import DataError, EmptySourceError
from ..encode.cell_location import BinaryFormat
from ..translated import translated
from .dicts import CHUNK_ROWS
from .parts import Opened, Part, joined
from .paths import shown_path
from .stamps import unchanged

BLOCK_BYTES = 1024 * 1024
"""Bytes that are read at once; in between, other threads may run."""

ADVICE = (
    "to have all rows looked at before the first is sent, pass them as a list: "
    "[json.loads(line) for line in open(path)]"
)

OpenDicts = Callable[[list[Any], int], Opened]
"""Opens rows; the second argument is the number of the first one in the whole source."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    path: str
    first_line: int
    rows: list[Any]


def open_ndjson(paths: list[str], open_dicts: OpenDicts, binary_format: BinaryFormat) -> Opened:
    """Open files of NDJSON in UTF-8; types are decided 10,000 rows at a time, as for dicts from a generator.

    Raises:
        EmptySourceError: there are no rows, so there are no columns.
        DataError: a line is not a JSON object.
    """
    chunks = _chunks(paths)

    def part(number: int, first_row: int) -> Part | None:
        chunk = next(chunks, None)
        if chunk is None:
            return None
        where = f"from line {chunk.first_line:,} on, the file {shown_path(chunk.path)}"
        return Part(open_dicts(chunk.rows, first_row), where, of_dicts=True, advice=ADVICE)

    first = part(0, 0)
    if first is None:
        raise EmptySourceError("the files have no rows, so their columns are not known")
    return joined(first, part, binary_format)


def _chunks(paths: list[str]) -> Iterator[_Chunk]:
    for path in paths:
        what = f"the file {shown_path(path)}"
        with translated(what), unchanged(path), pa.input_stream(path, compression="detect") as file:
            rows = _rows(what, BufferedReader(file, BLOCK_BYTES))
            while chunk := list(islice(rows, CHUNK_ROWS)):
                yield _Chunk(path, chunk[0][0], [row for _, row in chunk])


def _rows(what: str, lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows with the numbers of their lines; blank lines are skipped."""
    exact: list[Decimal] = []
    decode = JSONDecoder(
        object_pairs_hook=_object, parse_float=partial(_number, exact), parse_constant=_no_number
    ).decode
    for number, line in enumerate(lines, start=1):
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if line.isspace() or not line:
            continue
        try:
            row = decode(line.decode())
        except (ValueError, RecursionError) as error:
            raise DataError(f"{what}, line {number:,}, is not a JSON object: {error}{_form(line)}") from None
        if not isinstance(row, dict):
            raise DataError(
                f"{what}, line {number:,}, is not a JSON object but of type {type(row).__name__}{_form(line)}"
            )
        if exact:
            _refuse_inner_decimals(what, number, row)
            exact.clear()
        yield number, row


def _form(line: bytes) -> str:
    if line.lstrip().startswith(b"["):
        return "; if the file is one array, pass its rows: json.load(open(path))"
    if line.strip() == b"{":
        return "; each row must be on a line of its own"
    return ""


def _refuse_inner_decimals(what: str, number: int, row: dict[str, Any]) -> None:
    """Refuse decimals inside of dicts, where they would become text; a column sends them with all digits."""
    for name, value in row.items():
        if isinstance(value, dict | list) and (odd := _decimal_in(value)) is not None:
            raise DataError(
                f"{what}, line {number:,}: {odd} in column {name!r} has more digits than a float holds; "
                "write it as a string in the file",
                columns=[name],
            )


def _decimal_in(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((odd for item in inner if (odd := _decimal_in(item)) is not None), None)


def _number(exact: list[Decimal], text: str) -> float | Decimal:
    """Read a number with a fraction or an exponent: as a float if that is the same number, else with all of
    its digits, which also go into `exact`."""
    number = float(text)
    if len(text) < 16 and "e" not in text and "E" not in text:
        return number
    whole = Decimal(text)
    if Decimal(repr(number)) == whole:
        return number
    exact.append(whole)
    return whole


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the key {next(n for n in names if names.count(n) > 1)!r} twice")
    return found
