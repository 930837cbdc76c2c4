"""Reads a column's values against the type of the target's column: which cells would be rejected.

Cells are judged as they are sent, as JSON: a text, a number, true or false, an array, an object. What a
source's type alone settles is not read at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..target_column import TargetColumn
from .encode.column_writers import decoded_dictionary, key, null_values
from .encode.encoder import Encoder
from .moment_rules import TIME, moment_rule
from .target_types import TargetType, reported_type
from .types import is_bytes, is_json_field, is_list, is_string
from .value_rules import (
    BOOLEAN,
    FLOAT,
    Rule,
    binary_rule,
    json_length_rule,
    length_rule,
    number_rule,
    written_length_rule,
)

INT_DIGITS = 20
"""The longest whole number of 64 bits, without a sign."""

_TAKES_ALL = ("VARIANT", "OTHER")


_Judge: TypeAlias = "Callable[[pa.StringArray], pa.BooleanArray]"


class ColumnJudge:
    """Finds the cells of a field that a target's column does not take.

    Args:
        field: the source's field.
        column: the target's column.

    Attributes:
        needs_values: whether values have to be read, since the types leave it open.
    """

    def __init__(self, field: pa.Field, column: TargetColumn) -> None:
        self._field = field
        self._target = reported_type(column.type)
        self._text = _text_rule(self._target, column)
        self._number = _number_rule(self._target)
        self.needs_values = not _surely_fits(field.type, self._target, limited=column.earliest is not None)
        self._nullable = column.nullable
        if is_json_field(field):
            self.needs_values = not self._takes_all
        elif _is_json(field.type):
            self.needs_values = not self._takes_all or not column.nullable

    @property
    def _takes_all(self) -> bool:
        kind = self._target.kind
        return kind in _TAKES_ALL or (kind == "VARCHAR" and self._target.size is None)

    def refused(self, array: pa.Array, first_row: int) -> pa.BooleanArray:
        """Return which cells are not taken; nulls are not judged here.

        Args:
            array: some of the field's cells.
            first_row: number of the first one's row in the source.

        Raises:
            InvalidValueError: a cell can't be sent at all.
        """
        if pa.types.is_dictionary(array.type):
            array = decoded_dictionary(array)
        if is_string(array.type) and not is_json_field(self._field):
            return self._of_texts(array.cast(pa.string()))
        cells = _cells(array, self._field, first_row)
        first = pc.utf8_slice_codeunits(cells, 0, 1)
        refused = _all(False, cells)
        for starts, judge in self._judges:
            mine = pc.fill_null(pc.is_in(first, pa.array(list(starts))), False)
            if mine.true_count == len(cells):
                return judge(cells)
            if mine.true_count:
                refused = pc.replace_with_mask(refused, mine, pc.fill_null(judge(cells.filter(mine)), False))
        return refused

    @property
    def _judges(self) -> tuple[tuple[str, _Judge], ...]:
        """How cells begin, and what judges them."""
        return (
            ('"', self._of_quoted),
            ("-0123456789", self._of_numbers),
            ("tf", self._of_flags),
            ("[", self._of_arrays),
            ("{", self._of_objects),
            ("n", self._of_written_nulls),
        )

    def _of_quoted(self, cells: pa.StringArray) -> pa.BooleanArray:
        return self._of_texts(_unquoted(cells))

    def _of_arrays(self, cells: pa.StringArray) -> pa.BooleanArray:
        return self._of_nested(cells, "ARRAY")

    def _of_objects(self, cells: pa.StringArray) -> pa.BooleanArray:
        return self._of_nested(cells, "OBJECT")

    def _of_written_nulls(self, cells: pa.StringArray) -> pa.BooleanArray:
        """Judge the source's own JSON that is `null`: a value for VARIANT only."""
        return _all(not self._nullable and self._target.kind != "VARIANT", cells)

    def _of_texts(self, texts: pa.StringArray) -> pa.BooleanArray:
        return self._by(self._text, texts)

    def _of_numbers(self, texts: pa.StringArray) -> pa.BooleanArray:
        return self._by(self._number, texts)

    def _of_flags(self, texts: pa.StringArray) -> pa.BooleanArray:
        if self._takes_all or self._target.kind == "BOOLEAN":
            return _all(False, texts)
        if self._target.kind == "VARCHAR":
            return length_rule(self._target).refused(texts)
        return _all(True, texts)

    def _of_nested(self, texts: pa.StringArray, kind: str) -> pa.BooleanArray:
        if self._takes_all or self._target.kind == kind:
            return _all(False, texts)
        if self._target.kind == "VARCHAR":
            return json_length_rule(self._target).refused(texts)
        return _all(True, texts)

    def _by(self, rule: Rule | bool, texts: pa.StringArray) -> pa.BooleanArray:
        return rule.refused(texts) if isinstance(rule, Rule) else _all(not rule, texts)


def _all(answer: bool, texts: pa.StringArray) -> pa.BooleanArray:
    """Return one answer for all cells that are not null."""
    return texts.is_valid() if answer else pa.repeat(pa.scalar(False), len(texts))


def _text_rule(target: TargetType, column: TargetColumn) -> Rule | bool:
    """Return what texts must be for the target; True if any will do, False if none will."""
    simple: dict[str, Rule | bool] = {"FLOAT": FLOAT, "BOOLEAN": BOOLEAN, "TIME": TIME}
    if target.kind in simple:
        return simple[target.kind]
    if target.kind == "NUMBER":
        return number_rule(target)
    if target.kind == "BINARY":
        return binary_rule(target)
    if target.kind == "DATE" or target.is_timestamp:
        return moment_rule(target, column.earliest, column.latest)
    if target.kind == "VARCHAR":
        return True if target.size is None else length_rule(target)
    return target.kind in _TAKES_ALL


def _number_rule(target: TargetType) -> Rule | bool:
    """Return what bare numbers must be for the target; True if any will do, False if none will."""
    if target.kind == "NUMBER":
        return number_rule(target)
    if target.kind == "FLOAT":
        return FLOAT
    if target.kind == "VARCHAR":
        return True if target.size is None else written_length_rule(target)
    return target.kind in ("BOOLEAN", *_TAKES_ALL)


def _surely_fits(kind: pa.DataType, target: TargetType, *, limited: bool) -> bool:
    """Return whether the source's type alone shows that all of its values are taken."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _surely_fits(kind.value_type, target, limited=limited)
    if target.kind in _TAKES_ALL or (target.kind == "VARCHAR" and target.size is None):
        return True
    return any(matches(kind) and takes(kind, target, limited) for matches, takes in _SURE)


_Takes = Callable[[pa.DataType, TargetType, bool], bool]


def _integer_fits(kind: pa.DataType, target: TargetType, limited: bool) -> bool:
    if target.kind == "NUMBER":
        return (target.size or 38) - target.scale >= INT_DIGITS
    return target.kind in ("FLOAT", "BOOLEAN")


def _decimal_fits(kind: pa.DataType, target: TargetType, limited: bool) -> bool:
    if target.kind != "NUMBER" or kind.scale < 0 or kind.scale > target.scale:
        return False
    return bool(kind.precision - kind.scale <= (target.size or 38) - target.scale)


def _timestamp_fits(kind: pa.DataType, target: TargetType, limited: bool) -> bool:
    return target.kind == "DATE" or (target.is_timestamp and (not limited or kind.unit == "ns"))


def _duration_fits(kind: pa.DataType, target: TargetType, limited: bool) -> bool:
    if target.kind == "NUMBER":
        return (target.size or 38) - target.scale >= INT_DIGITS
    return target.kind == "FLOAT"


_SURE: tuple[tuple[Callable[[pa.DataType], bool], _Takes], ...] = (
    (pa.types.is_null, lambda kind, target, limited: True),
    (pa.types.is_integer, _integer_fits),
    (pa.types.is_floating, lambda kind, target, limited: target.kind == "FLOAT"),
    (pa.types.is_boolean, lambda kind, target, limited: target.kind == "BOOLEAN"),
    (pa.types.is_decimal, _decimal_fits),
    (
        pa.types.is_date,
        lambda kind, target, limited: target.kind == "DATE" or (target.is_timestamp and not limited),
    ),
    (pa.types.is_timestamp, _timestamp_fits),
    (pa.types.is_time, lambda kind, target, limited: target.kind == "TIME"),
    (pa.types.is_duration, _duration_fits),
    (is_bytes, lambda kind, target, limited: target.kind == "BINARY" and target.size is None),
    (is_list, lambda kind, target, limited: target.kind == "ARRAY"),
    (pa.types.is_struct, lambda kind, target, limited: target.kind == "OBJECT"),
    (pa.types.is_map, lambda kind, target, limited: target.kind == "OBJECT"),
)


def _is_json(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json"


def _cells(array: pa.Array, field: pa.Field, first_row: int) -> pa.StringArray:
    """Return each cell's JSON as it is sent, null for nulls."""
    if is_json_field(field):
        return array.cast(pa.string())
    if _is_json(array.type):
        return pc.utf8_trim_whitespace(array.storage.cast(pa.string()))
    missing = null_values(array)
    encoded = Encoder(nulls="emit").encode(pa.record_batch([array], names=[field.name]), first_row)
    borders, data = pa.py_buffer(encoded.borders), pa.py_buffer(encoded.data)
    lines = pa.StringArray.from_buffers(encoded.rows, borders, data)
    cells = pc.utf8_slice_codeunits(lines, len("{" + key(field.name)), -len("}\n"))
    return cells if missing is None else pc.if_else(pa.array(missing), None, cells)


def _unquoted(cells: pa.StringArray) -> pa.StringArray:
    texts = pc.utf8_slice_codeunits(cells, 1, -1)
    if not pc.any(pc.match_substring(texts, "\\")).as_py():
        return texts
    return pa.array([None if cell is None else json.loads(cell) for cell in cells.to_pylist()], pa.string())
