"""Errors of SQL statements."""

from __future__ import annotations

from .service import ServiceError


class SqlError(ServiceError):
    """The service refused a statement, or it failed; a statement that failed has changed nothing.

    Attributes:
        statement: its text as given; the values of its parameters are not in it.
        sql_state: SQLSTATE of the failure, "" where none was reported.
        query_id: the statement's id in the service's query history, "" where none was reported.
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
    """The role may not do it, the object does not exist for it, or the role is not one of this user's.

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
    """The statement took longer than its timeout, and was cancelled: it has changed nothing.

    Attributes:
        timeout_s: the timeout, in seconds.
    """

    timeout_s: float = 0.0


class SqlResultError(SqlError):
    """The statement was done, but its result is too large, or holds values that can't be kept exactly."""


class SqlUnknownError(SqlError):
    """It is unknown whether the statement was done: it may have been, or may still be running.

    Its `request_id` (and its `query_id`, where the service reported one) finds it in the query history.
    """
