"""What an answer means: its code, its kind of refusal, and the error to raise for it.

Decisions rest on status and code, never on the message's words. The codes and the shapes of
bodies are those of Snowflake's error-handling page and of answers seen from the service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any

import orjson

from ..errors import (
    ChannelError,
    ChannelInvalidError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UncommittedRowsError,
)
from ..shown import cleaned, counted
from . import fields
from .fields import UnreadableError

STALE_CONTINUATION = "STALE_CONTINUATION_TOKEN_SEQUENCER"
UNREADABLE_ANSWER = "UNREADABLE_ANSWER"
"""Our own code: the append was answered with 200, but without the next continuation token."""

CHANNEL_GONE = "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED"
CHANNEL_GONE_CODES = frozenset({CHANNEL_GONE, "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED"})
"""Both spellings occur."""

_REOPEN_CODES = CHANNEL_GONE_CODES | {
    STALE_CONTINUATION,
    UNREADABLE_ANSWER,
    "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER",
    "ERR_CHANNEL_HAS_INVALID_CLIENT_SEQUENCER",
    "ERR_CHANNEL_MUST_BE_REOPENED",
    "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP",
    "STALE_PIPE_CACHE",
}
_NOT_FOUND_CODES = frozenset(
    {"ERR_PIPE_DOES_NOT_EXIST_OR_NOT_AUTHORIZED", "ERR_TABLE_DOES_NOT_EXIST_NOT_AUTHORIZED"}
)
_WAIT_TO_OPEN_CODES = frozenset({"ERR_CHANNEL_HAS_UNCOMMITTED_DATA", "ERR_OPEN_CHANNEL_IN_PROGRESS"})
_TRANSIENT_STATUSES = frozenset({408, 429, 499})
_STATUS_CODES_IN_BODY = {3: "AUTH_EXPIRED", 4: STALE_CONTINUATION}
"""`{"status_code": 3 | 4}`: a body seen instead of a code."""

TOO_LONG = "the answer is longer than is read"
_MESSAGE_LIMIT = 300
_CODE_LIMIT = 100
_LOCATION_LIMIT = 100
_SECONDS = re.compile(r"[0-9]+", re.ASCII)
_MOST_DIGITS = 15
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_MARK = rb"\\uffff"  # the escape of HALF_CHARACTER_MARK
_HALF_CHARACTER = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))
_SESSION = re.compile(r"[!-~](?:[ -~]{0,4000}[!-~])?")
"""What is echoed must be valid as a header."""


class Refusal(Enum):
    """Why an answer is not a success, as far as it decides what to do next."""

    NONE = auto()
    TRANSIENT = auto()
    CREDENTIALS = auto()
    REOPEN = auto()
    WAIT_TO_OPEN = auto()
    NOT_FOUND = auto()
    ODD = auto()
    """A 404 that does not look like the service's own."""
    MOVED = auto()
    """The ingest host failed over to another one."""
    TOO_LARGE = auto()
    FINAL = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read once.

    `payload` is the JSON value of the body, its text where it is not JSON, None where it was too long to be
    read. `tries` counts the requests that were sent for it; above 1, an append is ambiguous: an earlier try
    may have been applied. `retry_after_s` is how long the service asks to wait, `location` where a redirect
    leads, `session` what later appends echo; all cleaned.
    """

    status: int
    payload: Any
    code: str
    message: str
    request_id: str
    tries: int
    retry_after_s: float | None = None
    location: str = ""
    session: str = ""

    @classmethod
    def read(
        cls,
        status: int,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        request_id: str,
        tries: int,
        now: float,
    ) -> Answer:
        """Read raw status, headers and body; `now` is seconds since the epoch."""
        payload = None if body is None else _payload(body)
        code, message = ("", "") if 200 <= status < 300 else _code_and_message(payload)
        if body is None:
            message = TOO_LONG
        session = headers.get("X-Snowflake-Session", "")
        return cls(
            status,
            payload,
            code,
            message,
            request_id,
            tries,
            retry_after_s=_retry_after_s(headers.get("Retry-After", ""), now),
            location=cleaned(headers.get("Location", ""), _LOCATION_LIMIT),
            session=session if _SESSION.fullmatch(session) else "",
        )

    @property
    def refusal(self) -> Refusal:
        """What kind of refusal this is; `NONE` for a success."""
        if 200 <= self.status < 300:
            return Refusal.NONE
        if self.code in _REOPEN_CODES:
            return Refusal.REOPEN
        if self.code in _WAIT_TO_OPEN_CODES:
            return Refusal.WAIT_TO_OPEN
        if self.code in _NOT_FOUND_CODES:
            return Refusal.NOT_FOUND
        if self.status in (401, 403) or self.code == "AUTH_EXPIRED":
            return Refusal.CREDENTIALS
        if self.status in _TRANSIENT_STATUSES or not 200 <= self.status < 500:
            return Refusal.TRANSIENT
        if self.status == 404:
            return Refusal.NOT_FOUND if isinstance(self.payload, dict) else Refusal.ODD
        return {410: Refusal.MOVED, 413: Refusal.TOO_LARGE}.get(self.status, Refusal.FINAL)

    def field(self, name: str) -> Any:
        """Return a member of a JSON object body, None where there is none."""
        return self.payload.get(name) if isinstance(self.payload, dict) else None

    @property
    def next_continuation_token(self) -> str:
        """The token for a channel's next append, "" where the answer holds none that can be used."""
        try:
            return fields.token(self.table(), "next_continuation_token") or ""
        except UnreadableError:
            return ""

    def table(self) -> Mapping[str, Any]:
        """Return the JSON object of the body.

        Raises:
            UnreadableError: the body is not one.
        """
        if self.payload is None:
            raise UnreadableError(TOO_LONG)
        return fields.table(self.payload, "its body")

    def unreadable(self, action: str, problem: str) -> ServiceError:
        """Return the exception for a success whose body can't be understood."""
        return ServiceError(
            f"could not {action}: the service's answer can't be understood: {problem}; if this stays, "
            "a proxy on the way may be answering in its place",
            status=self.status,
            code=UNREADABLE_ANSWER,
            request_id=self.request_id,
        )

    def text_or_field(self, name: str) -> str:
        """Return the value that the service sends as plain text or as `{name: value}` (both occur)."""
        value = self.field(name) if isinstance(self.payload, dict) else self.payload
        return value.strip() if isinstance(value, str) else ""

    @property
    def reason(self) -> str:
        """Say why in a few words: status, code and message."""
        detail = f"{self.code}: {self.message}".strip(": ") or "no reason given"
        return f"HTTP {self.status}, {cleaned(detail, _MESSAGE_LIMIT)}"

    def error(self, action: str, *, channel: str | None = None) -> ServiceError:
        """Return the exception for this refusal; `action` is what was tried ("open channel 'a'")."""
        message = f"could not {action}: {self.reason}"
        facts: dict[str, Any] = {"status": self.status, "code": self.code, "request_id": self.request_id}
        refusal = self.refusal
        if refusal in (Refusal.NOT_FOUND, Refusal.ODD):
            hint = "check the name and that the role may use it"
            return NotFoundError(f"{message}; {hint}", **facts)
        if refusal is Refusal.TOO_LARGE:
            return PayloadTooLargeError(message, tries=self.tries, **facts)
        if self.status == 429:
            return self._throttled(message, facts)
        if refusal is Refusal.TRANSIENT:
            message += f" (after {self._tried}{self._asked}; the service may be busy, try again later)"
        if self.status == 407:
            message += "; a proxy on the way wants credentials: check HTTPS_PROXY and NO_PROXY"
        if 300 <= self.status < 400:
            message += (
                f"; a redirect to {self.location or 'elsewhere'} is not followed: check the account's URL"
            )
        if channel is None:
            return ServiceError(message, **facts)
        return self._channel_error(message, channel, facts)

    @property
    def _tried(self) -> str:
        return counted(self.tries, "try", "tries")

    @property
    def _asked(self) -> str:
        wanted = self.retry_after_s
        return "" if wanted is None else f", the service asks to wait {wanted:.0f} s"

    def _throttled(self, message: str, facts: dict[str, Any]) -> ThrottledError:
        message += f"; throttled (after {self._tried}{self._asked})"
        hint = "try again later, or give a larger retry budget"
        return ThrottledError(f"{message}; {hint}", retry_after_s=self.retry_after_s, **facts)

    def _channel_error(self, message: str, channel: str, facts: dict[str, Any]) -> ServiceError:
        if self.refusal in (Refusal.REOPEN, Refusal.MOVED):
            return ChannelInvalidError(message, channel=channel, tries=self.tries, **facts)
        if self.code == "ERR_CHANNEL_HAS_UNCOMMITTED_DATA":
            hint = "rows of an earlier writer are still being committed; try again in a minute"
            return UncommittedRowsError(f"{message}; {hint}", channel=channel, **facts)
        return ChannelError(message, channel=channel, tries=self.tries, **facts)


def read_date(text: str) -> float | None:
    """Read an HTTP date as seconds since the epoch; None for anything else, and for dates out of range."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


def _retry_after_s(text: str, now: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date (RFC 9110); None where it is missing or unreadable."""
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        return float(text[:_MOST_DIGITS])
    date = read_date(text)
    return None if date is None else max(0.0, date - now)


def _payload(body: bytes) -> Any:
    """Read a body: strict JSON, or text.

    Services cut messages in the middle of a character, which leaves half of one as an escape. Then the
    character is lost, not the answer; a field that may not lose one (`fields.token`) is refused.
    """
    for mended in (False, True):
        try:
            return orjson.loads(_HALF_CHARACTER.sub(_MARK, body) if mended else body)
        except orjson.JSONDecodeError:
            continue
    return body.decode("utf-8", errors="replace")


def _code_and_message(payload: Any) -> tuple[str, str]:
    """Read code and message from the shapes of error bodies seen: an object, a bare string, HTML."""
    if isinstance(payload, dict):
        return _code(payload), fields.text(payload, "message", _MESSAGE_LIMIT) or ""
    text = cleaned(payload.strip(), _MESSAGE_LIMIT) if isinstance(payload, str) else ""
    if text.startswith("ERR_") and len(text.split()) == 1:
        return text, ""
    return "", "" if text.startswith("<") else text


def _code(payload: dict[str, Any]) -> str:
    for name in ("code", "error_code", "error"):
        value = payload.get(name)
        if type(value) is int or (isinstance(value, str) and value):
            return cleaned(str(value), _CODE_LIMIT)
    number = payload.get("status_code")
    return _STATUS_CODES_IN_BODY.get(number, "") if type(number) is int else ""
