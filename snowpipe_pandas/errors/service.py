"""Errors of requests, and of the service's answers to them."""

from __future__ import annotations

from .root import SnowpipeError


class TransportError(SnowpipeError):
    """No usable answer came back within the retry budget.

    Attributes:
        url: where the request went.
        attempts: how often it was tried.
        in_doubt: whether the service may have received and applied it.
    """

    def __init__(self, message: str, *, url: str, attempts: int = 1, in_doubt: bool = True) -> None:
        super().__init__(message)
        self.url = url
        self.attempts = attempts
        self.in_doubt = in_doubt


class ServiceError(SnowpipeError):
    """The service refused the request."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class AuthenticationError(ServiceError):
    """The credentials were refused again after one refresh."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        account: str = "",
        user: str = "",
        fingerprint: str = "",
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.account = account
        self.user = user
        self.fingerprint = fingerprint


class NotFoundError(ServiceError):
    """No such database, schema, table or pipe, or no grant on it."""


class ThrottledError(ServiceError):
    """The service asked to wait for longer than one request may be retried (`RetryPolicy.budget_s`)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 429,
        code: str = "",
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class PayloadTooLargeError(ServiceError):
    """The service takes only smaller requests than this one (413)."""

    def __init__(
        self, message: str, *, status: int = 413, code: str = "", request_id: str = "", tries: int = 1
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.tries = tries


class ChannelError(ServiceError):
    """The channel's state forbids the call."""

    def __init__(
        self,
        message: str,
        *,
        channel: str,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        tries: int = 1,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.channel = channel
        self.tries = tries


class ChannelInvalidError(ChannelError):
    """The channel's tokens are stale; it must be reopened."""


class ChannelTakenOverError(ChannelError):
    """Another writer reopened the channel while this one was streaming."""


class ChannelLostError(ChannelError):
    """The channel, its pipe or its table was dropped or recreated: the committed token is lost with it.

    The rows of this load may be in the table or not; nothing is sent again without that being known.
    """

    goes_on = False


class UncommittedRowsError(ChannelError):
    """Rows of this channel are accepted but not committed; reopening now would discard them."""

    committed: str | None = None
    """The committed offset token, as far as it is known."""
