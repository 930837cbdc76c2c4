"""Arrow types and their Snowflake columns: the mapping, and the CREATE TABLE of a schema.

The local account imports this module and nothing else of the room, so it imports none of it.
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from ..arguments import plain_text
from ..names import ObjectName, quote_column

JSON_FIELD = {b"snowpipe": b"json"}
"""Metadata of a text field whose values are JSON already (object columns of dicts and lists)."""

UUID_FIELD = {b"snowpipe": b"uuid"}
"""Metadata of a text field whose values were UUID objects."""

INTEGER = "NUMBER(38,0)"
DURATION = "NUMBER(38,9)"


def is_json_field(field: pa.Field) -> bool:
    """Return whether the field's text goes into the row as it is (`JSON_FIELD`)."""
    return field.metadata is not None and field.metadata.get(b"snowpipe") == b"json"


def is_uuid_field(field: pa.Field) -> bool:
    """Return whether the field's texts are those of UUID objects (`UUID_FIELD`)."""
    return field.metadata is not None and field.metadata.get(b"snowpipe") == b"uuid"


def number_field(name: str, precision: int, scale: int) -> pa.Field:
    """Return a text field of the digits of numbers, each with its own scale (Decimal objects)."""
    declared = f"NUMBER({min(38, precision)},{min(38, scale)})"
    return pa.field(name, pa.string(), metadata={b"snowpipe": declared.encode()})


def is_number_field(field: pa.Field) -> bool:
    """Return whether the field's texts are the digits of numbers (`number_field`)."""
    return field.metadata is not None and field.metadata.get(b"snowpipe", b"").startswith(b"NUMBER")


def is_semi_structured(field: pa.Field) -> bool:
    """Return whether the field's values become VARIANT, OBJECT or ARRAY, where a written null is a value."""
    return snowflake_type(field) in ("VARIANT", "OBJECT", "ARRAY")


def snowflake_type(field: pa.Field) -> str:
    """Return the Snowflake column type that takes this field's values.

    Raises:
        TypeError: the type has no row JSON form.

    >>> snowflake_type(pa.field("a", pa.timestamp("ns", "UTC")))
    'TIMESTAMP_TZ(9)'
    """
    if is_json_field(field):
        return "VARIANT"
    if is_number_field(field):
        return str(field.metadata[b"snowpipe"].decode())
    return _column_type(field.type)


@cache  # it is called for each column of each batch
def _column_type(kind: pa.DataType) -> str:
    for matches, name in _RULES:
        if matches(kind):
            return name(kind) if callable(name) else name
    raise TypeError(f"no row JSON form for {kind}; {_advice(kind)}")


def _advice(kind: pa.DataType) -> str:
    """Return what to do with a column of a type that can't be written."""
    if pa.types.is_union(kind):
        return "cast it to one of its types"
    if pa.types.is_interval(kind):
        return "cast it to a duration, or to text"
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return "cast it to a list: .cast(pa.list_(...))"
    if isinstance(kind, pa.BaseExtensionType):
        return f"take its storage ({kind.storage_type}), or cast it to text"
    return "cast it, for example to text: .cast(pa.string())"


def is_string(kind: pa.DataType) -> bool:
    """Return whether the type is text in any of Arrow's layouts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether the type is bytes in any of Arrow's layouts."""
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """Return whether the type is a list in any of Arrow's layouts (except views)."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_varchar(kind: pa.DataType) -> bool:
    return is_string(kind) or bool(pa.types.is_null(kind)) or _extension_name(kind) == "arrow.uuid"


def _extension_name(kind: pa.DataType) -> str:
    return str(kind.extension_name) if isinstance(kind, pa.BaseExtensionType) else ""


def _timestamp(kind: pa.TimestampType) -> str:
    return "TIMESTAMP_NTZ(9)" if kind.tz is None else "TIMESTAMP_TZ(9)"


def _decimal(kind: pa.Decimal128Type) -> str:
    """NUMBER(p,s); a negative scale, which Snowflake lacks, becomes digits before the point."""
    scale = max(0, kind.scale)
    return f"NUMBER({min(38, max(kind.precision - min(0, kind.scale), scale))},{scale})"


def _nested(name: str, *kinds: pa.DataType) -> str:
    for kind in kinds:
        _column_type(kind)
    return name


def _struct(kind: pa.StructType) -> str:
    names = [field.name for field in kind]
    if len(set(names)) < len(names):
        raise TypeError(f"no row JSON form for {kind}: two fields have one name, and only one would arrive")
    return _nested("OBJECT", *(field.type for field in kind))


def _key_type(kind: pa.MapType) -> pa.DataType:
    if _column_type(kind.key_type) in ("ARRAY", "OBJECT", "VARIANT"):
        raise TypeError(f"no row JSON form for keys of {kind.key_type}: keys are strings")
    return kind.key_type


_RULES = (
    (pa.types.is_integer, INTEGER),
    (pa.types.is_floating, "FLOAT"),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_decimal, _decimal),
    (_is_varchar, "VARCHAR"),
    (lambda kind: _extension_name(kind) == "arrow.json", "VARIANT"),
    (pa.types.is_dictionary, lambda kind: _column_type(kind.value_type)),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME(9)"),
    (pa.types.is_duration, DURATION),
    (is_bytes, "BINARY"),
    (pa.types.is_run_end_encoded, lambda kind: _column_type(kind.value_type)),
    (is_list, lambda kind: _nested("ARRAY", kind.value_type)),
    (pa.types.is_struct, _struct),
    (pa.types.is_map, lambda kind: _nested("OBJECT", _key_type(kind), kind.item_type)),
)


def create_table_ddl(schema: pa.Schema, table: str, *, error_logging: bool = False) -> str:
    """Write the `CREATE TABLE` for rows of this schema; fields that are not nullable become NOT NULL.

    Args:
        schema: the rows' fields.
        table: the table's name, `DATABASE.SCHEMA.TABLE`, with quotes where it needs them.
        error_logging: keep rejected rows in the table's error table.

    Column names that are plain identifiers are written in upper case (the service matches names without
    regard to case); others are quoted unchanged.
    """
    columns = [
        f"    {quote_column(field.name)} {snowflake_type(field)}"
        + (" NOT NULL" if not field.nullable else "")
        for field in schema
    ]
    parts = [f"CREATE TABLE {_table_text(table)} (\n", ",\n".join(columns), "\n)"]
    if error_logging:
        parts.append(" ERROR_LOGGING = TRUE")
    return "".join(parts)


def _table_text(table: str) -> str:
    """Check the name by parsing it; a name without database keeps the session's."""
    if plain_text(table) and "." not in table:
        return ObjectName.parse(table, database="X", schema="X").quoted_name
    return str(ObjectName.parse(table))
