"""Refusals of the local account: a status, a code and a message, as the service words them."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):  # noqa: N818  # an answer, not a fault of the program
    """Ends a request with an error answer, which may bring headers."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def not_found_table(name: object) -> Refused:
    """Return the answer for a table that is not there."""
    return Refused(
        404, "ERR_TABLE_DOES_NOT_EXIST_NOT_AUTHORIZED", f"table {name} does not exist or is not authorized"
    )


def not_found_pipe(name: object) -> Refused:
    """Return the answer for a pipe that is not there."""
    return Refused(
        404, "ERR_PIPE_DOES_NOT_EXIST_OR_NOT_AUTHORIZED", f"pipe {name} does not exist or is not authorized"
    )
