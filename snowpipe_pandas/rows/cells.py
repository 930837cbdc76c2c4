"""One column as JSON text: every Arrow type by kernels, whole arrays at a time.

`render` returns texts without nulls. Numbers are written by orjson, whose shortest round-trip digits
cost a third of Arrow's own, and come with the separator that follows them; texts that need quotes come
without them, so that the row's constant pieces can carry the quotes for free.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidValueError
from .types import is_json_field

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


@dataclass(frozen=True, slots=True)
class Cells:
    """A rendered column.

    Attributes:
        text: the values' texts, no nulls; at missing cells it is empty if `missing` is set.
        quoted: the texts belong between quotes.
        missing: which cells are null (bool array), None where the text has "null" already or none is.
    """

    text: pa.StringArray
    quoted: bool = False
    missing: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands: for messages, and what follows its cells.

    Attributes:
        column: the column's name.
        first_row: the number of the first cell's row in the whole source.
        end: separator to write behind each cell that is not quoted.
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
        return _bare(array, place)
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


def _quoted(text: pa.StringArray, nulls_of: pa.Array) -> Cells:
    return Cells(without_nulls(text), quoted=True, missing=missing_cells(nulls_of))


def _bare(array: pa.Array, place: Place) -> Cells:
    """Texts that are JSON values already; the separator is added, nulls become "null"."""
    text = pc.fill_null(array.cast(pa.string()), _NULL)
    return Cells(pc.binary_join_element_wise(text, place.end, "") if place.end else text)


def _numbers(array: pa.Array, place: Place) -> Cells:
    """Integers and floats through orjson: one buffer of digits, split at its commas."""
    values = array.to_numpy(zero_copy_only=False) if array.null_count == 0 else _filled(array)
    if len(values) == 0:
        return Cells(pa.array([], pa.string()))
    raw = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    digits = np.frombuffer(raw, np.uint8).copy()
    commas = np.flatnonzero(digits == ord(","))
    offsets = np.empty(len(values) + 1, np.int32)
    offsets[0] = 1
    offsets[1:-1] = commas + 1
    offsets[-1] = len(digits)
    end = ord(place.end) if place.end else ord(",")
    digits[-1] = end
    if end != ord(","):
        digits[commas] = end
    text = pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(digits))
    if not place.end:
        text = pc.ascii_rtrim(text, characters=",")
    return Cells(text)


def _filled(array: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False))


def _integers(array: pa.Array, place: Place) -> Cells:
    cells = _numbers(array, place)
    if array.null_count == 0:
        return cells
    return Cells(pc.if_else(array.is_valid(), cells.text, _NULL + place.end))


def _floats(array: pa.Array, place: Place) -> Cells:
    """orjson writes NaN and infinity as null, so nulls become NaN first and real NaN is put back as text."""
    if pa.types.is_float16(array.type):
        return _bare(pa.array([_half_text(value) for value in array.to_pylist()], pa.string()), place)
    values = array.to_numpy(zero_copy_only=False)
    cells = _numbers(pa.array(values), place)
    if np.isfinite(values).all() or (
        int(np.isnan(values).sum()) == array.null_count and not np.isinf(values).any()
    ):
        return cells
    special = pc.case_when(
        pc.make_struct(pc.is_nan(array), pc.equal(array, float("inf")), pc.equal(array, float("-inf"))),
        f'"NaN"{place.end}',
        f'"inf"{place.end}',
        f'"-inf"{place.end}',
        cells.text,
    )
    return Cells(special)


def _half_text(value: float | None) -> str | None:
    if value is None:
        return None
    if not np.isfinite(value):
        return f'"{"NaN" if np.isnan(value) else "inf" if value > 0 else "-inf"}"'
    return str(np.float16(value))


def _booleans(array: pa.Array, place: Place) -> Cells:
    choices = pa.array([f"false{place.end}", f"true{place.end}", f"{_NULL}{place.end}"])
    indices = pc.fill_null(array.cast(pa.int8()), 2)
    return Cells(pa.DictionaryArray.from_arrays(indices, choices).cast(pa.string()))


def _strings(array: pa.Array, place: Place) -> Cells:
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    return replace(_quoted(_escaped(_valid_utf8(text, place)), text))


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
    text = _with_t(text, width)
    if array.type.tz is not None:
        text = pc.binary_join_element_wise(text, "Z", "")
        if array.null_count:
            text = pc.if_else(array.is_valid(), text, "")
    return _quoted(text, array)


def _with_t(text: pa.StringArray, width: int) -> pa.StringArray:
    """Put ISO 8601's `T` where Arrow writes a space; texts are equally wide, so it is a column of bytes."""
    offsets = offsets_of(text)
    size = int(offsets[-1] - offsets[0])
    if size == 0:
        return text
    data = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].copy()
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
    values = (
        _filled(array.view(pa.int64())).astype(object)
        if _has_least(array)
        else _filled(array.view(pa.int64()))
    )
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
    values = render(array.dictionary, pa.field(place.column, array.type.value_type), place)
    text = values.text
    if values.missing is not None:
        text = pc.if_else(pa.array(~values.missing), text, None)
    taken = text.take(array.indices)
    if values.quoted:
        return _quoted(taken, taken)
    return Cells(pc.fill_null(taken, _NULL + place.end))


def _nulls(array: pa.Array, place: Place) -> Cells:
    return Cells(pa.repeat(pa.scalar(_NULL + place.end), len(array)))


def _lists(array: pa.Array, place: Place) -> Cells:
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        borders = np.arange(array.offset, array.offset + len(array) + 1, dtype=np.int64) * size
    else:
        borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    values = array.values.slice(borders[0], borders[-1] - borders[0])
    elements = values_text(values, array.type.value_field, place)
    joined = pc.binary_join(
        pa.ListArray.from_arrays(pa.array((borders - borders[0]).astype(np.int32)), elements), ","
    )
    text = pc.binary_join_element_wise("[", joined, "]", "")
    return _bare(pc.if_else(array.is_valid(), text, _NULL), place)


def _structs(array: pa.StructArray, place: Place) -> Cells:
    pieces: list[pa.Array | str] = []
    # flatten() makes what lies under a null struct null too: it may be no proper value.
    for number, (child, values) in enumerate(zip(array.type, array.flatten(), strict=True)):
        lead = "," if number else "{"
        pieces += [f"{lead}{json.dumps(child.name, ensure_ascii=False)}:"]
        pieces += [values_text(values, child, place)]
    text = pc.binary_join_element_wise(*pieces, "}" if pieces else "{}", "") if pieces else None
    if text is None:
        text = pa.repeat(pa.scalar("{}"), len(array))
    return _bare(pc.if_else(array.is_valid(), text, _NULL), place)


def _maps(array: pa.MapArray, place: Place) -> Cells:
    borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    span = borders[0], borders[-1] - borders[0]
    keys = _as_key(values_text(array.keys.slice(*span), array.type.key_field, place))
    items = values_text(array.items.slice(*span), array.type.item_field, place)
    entries = pc.binary_join_element_wise(keys, ":", items, "")
    joined = pc.binary_join(
        pa.ListArray.from_arrays(pa.array((borders - borders[0]).astype(np.int32)), entries), ","
    )
    text = pc.binary_join_element_wise("{", joined, "}", "")
    return _bare(pc.if_else(array.is_valid(), text, _NULL), place)


def _as_key(text: pa.StringArray) -> pa.StringArray:
    """Keys are strings in JSON: what is no string yet gets its quotes."""
    return pc.if_else(pc.starts_with(text, '"'), text, pc.binary_join_element_wise('"', text, '"', ""))


def values_text(array: pa.Array, field: pa.Field, place: Place) -> pa.StringArray:
    """Render nested values as complete JSON texts: quotes and "null" included, no separator."""
    cells = render(array, field, replace(place, end=""))
    if not cells.quoted:
        return cells.text
    text = pc.binary_join_element_wise('"', cells.text, '"', "")
    return text if cells.missing is None else pc.if_else(pa.array(~cells.missing), text, _NULL)


def _extension(array: pa.ExtensionArray, place: Place) -> Cells:
    """`arrow.json` goes in as it is, `arrow.uuid` as text; other extensions as their storage."""
    name = array.type.extension_name
    if name == "arrow.json":
        return _bare(array.storage, place)
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


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, Place], Cells]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (_is_string, _strings),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _durations),
    (_is_binary, _bytes),
    (pa.types.is_null, _nulls),
    (_is_list, _lists),
    (pa.types.is_struct, _structs),
    (pa.types.is_map, _maps),
    (pa.types.is_run_end_encoded, _run_ends),
)
