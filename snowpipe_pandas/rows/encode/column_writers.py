"""Columns as segments of rows: every Arrow type has its writer, and nested types are put together here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InvalidValueError
from ...shown import shown
from ..translated import translated
from ..types import is_bytes, is_json_field, is_list, is_string
from .cell_location import CellLocation
from .numbers import is_number, numbers
from .segments import (
    Choice,
    Segment,
    chosen,
    gathered,
    missing_cells,
    offsets_of,
    texts,
    value,
)
from .temporal import dates, durations, times, timestamps
from .text import binary, quoted, strings


def columns(
    fields: Sequence[pa.Field], arrays: Sequence[pa.Array], locations: Sequence[CellLocation]
) -> Iterator[list[Segment]]:
    """Write adjacent columns: values, nulls, and what follows them.

    Raises:
        InvalidValueError: a cell has no JSON form; names column and row.
    """

    def together(number: int) -> object:
        """Return what neighbours that may be written together have in common."""
        kind = arrays[number].type
        return (kind, locations[number].end) if is_number(kind) else number

    for _, run in groupby(range(len(arrays)), together):
        group = list(run)
        if is_number(arrays[group[0]].type):
            yield from numbers([arrays[number] for number in group], locations[group[0]])
        else:
            with translated(f"column {locations[group[0]].column!r}"):
                segments = render(arrays[group[0]], fields[group[0]], locations[group[0]])
            yield segments


def render(array: pa.Array, field: pa.Field, location: CellLocation) -> list[Segment]:
    """Write a column."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _dictionary(array, field, location)
    if is_json_field(field):
        return _json(array, location)
    for matches, writer in _WRITERS:
        if matches(kind):
            return writer(array, location)
    raise TypeError(f"no row JSON form for {kind}")


def json_of(array: pa.Array, field: pa.Field, location: CellLocation) -> pa.StringArray:
    """Return each cell's JSON alone."""
    written = gathered(render(array, field, replace(location, end=",")), len(array))
    return pc.ascii_rtrim(written, characters=",")  # no JSON ends with a comma


def key(name: str) -> str:
    """Return a name as the key of an object."""
    return orjson.dumps(name).decode() + ":"


def null_values(array: pa.Array) -> np.ndarray | None:
    """Return which cells are null, also those that a dictionary or a run makes null; None if none is."""
    if pa.types.is_run_end_encoded(array.type):
        array = decoded_runs(array)
    if pa.types.is_dictionary(array.type) and array.dictionary.null_count:
        array = decoded_dictionary(array)
    return missing_cells(array)


def _json(array: pa.Array, location: CellLocation) -> list[Segment]:
    """Write texts that are JSON already."""
    return value([texts(array.cast(pa.string()))], missing_cells(array), location.end)


def _number(array: pa.Array, location: CellLocation) -> list[Segment]:
    return numbers([array], location)[0]


def _booleans(array: pa.Array, location: CellLocation) -> list[Segment]:
    return value(
        [Choice(("false", "true"), pc.fill_null(array, False).to_numpy(zero_copy_only=False))],
        missing_cells(array),
        location.end,
    )


def _decimals(array: pa.Array, location: CellLocation) -> list[Segment]:
    text = array.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():
        # Arrow writes very small and large numbers with an exponent; the exact digits are wanted.
        text = pa.array([None if v is None else f"{v:f}" for v in array.to_pylist()], pa.string())
    return quoted(text, array, location)


def _dictionary(array: pa.DictionaryArray, field: pa.Field, location: CellLocation) -> list[Segment]:
    """The dictionary's values are written once, unless it is longer than the column."""
    field = pa.field(location.column, array.type.value_type, metadata=field.metadata)
    if len(array.dictionary) > len(array):
        return render(decoded_dictionary(array), field, location)
    try:
        written = gathered(render(array.dictionary, field, location), len(array.dictionary))
    except InvalidValueError:  # names no row; and the value may be one that no row has
        return render(decoded_dictionary(array), field, location)
    return [chosen(written, array.indices, location.end)]


def _nulls(array: pa.Array, location: CellLocation) -> list[Segment]:
    return ["null" + location.end]


def _lists(array: pa.Array, location: CellLocation) -> list[Segment]:
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        borders = np.arange(array.offset, array.offset + len(array) + 1, dtype=np.int64) * size
    else:
        borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    values = array.values.slice(borders[0], borders[-1] - borders[0])
    elements = render(values, array.type.value_field, _inside(location, borders))
    return _collected("[", elements, "]", borders, array, location)


def _structs(array: pa.StructArray, location: CellLocation) -> list[Segment]:
    """Write the fields' segments, one after the other."""
    fields = list(array.type)
    if not fields:
        return value(["{}"], missing_cells(array), location.end)
    # flatten() makes what lies under a null struct null too: it may be invalid.
    ends = [","] * (len(fields) - 1) + ["}"]
    locations = [replace(location, end=end) for end in ends]
    segments: list[Segment] = ["{"]
    for field, written in zip(fields, columns(fields, array.flatten(), locations), strict=True):
        segments += [key(field.name), *written]
    return value(segments, missing_cells(array), location.end)


def _maps(array: pa.MapArray, location: CellLocation) -> list[Segment]:
    borders = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    span = borders[0], borders[-1] - borders[0]
    inside = _inside(location, borders)
    _refuse_doubled(array.keys.slice(*span), borders - borders[0], array, location)
    keys = _keys(array.keys.slice(*span), array.type.key_field, inside)
    items = render(array.items.slice(*span), array.type.item_field, inside)
    return _collected("{", [*keys, *items], "}", borders, array, location)


def _refuse_doubled(keys: pa.Array, borders: np.ndarray, maps: pa.MapArray, location: CellLocation) -> None:
    """Refuse a map that has a key twice: only one of its values would arrive."""
    codes = plain_values(keys).dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(borders) - 1), np.diff(borders))
    pairs = rows * (int(codes.max(initial=0)) + 1) + codes
    _, first = np.unique(pairs, return_index=True)
    if len(first) < len(pairs):
        again = np.setdiff1d(np.arange(len(pairs)), first)[0]
        key_text = shown(keys[int(again)].as_py())
        problem = f"has the key {key_text} twice, and only one of its values would arrive"
        raise location.invalid(int(rows[again]), maps[int(rows[again])].as_py(), problem)


def decoded_dictionary(array: pa.DictionaryArray) -> pa.Array:
    """Return the value of each row; Arrow's own decoding knows no views."""
    return _without_views(array.dictionary).take(array.indices)


def decoded_runs(array: pa.RunEndEncodedArray) -> pa.Array:
    """Return the value of each row; Arrow's own decoding knows no views."""
    values = _without_views(array.values)
    rows = np.arange(array.offset, array.offset + len(array))
    return values.take(pa.array(np.searchsorted(array.run_ends.to_numpy(), rows, side="right")))


def _without_views(values: pa.Array) -> pa.Array:
    if pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    return values.cast(pa.binary()) if pa.types.is_binary_view(values.type) else values


def plain_values(array: pa.Array) -> pa.Array:
    """Return the values of dictionaries and runs."""
    if pa.types.is_dictionary(array.type):
        return plain_values(decoded_dictionary(array))
    return plain_values(decoded_runs(array)) if pa.types.is_run_end_encoded(array.type) else array


def _inside(location: CellLocation, borders: np.ndarray) -> CellLocation:
    """Return the location of the values between the borders, each followed by a comma."""

    def row_of(number: int) -> int:
        return location.row_of(int(np.searchsorted(borders, borders[0] + number, side="right")) - 1)

    return replace(location, row_of=row_of, end=",")


def _collected(
    opening: str,
    elements: list[Segment],
    closing: str,
    borders: np.ndarray,
    parents: pa.Array,
    location: CellLocation,
) -> list[Segment]:
    """Return the elements between each pair of borders as one text: they follow each other in one buffer.

    Three lists [1, 2], [] and [3]: their elements are written as `1,2,3,`, and the lists end at 4, 4 and 6.
    The closing bracket takes the place of the comma after the last element, `1,2]3]`, so that only an empty
    list needs a bracket of its own.
    """
    written = gathered(elements, int(borders[-1] - borders[0]))
    ends = offsets_of(written)[borders - borders[0]]
    full = np.diff(borders) > 0
    data = np.frombuffer(written.buffers()[2] or b"", np.uint8)
    if not data.flags.writeable:
        data = data.copy()
    data[ends[1:][full] - 1] = ord(closing)
    own = pa.StringArray.from_buffers(len(parents), pa.py_buffer(ends), pa.py_buffer(data))
    segments: list[Segment] = [opening, texts(own), Choice((closing, ""), full)]
    return value(segments, missing_cells(parents), location.end)


def _keys(values: pa.Array, field: pa.Field, location: CellLocation) -> list[Segment]:
    """Keys are strings in JSON: other values get quotes."""
    if is_string(values.type):
        return strings(values, replace(location, end=":"))
    text = json_of(values, field, location)
    bare = np.asarray(pc.invert(pc.starts_with(text, '"')).to_numpy(zero_copy_only=False))
    quote = Choice(("", '"'), bare)
    return [quote, texts(text), quote, ":"]


def _extension(array: pa.ExtensionArray, location: CellLocation) -> list[Segment]:
    """`arrow.json` is copied unchanged, `arrow.uuid` as text."""
    if array.type.extension_name == "arrow.json":
        return _json(_checked_json(array.storage.cast(pa.string()), location), location)
    written = [None if cell is None else str(cell) for cell in array.to_pylist()]
    return quoted(pa.array(written, pa.string()), array, location)


def _checked_json(array: pa.StringArray, location: CellLocation) -> pa.StringArray:
    """Refuse text that is not JSON; a newline between its parts becomes a space."""
    for number, text in enumerate(array.to_pylist()):
        try:
            orjson.loads(text if text is not None else "null")
        except ValueError as error:
            raise location.invalid(number, text, f"is not JSON ({error})") from None
    return pc.replace_substring(pc.replace_substring(array, "\n", " "), "\r", " ")


def _run_ends(array: pa.RunEndEncodedArray, location: CellLocation) -> list[Segment]:
    return render(decoded_runs(array), pa.field(location.column, array.type.value_type), location)


_WRITERS: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, CellLocation], list[Segment]]], ...
] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (is_number, _number),
    (pa.types.is_boolean, _booleans),
    (is_string, strings),
    (pa.types.is_timestamp, timestamps),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, dates),
    (pa.types.is_time, times),
    (pa.types.is_duration, durations),
    (is_bytes, binary),
    (pa.types.is_null, _nulls),
    (is_list, _lists),
    (pa.types.is_struct, _structs),
    (pa.types.is_map, _maps),
    (pa.types.is_run_end_encoded, _run_ends),
)
