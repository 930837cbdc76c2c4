"""Fetches the rows of an error table, as the local account hands them out."""

from __future__ import annotations

from typing import Any

from ..errors import NotFoundError, UsageError
from ..names import ObjectName, TargetName
from . import paths
from .answers import Answer, Refusal
from .bounds import ROWS_BYTES
from .caller import Caller
from .fields import UnreadableError
from .planes import Planes

ERROR_TABLE_HINT = (
    "an account hands out rejected rows by SQL, where the table was made with ERROR_LOGGING = TRUE: "
    "SELECT * FROM ERROR_TABLE(DATABASE.SCHEMA.TABLE)"
)


def fetch_rejected_rows(
    planes: Planes, pipe: ObjectName, channel: str, target: TargetName, caller: Caller
) -> tuple[list[str], list[list[Any]]]:
    """Fetch the rejected rows of a channel, which may be dropped by now: column names, and a list per row.

    Raises:
        UsageError: no error table, or a service that does not hand it out; says what to run instead.
    """
    action = f"read the rejected rows of {target}"
    try:
        answer = planes.ingest(
            "POST",
            paths.rejected_rows(pipe, channel),
            action=action,
            caller=caller,
            most_bytes=ROWS_BYTES,
        )
        if answer.refusal is not Refusal.NONE:
            raise answer.error(action)
    except NotFoundError as error:
        raise UsageError(f"{error}; {ERROR_TABLE_HINT}") from None
    found = _rows(answer)
    if isinstance(found, str):
        raise answer.unreadable(action, found)
    return found


def _rows(answer: Answer) -> tuple[list[str], list[list[Any]]] | str:
    """Read columns and rows; or say what in them can't be understood."""
    try:
        told = answer.table()
    except UnreadableError as error:
        return str(error)
    columns, rows = told.get("columns"), told.get("rows")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        return "columns is no list of names"
    if len(set(columns)) < len(columns):
        return "columns names one twice"
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == len(columns) for r in rows):
        return "rows is no list of rows with a value for each column"
    return columns, rows
