"""What a table does with rows that do not fit: whether it keeps them, and whether it takes new columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..names import ObjectName, quote_identifier
from ..rest.of_client import Door
from .catalogue import like_literal

_YES = ("Y", "ON", "TRUE", "YES")
_NO = ("N", "OFF", "FALSE", "NO")
"""The spellings of SHOW: they differ between its columns, and that of error_logging is not documented."""


@dataclass(frozen=True, slots=True)
class TableSettings:
    """What SHOW TABLES shows of a table; None where it does not.

    Attributes:
        error_logging: whether rejected rows are kept in its error table.
        evolves: whether columns that it does not have are added to it.
    """

    error_logging: bool | None
    evolves: bool | None


def read_table_settings(door: Door, table: ObjectName) -> TableSettings | None:
    """Return the settings of a table; None if it does not exist, or not for the door's role."""
    schema = f"{quote_identifier(table.database)}.{quote_identifier(table.schema)}"
    found = door.sql(f"SHOW TABLES LIKE {like_literal(table.name)} IN SCHEMA {schema}").to_dict("records")
    for row in found:
        if row.get("name") == table.name:
            return TableSettings(_flag(row, "error_logging"), _flag(row, "enable_schema_evolution"))
    return None


def _flag(row: Mapping[Any, Any], name: str) -> bool | None:
    text = str(row.get(name)).upper()
    return True if text in _YES else False if text in _NO else None
