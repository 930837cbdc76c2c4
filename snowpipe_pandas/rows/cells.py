"""One column as JSON text: every Arrow type by kernels, whole arrays at a time.

Numbers are written by orjson, whose shortest round-trip digits cost half of Arrow's own, and come with
the separator that follows them. Quotes, brackets and zone marks are not written into the texts: they are
told as constants, which the join of the row writes for free.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidValueError
from .types import is_bytes, is_json_field, is_list, is_string

BinaryFormat = Literal["base64", "hex", "utf-8"]

_NULL = "null"
_CONTROL = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}
_UNIT_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_DAY, _LAST_DAY = -719162, 2932896
"""0001-01-01 and 9999-12-31 as days since 1970-01-01."""


Piece: TypeAlias = "str | pa.StringArray"
"""A part of every row: a constant, or a text per row."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A rendered column.

    Attributes:
        pieces: constants and texts that make the values; no nulls. At missing cells all texts are empty.
        before: constant before each value, such as a quote.
        after: constant behind each value.
        missing: which cells are null (bool array), None where none is or the text has "null" already.
        ended: the texts bring the separator that follows a value.
    """

    pieces: tuple[Piece, ...]
    before: str = ""
    after: str = ""
    missing: np.ndarray | None = None
    ended: bool = False

    def framed(self, lead: str, end: str) -> Iterator[Piece]:
        """Yield the column's pieces of a row: `lead` (a key), the value or null, and `end` (a separator)."""
        if self.missing is None:
            yield lead + self.before
            yield from self.pieces
            yield self.after + ("" if self.ended else end)
        else:
            yield lead
            yield choice(self.missing, self.before, _NULL)
            yield from self.pieces
            yield choice(self.missing, self.after + end, end)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands: for messages, and what follows its cells.

    Attributes:
        column: the column's name.
        first_row: the number of the first cell's row in the whole source.
        end: separator that follows each cell, one character.
        binary_format: text form of bytes.
    """

    column: str
    first_row: int
    end: str
    binary_format: BinaryFormat


def render(array: pa.Array, field: pa.Field, place: Place) -> Cells:
    """Write the cells of a column.

    Raises:
        InvalidValueError: a cell has no JSON form; names column and row.
    """
    if is_json_field(field):
        return _bare(array)
    kind = array.type
    for matches, writer in _WRITERS:
        if matches(kind):
            return writer(array, place)
    raise TypeError(f"no row JSON form for {kind}")


def missing_cells(array: pa.Array) -> np.ndarray | None:
    """Return which cells are null, None where none is."""
    if array.null_count == 0:
        return None
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


def without_nulls(text: pa.StringArray) -> pa.StringArray:
    """Return the same texts with empty ones in place of nulls."""
    if text.null_count == 0:
        return text
    offsets = offsets_of(text)
    lengths = np.diff(offsets)
    if lengths[missing_cells(text)].any():
        return pc.fill_null(text, "")
    _, _, data = text.buffers()
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), data)


def offsets_of(text: pa.StringArray) -> np.ndarray:
    """Return the n+1 borders of a text array's values in its data buffer."""
    borders = np.frombuffer(text.buffers()[1], np.int32)
    return borders[text.offset : text.offset + len(text) + 1]


def choice(missing: np.ndarray, present: str, absent: str) -> pa.StringArray:
    """Return one of two constants per cell, by whether it is missing."""
    constants = pa.array([present, absent])
    return pa.DictionaryArray.from_arrays(pa.array(missing.view(np.int8)), constants).cast(pa.string())


def joined(pieces: Iterable[Piece]) -> pa.StringArray:
    """Join pieces row by row. Neighbouring constants are merged first: each piece costs time for each row."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not isinstance(piece, str) or piece:
            merged.append(piece)
    if len(merged) == 1 and not isinstance(merged[0], str):
        return merged[0]
    return pc.binary_join_element_wise(*merged, "")


def _quoted(text: pa.StringArray, nulls_of: pa.Array, *, after: str = '"') -> Cells:
    return Cells((without_nulls(text),), '"', after, missing_cells(nulls_of))


def _bare(array: pa.Array, before: str = "", after: str = "") -> Cells:
    """Texts that are JSON values, but for a constant around them."""
    return Cells((without_nulls(array.cast(pa.string())),), before, after, missing_cells(array))


def _digits(values: np.ndarray, end: str) -> pa.StringArray:
    """Write numbers with orjson: one buffer of digits, split at its commas; each text ends with `end`."""
    # One number more than wanted, so that a comma follows the last wanted one too.
    raw = orjson.dumps(np.append(values, values.dtype.type(0)), option=orjson.OPT_SERIALIZE_NUMPY)
    digits = np.frombuffer(raw, np.uint8)
    commas = np.flatnonzero(digits == ord(","))
    offsets = np.empty(len(values) + 1, np.int32)
    offsets[0] = 1  # behind the opening bracket
    np.add(commas, 1, out=offsets[1:], casting="unsafe")
    if end != ",":
        digits = digits.copy()
        digits[commas] = ord(end)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(digits))


def _integers(array: pa.Array, place: Place) -> Cells:
    if array.null_count == 0:
        return Cells((_digits(array.to_numpy(zero_copy_only=False), place.end),), ended=True)
    text = _digits(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), place.end)
    return Cells((pc.if_else(array.is_valid(), text, _NULL + place.end),), ended=True)


def _floats(array: pa.Array, place: Place) -> Cells:
    """orjson writes NaN and infinity as null, so nulls become NaN first and real NaN is put back as text."""
    if pa.types.is_float16(array.type):
        return _bare(pa.array([_half_text(value) for value in array.to_pylist()], pa.string()))
    values = array.to_numpy(zero_copy_only=False)  # nulls become NaN
    text = _digits(values, place.end)
    if not np.isfinite(values).all() and _has_special(values, array.null_count):
        conditions = [pc.is_nan(array), pc.equal(array, float("inf")), pc.equal(array, float("-inf"))]
        names = [f'"{name}"{place.end}' for name in ("NaN", "inf", "-inf")]
        text = pc.case_when(pc.make_struct(*conditions), *names, text)
    return Cells((text,), ended=True)


def _has_special(values: np.ndarray, nulls: int) -> bool:
    """Whether a NaN that is no null, or an infinity, is among the values."""
    return int(np.isnan(values).sum()) != nulls or bool(np.isinf(values).any())


def _half_text(value: float | None) -> str | None:
    if value is None:
        return None
    if not np.isfinite(value):
        return f'"{"NaN" if np.isnan(value) else "inf" if value > 0 else "-inf"}"'
    return str(np.float16(value))


def _booleans(array: pa.Array, place: Place) -> Cells:
    choices = pa.array([f"false{place.end}", f"true{place.end}", f"{_NULL}{place.end}"])
    indices = pc.fill_null(array.cast(pa.int8()), 2)
    return Cells((pa.DictionaryArray.from_arrays(indices, choices).cast(pa.string()),), ended=True)


def _strings(array: pa.Array, place: Place) -> Cells:
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    return _quoted(_escaped(_valid_utf8(text, place)), text)


def _valid_utf8(text: pa.StringArray, place: Place) -> pa.StringArray:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        for number, value in enumerate(text.cast(pa.binary())):
            try:
                (value.as_py() or b"").decode("utf-8")
            except UnicodeDecodeError:
                raise _invalid(
                    place, number, value.as_py(), "is no valid UTF-8; decode or clean it"
                ) from None
    return text


def _escaped(text: pa.StringArray) -> pa.StringArray:
    """Escape what RFC 8259 wants escaped; one look at the whole buffer tells what there is to do."""
    offsets = offsets_of(text)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]] if len(text) else None
    if data is None or len(data) == 0:
        return text
    if (data == ord("\\")).any():
        text = pc.replace_substring(text, "\\", "\\\\")
    if (data == ord('"')).any():
        text = pc.replace_substring(text, '"', '\\"')
    if data.min() < 0x20:
        for code in np.unique(data[data < 0x20]):
            text = pc.replace_substring(text, chr(code), _CONTROL[chr(code)])
    return text


def _decimals(array: pa.Array, place: Place) -> Cells:
    text = array.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():
        # Arrow writes very small and large numbers with an exponent; the exact digits are wanted.
        text = pa.array([None if v is None else f"{v:f}" for v in array.to_pylist()], pa.string())
    return _quoted(text, array)


def _dates(array: pa.Array, place: Place) -> Cells:
    days = array.cast(pa.date32())
    _check_years(days.cast(pa.int32()), 1, array, place)
    return _quoted(days.cast(pa.string()), array)


def _timestamps(array: pa.Array, place: Place) -> Cells:
    unit = array.type.unit
    _check_years(array.cast(pa.int64()), 86400 * _UNIT_PER_SECOND[unit], array, place)
    local = pa.timestamp(unit)
    text = without_nulls(array.view(pa.int64()).cast(local).cast(pa.string()))
    width = {"s": 19, "ms": 23, "us": 26, "ns": 29}[unit]
    return _quoted(_with_t(text, width), array, after='"' if array.type.tz is None else 'Z"')


def _with_t(text: pa.StringArray, width: int) -> pa.StringArray:
    """Put ISO 8601's `T` where Arrow writes a space; texts are equally wide, so it is a column of bytes."""
    offsets = offsets_of(text)
    size = int(offsets[-1] - offsets[0])
    if size == 0:
        return text
    data = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    if not data.flags.writeable:  # Arrow's fresh buffers are, and this text is nobody else's
        data = data.copy()
    data.reshape(size // width, width)[:, 10] = ord("T")
    return pa.StringArray.from_buffers(
        len(text), pa.py_buffer(np.ascontiguousarray(offsets - offsets[0])), pa.py_buffer(data)
    )


def _check_years(values: pa.Array, per_day: int, array: pa.Array, place: Place) -> None:
    """Refuse years outside of 0001 to 9999, which neither ISO 8601 nor Snowflake has."""
    if values.null_count == len(values):
        return
    limits = pc.min_max(values).as_py()
    low, high = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day - 1
    if limits["min"] >= low and limits["max"] <= high:
        return
    bad = pc.or_(pc.less(values, low), pc.greater(values, high))
    number = pc.index(bad, True).as_py()
    raise _invalid(place, number, values[number].as_py(), "lies outside of the years 0001 to 9999")


def _times(array: pa.Array, place: Place) -> Cells:
    return _quoted(array.cast(pa.string()), array)


def _durations(array: pa.Array, place: Place) -> Cells:
    """Seconds with the unit's fraction, exact: quotient and remainder are written apart."""
    per_second = _UNIT_PER_SECOND[array.type.unit]
    values = np.asarray(pc.fill_null(array.view(pa.int64()), 0).to_numpy(zero_copy_only=False))
    if _has_least(array):
        values = values.astype(object)
    sizes = np.abs(values)
    whole, part = sizes // per_second, sizes % per_second
    sign = pc.if_else(pa.array(np.asarray(values < 0, bool)), "-", "")
    seconds = pa.array(whole.astype(np.int64)).cast(pa.string())
    if per_second == 1:
        text = pc.binary_join_element_wise(sign, seconds, "")
    else:
        # The remainder plus one unit, without its leading 1, is the remainder with leading zeros.
        digits = pa.array((part + per_second).astype(np.int64)).cast(pa.string())
        fraction = pc.utf8_slice_codeunits(digits, 1)
        text = pc.binary_join_element_wise(sign, seconds, ".", fraction, "")
    return _quoted(pc.if_else(array.is_valid(), text, None), array)


def _has_least(array: pa.Array) -> bool:
    """Whether the least 64-bit integer is in it, whose size does not fit 64 bits."""
    return bool(pc.any(pc.equal(array.view(pa.int64()), -(2**63))).as_py())


def _bytes(array: pa.Array, place: Place) -> Cells:
    if place.binary_format == "utf-8":
        return _strings(array.cast(pa.binary()).cast(pa.string(), safe=False), place)
    encode: Callable[[bytes], str] = (
        bytes.hex if place.binary_format == "hex" else lambda value: base64.b64encode(value).decode()
    )
    texts = [None if value is None else encode(value) for value in array.to_pylist()]
    return _quoted(pa.array(texts, pa.string()), array)


def _dictionary(array: pa.DictionaryArray, place: Place) -> Cells:
    """The dictionary's values are rendered once, then taken."""
    cells = render(array.dictionary, pa.field(place.column, array.type.value_type), place)
    text = joined(cells.pieces)
    if cells.missing is not None:
        text = pc.if_else(pa.array(~cells.missing), text, None)
    taken = text.take(array.indices)
    if cells.ended:
        return Cells((pc.fill_null(taken, _NULL + place.end),), ended=True)
    return Cells((without_nulls(taken),), cells.before, cells.after, missing_cells(taken))


def _nulls(array: pa.Array, place: Place) -> Cells:
    return Cells((pa.repeat(pa.scalar(_NULL), len(array)),))


def _lists(array: pa.Array, place: Place) -> Cells:
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        borders = np.arange(array.offset, array.offset + len(array) + 1, dtype=np.int64) * size
    else:
        borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    values = array.values.slice(borders[0], borders[-1] - borders[0])
    elements = _elements(values, array.type.value_field, place)
    return _bare(_collected(elements, borders, array), "[", "]")


def _structs(array: pa.StructArray, place: Place) -> Cells:
    """The fields' pieces, in line: a struct without nulls costs no join of its own."""
    pieces: list[Piece] = []
    last = len(array.type) - 1
    # flatten() makes what lies under a null struct null too: it may be no proper value.
    for number, (field, values) in enumerate(zip(array.type, array.flatten(), strict=True)):
        end = "}" if number == last else ","
        lead = f"{'{' if number == 0 else ''}{json.dumps(field.name, ensure_ascii=False)}:"
        pieces += render(values, field, replace(place, end=end)).framed(lead, end)
    if not pieces:
        return _bare(pc.if_else(array.is_valid(), "{}", None))
    if array.null_count == 0:
        return Cells(tuple(pieces))
    return _bare(pc.if_else(array.is_valid(), joined(pieces), None))


def _maps(array: pa.MapArray, place: Place) -> Cells:
    borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    span = borders[0], borders[-1] - borders[0]
    keys = _keys(array.keys.slice(*span), array.type.key_field, place)
    items = _elements(array.items.slice(*span), array.type.item_field, place)
    entries = pc.binary_join_element_wise(keys, ":", items, "")
    return _bare(_collected(entries, borders, array), "{", "}")


def _elements(values: pa.Array, field: pa.Field, place: Place) -> pa.StringArray:
    """Render nested values, each with a comma behind it."""
    return joined(render(values, field, replace(place, end=",")).framed("", ","))


def _collected(elements: pa.StringArray, borders: np.ndarray, parents: pa.Array) -> pa.StringArray:
    """Join the elements between each pair of borders and drop the comma behind the last one."""
    lists = pa.ListArray.from_arrays(pa.array((borders - borders[0]).astype(np.int32)), elements)
    text = pc.ascii_rtrim(pc.binary_join(lists, ""), characters=",")
    return text if parents.null_count == 0 else pc.if_else(parents.is_valid(), text, None)


def _keys(values: pa.Array, field: pa.Field, place: Place) -> pa.StringArray:
    """Keys are strings in JSON: what is no string yet gets its quotes."""
    text = pc.ascii_rtrim(_elements(values, field, place), characters=",")
    return pc.if_else(pc.starts_with(text, '"'), text, pc.binary_join_element_wise('"', text, '"', ""))


def _extension(array: pa.ExtensionArray, place: Place) -> Cells:
    """`arrow.json` goes in as it is, `arrow.uuid` as text; other extensions as their storage."""
    name = array.type.extension_name
    if name == "arrow.json":
        return _bare(array.storage)
    if name == "arrow.uuid":
        return _quoted(
            pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string()), array
        )
    return render(array.storage, pa.field(place.column, array.type.storage_type), place)


def _run_ends(array: pa.RunEndEncodedArray, place: Place) -> Cells:
    return render(pc.run_end_decode(array), pa.field(place.column, array.type.value_type), place)


def _invalid(place: Place, number: int, value: object, problem: str) -> InvalidValueError:
    row = place.first_row + number
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return InvalidValueError(
        f"column {place.column!r}, row {row} ({shown}): {problem}", column=place.column, row=row, value=value
    )


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, Place], Cells]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (is_string, _strings),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _durations),
    (is_bytes, _bytes),
    (pa.types.is_null, _nulls),
    (is_list, _lists),
    (pa.types.is_struct, _structs),
    (pa.types.is_map, _maps),
    (pa.types.is_run_end_encoded, _run_ends),
)
