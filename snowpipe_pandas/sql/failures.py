"""What an answer means that is not a result: one error for each, with what to do next."""

from __future__ import annotations

from typing import TypeVar

from ..errors import (
    ServiceError,
    SqlError,
    SqlPrivilegeError,
    SqlTimeoutError,
    SqlUnknownError,
    ThrottledError,
    WarehouseError,
)
from ..rest import fields
from ..rest.answers import Answer
from .context import Context

E = TypeVar("E", bound=SqlError)

NO_WAREHOUSE = "000606"
_WAREHOUSE_STOPPED = frozenset({"090073"})
"""It can't be resumed, since its resource monitor's quota is used up."""
_TIMED_OUT = frozenset({"000630"})
CANCELLED = "000604"
_NO_PRIVILEGE = frozenset({"003001", "003540", "003041"})
_NOT_THERE = frozenset({"002003", "002043", "390201"})
ROLE_REFUSED = frozenset({"390186", "390189"})
TOO_LARGE = "391908"
_NO_PRIVILEGE_STATE = "42501"
_STATEMENT_LIMIT = 120


def is_conclusive(answer: Answer) -> bool:
    """Return whether an answer is the SQL API's own about a statement, so that nothing is sent again."""
    own = isinstance(answer.field("sqlState"), str) or isinstance(answer.field("statementHandle"), str)
    return own and (answer.status < 300 or answer.status in (408, 422))


def shown_statement(statement: str) -> str:
    """Return the beginning of a statement on one line, for messages."""
    words = " ".join(statement.split())
    return words if len(words) <= _STATEMENT_LIMIT else words[: _STATEMENT_LIMIT - 3] + "..."


def failed(answer: Answer, statement: str, context: Context, timeout_s: float) -> SqlError:
    """Return the error of a statement that the service refused, or that failed."""
    code = answer.code
    kind, hint = _meaning(answer, context)
    if answer.status == 408 or code in _TIMED_OUT:
        return timed_out(answer, statement, timeout_s)
    text = f"the statement failed ({answer.reason}): {shown_statement(statement)}{hint}"
    error = _made(kind, text, answer, statement)
    if isinstance(error, SqlPrivilegeError):
        error.role = context.role
    if isinstance(error, WarehouseError):
        error.warehouse = context.warehouse
    return error


def _meaning(answer: Answer, context: Context) -> tuple[type[SqlError], str]:
    code, warehouse = answer.code, context.warehouse
    if code == NO_WAREHOUSE:
        given = (
            f"; warehouse {warehouse} is not there for this role, can't be used by it, or is suspended and "
            "no statement starts it"
            if warehouse
            else "; this statement needs a warehouse, and none is set"
        )
        return WarehouseError, (
            f"{given}: give one with connect(warehouse=...) or SNOWFLAKE_WAREHOUSE, and grant USAGE on it to "
            f"{_role(context)}"
        )
    if code in _WAREHOUSE_STOPPED:
        return WarehouseError, "; the warehouse is suspended and can't be resumed: resume it or give another"
    if code in ROLE_REFUSED:
        wanted = f"role {context.role}" if context.role else "the user's default role"
        return SqlPrivilegeError, f"; {wanted} is none of this user's: give another as connect(role=...)"
    if code in _NO_PRIVILEGE or answer.field("sqlState") == _NO_PRIVILEGE_STATE:
        return SqlPrivilegeError, f"; {_role(context)} may not do this: have it granted, or give role="
    if code in _NOT_THERE:
        return SqlPrivilegeError, f"; check the name, and that {_role(context)} may use it"
    return SqlError, ""


def may_be_missing(error: SqlError) -> bool:
    """Return whether a statement may have failed because an object that it names does not exist."""
    return type(error) is SqlError or error.code in _NOT_THERE


def timed_out(answer: Answer | None, statement: str, timeout_s: float, handle: str = "") -> SqlTimeoutError:
    """Return the error of a statement that was cancelled because it took too long."""
    text = (
        f"the statement took longer than timeout_s={timeout_s:g} and was cancelled; nothing was changed: "
        f"{shown_statement(statement)}; give it more time, or a larger warehouse"
    )
    error = (
        SqlTimeoutError(text, statement=statement, query_id=handle)
        if answer is None
        else _made(SqlTimeoutError, text, answer, statement)
    )
    error.timeout_s = timeout_s
    return error


def unknown(
    why: str, statement: str, *, request_id: str, handle: str = "", status: int = 0, code: str = ""
) -> SqlUnknownError:
    """Return the error of a statement that was possibly done: that is unknown."""
    found = f"query id {handle}" if handle else f"request id {request_id}"
    return SqlUnknownError(
        f"it is unknown whether the statement ran ({why}): {shown_statement(statement)}; look it up in the "
        f"query history ({found}) before it is run again",
        statement=statement,
        status=status,
        code=code,
        query_id=handle,
        request_id=request_id,
    )


def not_run(answer: Answer, action: str) -> ServiceError:
    """Return the error of a request that was refused before anything was run."""
    error = answer.error(action)
    if isinstance(error, ThrottledError):
        error.args = (f"{error}; the statement was not run",)
    return error


def _made(kind: type[E], text: str, answer: Answer, statement: str) -> E:
    return kind(
        text,
        statement=statement,
        status=answer.status,
        code=answer.code,
        sql_state=_text(answer, "sqlState", 10),
        query_id=_text(answer, "statementHandle", 100),
        request_id=answer.request_id,
    )


def _text(answer: Answer, name: str, limit: int) -> str:
    return fields.text({name: answer.field(name)}, name, limit) or ""


def _role(context: Context) -> str:
    return f"role {context.role}" if context.role else "the user's default role"
