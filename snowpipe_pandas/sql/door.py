"""The public entry: checks the arguments, runs the statement, makes the DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import arguments
from ..errors import SqlResultError
from ..rest.caller import Caller
from ..rest.planes import Planes
from .bindings import bindings
from .context import Context as Context
from .failures import shown_statement
from .statements import Statement

if TYPE_CHECKING:
    from .frames import DataFrame as DataFrame

LONGEST_S = 604_800.0
"""Seven days: the longest that the service lets a statement run."""


def run(
    planes: Planes, context: Context, caller: Caller, text: Any, *, params: Any, timeout_s: Any
) -> DataFrame:
    """Run one statement for a client; see `Client.sql`."""
    statement = arguments.text("text", text, example='"SELECT 1 AS N"', wanted="a SQL statement")
    if not statement.strip():
        arguments.refuse("text", text, 'a SQL statement, such as "SELECT 1 AS N"')
    bound = bindings(params)
    seconds = arguments.number("timeout_s", timeout_s, low=1, high=LONGEST_S, example="timeout_s=60")
    result = Statement(planes, context, caller, statement, seconds).result(bound)
    from .frames import UnreadableValueError, frame_of  # imports pandas, which is not needed before

    try:
        return frame_of(result.columns, result.rows)
    except UnreadableValueError as error:
        raise SqlResultError(
            f"the statement was done, but its result can't be kept whole: {error}; its text: "
            f"{shown_statement(statement)}",
            statement=statement,
            status=200,
            query_id=result.query_id,
        ) from None
