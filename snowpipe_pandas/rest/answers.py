"""What an answer means: its code, its kind of refusal, and the error to raise for it.

Decisions rest on status and code, never on the message's words. The codes and the shapes of
bodies are those of Snowflake's error-handling page and of answers seen from the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ..errors import (
    ChannelError,
    ChannelInvalidError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UncommittedRowsError,
)

STALE_CONTINUATION = "STALE_CONTINUATION_TOKEN_SEQUENCER"
UNREADABLE_ANSWER = "UNREADABLE_ANSWER"
"""Our own code: the append was answered with 200, but without the next continuation token."""

CHANNEL_GONE = "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED"
CHANNEL_GONE_CODES = frozenset({CHANNEL_GONE, "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED"})
"""Either spelling is met."""

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

_MESSAGE_LIMIT = 300


class Refusal(Enum):
    """Why an answer is no success, as far as it decides what to do next."""

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

    `payload` is the JSON value of the body, or its text where it is no JSON. `tries` counts the
    requests that were sent for it; above 1, an append is ambiguous: an earlier try may have been applied.
    """

    status: int
    headers: Mapping[str, str]
    payload: Any
    code: str
    message: str
    request_id: str
    tries: int

    @classmethod
    def read(
        cls, status: int, headers: Mapping[str, str], body: bytes, *, request_id: str, tries: int
    ) -> Answer:
        """Read status, headers and body as they came."""
        text = body.decode("utf-8", errors="replace")
        try:
            payload: Any = json.loads(text)
        except ValueError:
            payload = text
        code, message = ("", "") if status < 300 else _code_and_message(payload)
        return cls(status, headers, payload, code, message, request_id, tries)

    @property
    def refusal(self) -> Refusal:
        """What kind of refusal this is; `NONE` for a success."""
        if self.status < 300:
            return Refusal.NONE
        if self.code in _REOPEN_CODES:
            return Refusal.REOPEN
        if self.code in _WAIT_TO_OPEN_CODES:
            return Refusal.WAIT_TO_OPEN
        if self.code in _NOT_FOUND_CODES:
            return Refusal.NOT_FOUND
        if self.status in (401, 403) or self.code == "AUTH_EXPIRED":
            return Refusal.CREDENTIALS
        if self.status in _TRANSIENT_STATUSES or self.status >= 500:
            return Refusal.TRANSIENT
        if self.status == 404:
            return Refusal.NOT_FOUND if isinstance(self.payload, dict) else Refusal.ODD
        return {410: Refusal.MOVED, 413: Refusal.TOO_LARGE}.get(self.status, Refusal.FINAL)

    def field(self, name: str) -> Any:
        """Return a member of a JSON object body, None where there is none."""
        return self.payload.get(name) if isinstance(self.payload, dict) else None

    @property
    def next_continuation_token(self) -> str:
        """The token for a channel's next append, "" where the answer holds none."""
        token = self.field("next_continuation_token")
        return token if isinstance(token, str) else ""

    def text_or_field(self, name: str) -> str:
        """Return the value which the service sends as plain text or as `{name: value}` (both are seen)."""
        value = self.field(name) if isinstance(self.payload, dict) else self.payload
        return value.strip() if isinstance(value, str) else ""

    @property
    def reason(self) -> str:
        """Say why in a few words: status, code and message."""
        detail = f"{self.code}: {self.message}".strip(": ") or "no reason given"
        return f"HTTP {self.status}, {detail[:_MESSAGE_LIMIT]}"

    def error(self, action: str, *, channel: str | None = None) -> ServiceError:
        """Return the exception for this refusal; `action` says what was tried ("open channel 'a'")."""
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
            message += f" (after {self.tries} tries; the service may be busy, try again later)"
        if self.status == 407:
            message += "; a proxy on the way wants credentials: check HTTPS_PROXY and NO_PROXY"
        if 300 <= self.status < 400:
            where = self.headers.get("Location", "elsewhere")
            message += f"; a redirect to {where[:100]} is not followed: check the account's URL"
        if channel is None:
            return ServiceError(message, **facts)
        return self._channel_error(message, channel, facts)

    def _throttled(self, message: str, facts: dict[str, Any]) -> ThrottledError:
        wanted = self.headers.get("Retry-After", "")
        asked = f", the service asks to wait {wanted} s" if wanted.isdigit() else ""
        hint = f"throttled (after {self.tries} tries{asked}); try again later, or give a larger retry budget"
        return ThrottledError(
            f"{message}; {hint}", retry_after_s=float(wanted) if wanted.isdigit() else None, **facts
        )

    def _channel_error(self, message: str, channel: str, facts: dict[str, Any]) -> ServiceError:
        if self.refusal in (Refusal.REOPEN, Refusal.MOVED):
            return ChannelInvalidError(message, channel=channel, tries=self.tries, **facts)
        if self.code == "ERR_CHANNEL_HAS_UNCOMMITTED_DATA":
            hint = "rows of an earlier writer are still being committed; try again in a minute"
            return UncommittedRowsError(f"{message}; {hint}", channel=channel, **facts)
        return ChannelError(message, channel=channel, tries=self.tries, **facts)


def _code_and_message(payload: Any) -> tuple[str, str]:
    """Read code and message from the shapes of error bodies seen: an object, a bare string, HTML."""
    if isinstance(payload, dict):
        code = payload.get("code") or payload.get("error_code") or payload.get("error")
        if code is None:
            code = _STATUS_CODES_IN_BODY.get(payload.get("status_code", 0), "")
        return str(code), str(payload.get("message") or "")
    text = str(payload).strip()
    if text.startswith("ERR_") and len(text.split()) == 1:
        return text, ""
    return "", "" if text.startswith("<") else text
