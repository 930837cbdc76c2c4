"""Errors of SQL statements."""

from __future__ import annotations

from .service import ServiceError


class SqlError(ServiceError):
    """The service refused a statement, or it failed; a statement that failed has changed nothing.

    Attributes:
        statement: its text, as it was given; the values of its parameters are not in it.
        sql_state: SQLSTATE of the failure, "" where none was told.
        query_id: under which the service's query history knows the statement, "" where none was told.
    """

    def __init__(
        self,
        message: str,
        *,
        statement: str,
        status: int = 422,
        code: str = "",
        sql_state: str = "",
        query_id: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.statement = statement
        self.sql_state = sql_state
        self.query_id = query_id


class SqlPrivilegeError(SqlError):
    """The role may not do it, the object is not there for it, or the role is none of this user's.

    Attributes:
        role: the role of the client's settings, None for the user's default.
    """

    role: str | None = None


class WarehouseError(SqlError):
    """The statement needs a warehouse, and there is none, or it can't run.

    Attributes:
        warehouse: the warehouse of the client's settings, None for the user's default.
    """

    warehouse: str | None = None


class SqlTimeoutError(SqlError):
    """The statement took longer than it was given, and was cancelled: it has changed nothing.

    Attributes:
        timeout_s: what it was given, in seconds.
    """

    timeout_s: float = 0.0


class SqlResultError(SqlError):
    """The statement was done, but its result is too large, or holds what can't be kept whole."""


class SqlUnknownError(SqlError):
    """It can't be known whether the statement was done: it may have been, or may still be running.

    Its `request_id` (and its `query_id`, where the service told one) finds it in the query history.
    """
