"""Refusals of the local account: status, code and message of each, as the service words them, in one place.

A code that is documented, or was seen in the official SDK, is kept; numbers are those of Snowflake's
login service. Where no code is known the account has one of its own, such as ERR_INVALID_REQUEST. What a
client does with each of them is in Snowflake's error-handling page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

INVALID_JWT = "390144"
EXPIRED_JWT = "390318"
INVALID_TOKEN = "390303"  # noqa: S105  # a code
EXPIRED_TOKEN = "390114"  # noqa: S105  # a code

STALE = "STALE_CONTINUATION_TOKEN_SEQUENCER"
INVALID_ROW_SEQUENCER = "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER"
STORAGE_FAILED = "ERR_STORAGE_FAILED"
INVALID_FILE = "ERR_INVALID_FILE"


class Refused(Exception):  # noqa: N818  # an answer, not a fault of the program
    """Ends a request with an error answer, which may have headers of its own."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class SqlRefused(Refused):
    """Ends a statement, with its handle and SQLSTATE as the SQL API returns them."""

    def __init__(self, status: int, code: str, sql_state: str, message: str, handle: str) -> None:
        super().__init__(status, code, message)
        self.sql_state = sql_state
        self.handle = handle


class UploadRefused(Refused):
    """Refuses an upload, in the words and the form of S3."""


def invalid_request(message: str) -> Refused:
    """Return the answer to a request that can't be read."""
    return Refused(400, "ERR_INVALID_REQUEST", message)


def too_large(message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """Return the answer to a body above a limit."""
    return Refused(413, "ERR_PAYLOAD_TOO_LARGE", message, headers)


def throttled(message: str, wait_s: int) -> Refused:
    """Return the answer to a channel that sends too much, with the seconds to wait."""
    return Refused(429, "ERR_THROTTLED", message, {"Retry-After": str(wait_s)})


def unknown_encoding(encoding: str) -> Refused:
    """Return the answer to a body in an unknown encoding."""
    return Refused(415, "ERR_INVALID_REQUEST", f"unknown Content-Encoding {encoding[:40]!r}")


def nothing_at(path: str) -> Refused:
    """Return the answer for a path that means nothing."""
    return Refused(404, "ERR_NOT_FOUND", f"there is nothing at {path}")


def not_for_this_account(host: str) -> Refused:
    """Return the answer to a Host header that is not of this machine's loopback address."""
    return Refused(421, "ERR_INVALID_REQUEST", f"the Host header is not this account's: use {host}")


def wrong_method(method: str, allowed: str) -> Refused:
    """Return the answer to a method that its path does not know."""
    message = f"{method[:20]} is not for this path; it takes {allowed}"
    return Refused(405, "ERR_METHOD_NOT_ALLOWED", message, {"Allow": allowed})


def too_slow(what: str) -> Refused:
    """Return the answer to a request that did not arrive whole in time."""
    return Refused(408, "ERR_REQUEST_TIMEOUT", what, {"Connection": "close"})


def unreadable_request(status: int) -> Refused:
    """Return the answer to bytes that are not HTTP, with the status that the parser hints at."""
    return Refused(status, "ERR_INVALID_REQUEST", "the request is not readable HTTP")


def too_many_connections(limit: int) -> Refused:
    """Return the answer to one connection more than the account holds."""
    headers = {"Retry-After": "1", "Connection": "close"}
    return Refused(503, "ERR_TOO_MANY_CONNECTIONS", f"more than {limit} connections at once", headers)


def failed() -> Refused:
    """Return the answer where the account itself failed: the service's code for that."""
    code = "ERR_GENERAL_EXCEPTION_RETRY_REQUEST"
    return Refused(500, code, "the local account failed on this request")


def no_accept_header() -> Refused:
    """Return the service's answer to a request without an Accept header."""
    return Refused(400, "391902", "the Accept header is missing")


def host_moved() -> Refused:
    """Return the answer of an ingest host that failed over to another one."""
    return Refused(410, "ERR_INGEST_HOST_GONE", "the ingest host failed over: discover it again")


def unauthorized(code: str, message: str) -> Refused:
    """Return the answer to a credential that is not good; the code says which kind of credential."""
    return Refused(401, code, message)


def invalid_jwt(problem: str) -> Refused:
    """Return the answer to a JWT that is not good."""
    return unauthorized(INVALID_JWT, f"JWT token is invalid: {problem}")


def wrong_grant(kind: str) -> Refused:
    """Return the answer to an exchange whose form is not that of its credential's kind."""
    return Refused(400, "390301", f"grant_type or subject_token_type is not that of a {kind}")


def wrong_scope() -> Refused:
    """Return the answer to an exchange for a host of another account."""
    return Refused(400, "390302", "the scope names no ingest host of this account")


def no_public_key() -> Refused:
    """Return the answer to a public key that can't be registered."""
    return Refused(400, "390405", "the text is not an RSA public key in base64")


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


def not_found_channel(name: str) -> Refused:
    """Return the answer for a channel that is not there, with the code that the official SDK knows."""
    return Refused(404, "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED", f"channel {name} does not exist")


def reserved_name(name: str) -> Refused:
    """Return the answer to an open or a drop of the elastic channel, which has neither."""
    return Refused(
        400,
        "ERR_CHANNEL_NAME_IS_RESERVED",
        f"{name} is the name of the elastic channel, which is not opened and not dropped: take another name",
    )


def too_many_channels(pipe: object, limit: int) -> Refused:
    """Return the answer to a new channel of a pipe that has as many as it may."""
    return Refused(
        409, "ERR_CHANNEL_LIMIT_EXCEEDED_FOR_PIPE", f"pipe {pipe} has {limit:,} channels already: drop some"
    )


def too_many_statuses(asked: int, limit: int) -> Refused:
    """Return the answer to a request for more statuses than one request may ask for."""
    return Refused(
        400,
        "ERR_GET_CHANNEL_STATUS_BATCH_TOO_MANY_CHANNELS",
        f"{asked:,} channels in one request for statuses, the limit is {limit:,}",
    )


def uncommitted(name: str) -> Refused:
    """Return the answer to a request that would discard a channel's accepted rows without saying so."""
    return Refused(409, "ERR_CHANNEL_HAS_UNCOMMITTED_DATA", f"channel {name} has uncommitted rows")


def must_be_reopened(name: str, code: str, cause: str | None) -> Refused:
    """Return the answer to an append to a channel that must be reopened first."""
    why = "" if cause is None else f": {cause}"
    return Refused(409, code, f"channel {name} must be reopened{why}")


def stale_continuation(name: str) -> Refused:
    """Return the answer to a continuation token that is used or of an earlier open."""
    return Refused(400, STALE, f"the continuation token of channel {name} is stale")


def used_row_sequencer(name: str) -> Refused:
    """Return the other answer that is seen where a continuation token is used again."""
    return Refused(409, INVALID_ROW_SEQUENCER, f"the row sequencer of channel {name} is used")


def invalid_file(message: str) -> Refused:
    """Return the answer to uploaded rows that can't be read."""
    return Refused(400, INVALID_FILE, message)


def upload_denied(message: str) -> UploadRefused:
    """Return S3's answer to an upload with a credential that is not good."""
    return UploadRefused(403, "AccessDenied", message)


def upload_too_large(message: str) -> UploadRefused:
    """Return S3's answer to a file that is too large."""
    return UploadRefused(400, "EntityTooLarge", message)


def upload_malformed(code: str, message: str) -> UploadRefused:
    """Return S3's answer to an upload that is not what it says: IncompleteBody or BadDigest."""
    return UploadRefused(400, code, message)


def stage_full() -> UploadRefused:
    """Return S3's answer to an upload that should come again later."""
    return UploadRefused(503, "SlowDown", "too many uploaded files wait for their rows to be taken")


def storage_failed(cause: str) -> Refused:
    """Return the answer where the engine could not keep what a request asked for."""
    return Refused(503, STORAGE_FAILED, cause)


_SQL_CODES = (
    ("does not exist", "002003", "42S02"),
    ("exists already", "002002", "42710"),
    ("is not recognized|can't convert", "100037", "22018"),
    ("can't be read|can't read", "001003", "42000"),
    ("does not know", "000002", "0A000"),
)
"""The service's equivalents of the account's own words for a failed statement: code and SQLSTATE."""


def sql_failed(handle: str, message: str) -> SqlRefused:
    """Return the answer to a request for a statement that failed."""
    for words, code, sql_state in _SQL_CODES:
        if re.search(words, message):
            return SqlRefused(422, code, sql_state, message, handle)
    return SqlRefused(422, "ERR_SQL_FAILED", "22000", message, handle)


def sql_cancelled(handle: str) -> SqlRefused:
    """Return the answer to a request for a statement that was cancelled."""
    return SqlRefused(422, "000604", "57014", "SQL execution canceled", handle)


def sql_timed_out(handle: str) -> SqlRefused:
    """Return the answer to a request for a statement that took longer than it may."""
    message = "Statement reached its statement or warehouse timeout and was canceled."
    return SqlRefused(408, "000630", "57014", message, handle)


def no_such_statement(handle: str) -> Refused:
    """Return the answer to a request for a statement that is unknown, or forgotten."""
    return Refused(
        404, "ERR_NO_SUCH_STATEMENT", f"there is no statement {handle[:80]}, or none of this user's"
    )
