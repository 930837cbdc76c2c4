"""One HTTP exchange, carried through: headers, retries with back-off, one renewal of refused credentials.

It knows requests and the shape of an answer, not what a channel or a row is. What a refusal means
for a channel is decided in `answers.py`; here only this: is it worth sending the same bytes again?
"""

from __future__ import annotations

import logging
import os
import platform
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from typing import Protocol

import requests
import tenacity
from requests.auth import AuthBase

from ..auth.tokens import Clock, Token
from ..errors import TransportError, UsageError
from ..events import Hub, RequestRetried
from .answers import Answer, Refusal
from .deadline import DeadlineAdapter, deadline
from .policy import RetryPolicy, Timeouts

POOL_CONNECTIONS = 16
"""Connections kept open to a host: as many channels can append at once without reconnecting."""

ODD_ANSWER_TRIES = 3
"""A 404 in HTML may come from a proxy on the way, but one that stays is believed."""

_log = logging.getLogger("snowpipe_pandas.http")


class Signer(Protocol):
    """What puts credentials on a request and judges a refusal of them."""

    def token(self) -> Token:
        """Return the token to use now, renewed if it is near its end."""

    def headers(self) -> dict[str, str]:
        """Return the headers that carry `token()`."""

    def refused(self, token: Token) -> bool:
        """Renew after `token` was refused; return whether another try makes sense."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, the same for all of its tries; `url` is without the query.

    Attributes:
        action: what it is for, in words that follow "could not".
        channel: the channel that it concerns, None where it concerns the client.
        counted: whether the service wants `requestId` and `retryCount` (all of `/v2/streaming` does).
        sleep: how to wait between tries, where somebody may want to interrupt that.
    """

    method: str
    url: str
    action: str = "do the request"
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | memoryview = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    channel: str | None = None
    counted: bool = True
    sleep: Callable[[float], None] | None = None


class Transport:
    """Sends requests of one client over one `requests.Session`.

    Args:
        clock: tells the time as the server sees it; learns from each answer's `Date`.
        events: is told of every retry.
        ca_file: PEM file of certificates to trust instead of the system's; nothing turns verification off.
        retry: when a request is tried again.
        timeouts: how long a try may take.
    """

    def __init__(
        self,
        clock: Clock,
        events: Hub,
        *,
        ca_file: str | None = None,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        self.clock = clock
        self._events = events
        self._retry = retry
        self._timeouts = timeouts
        self._process = os.getpid()
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": _user_agent(), "Accept": "application/json"})
        adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=POOL_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._verify: str | bool = ca_file or True

    @property
    def retry(self) -> RetryPolicy:
        """When a request is tried again."""
        return self._retry

    def send(self, request: Request, signer: Signer, *, budget_s: float | None = None) -> Answer:
        """Send until there is an answer that another try would not better, and return it.

        Answers of 408, 429 and 5xx, and connections that break, are tried again with the same body and
        `requestId` and the next `retryCount`, after `Retry-After` or a jittered exponential pause.

        Raises:
            TransportError: no answer at all within the budget, or TLS failed.
            UsageError: this process was forked from the one that made the client.
        """
        if os.getpid() != self._process:
            raise UsageError(
                "this client belongs to the process that made it, and connections are not shared across a "
                "fork; call connect() in the new process"
            )
        budget = min(self._retry.budget_s, self._retry.budget_s if budget_s is None else budget_s)
        give_up_at = self.clock.monotonic() + budget
        tries = _Tries(self, request, signer)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            wait=self._pause,
            stop=lambda state: self._spent(state, give_up_at),
            sleep=request.sleep or self._sleep,
            before_sleep=partial(self._tell, request.action, request.channel),
            retry_error_callback=_give_up,
        )
        try:
            return retrying(tries.next)
        finally:
            tries.end()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        outcome = _outcome(state)
        if outcome.at_once:
            return 0.0
        return self._retry.pause_s(state.attempt_number, wanted_s=outcome.wanted_pause_s)

    def _spent(self, state: tenacity.RetryCallState, give_up_at: float) -> bool:
        if self._retry.attempts is not None and state.attempt_number >= self._retry.attempts:
            return True
        return self.clock.monotonic() + state.upcoming_sleep >= give_up_at

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds, threading.Event())

    def _tell(self, action: str, channel: str | None, state: tenacity.RetryCallState) -> None:
        outcome = _outcome(state).outcome
        answer = outcome if isinstance(outcome, Answer) else None
        self._events.emit(
            RequestRetried(
                channel=channel,
                operation=action,
                tries=state.attempt_number,
                pause_s=state.upcoming_sleep,
                status=None if answer is None else answer.status,
                code="" if answer is None else answer.code,
                reason=answer.reason if answer is not None else str(outcome),
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def exchange(self, request: Request, signer: Signer, request_id: str, tries: int) -> tuple[Answer, Token]:
        """Send once; return the answer and the token that signed the request."""
        auth = _Signature(signer)
        query = dict(request.query)
        if request.counted:
            query |= {"requestId": request_id, "retryCount": str(tries - 1)}
        failure: _Failure | None = None
        started = time.monotonic()
        with deadline(self._timeouts.total_s) as limit:
            try:
                response = self._session.request(
                    request.method,
                    request.url,
                    params=query,
                    data=request.body,  # type: ignore[arg-type]  # a view is sent as it is, without a copy
                    headers=dict(request.headers),
                    auth=auth,
                    timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                    allow_redirects=False,
                    verify=self._verify,
                )
            except requests.RequestException as exc:
                failure = _translate(exc, request.url, self._timeouts)
        if limit.expired:  # headers that were cut short even look like an answer
            failure = _Failure(f"the exchange with {_host(request.url)} was not over in {limit.seconds:g} s")
        # Raised outside of the handler on purpose: the library's exception holds the prepared request,
        # and with it the Authorization header, and must not hang on ours as its context.
        if failure is not None:
            error = TransportError(failure.message, url=request.url, attempts=tries)
            if failure.final:
                raise error
            raise _TryAgainError(error)
        milliseconds = 1000 * (time.monotonic() - started)
        _log.debug("%s %s %d %.0f ms", request.method, request.url, response.status_code, milliseconds)
        self._learn_time(response.headers.get("Date"))
        answer = Answer.read(
            response.status_code, response.headers, response.content, request_id=request_id, tries=tries
        )
        return answer, auth.token

    def wanted_pause_s(self, answer: Answer) -> float | None:
        """Read `Retry-After`, seconds or an HTTP date (RFC 9110); None where it is missing or unreadable."""
        text = answer.headers.get("Retry-After", "").strip()
        if text.isdigit():
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.clock.now())
        except ValueError:
            return None

    def _learn_time(self, date: str | None) -> None:
        if date is None:
            return
        try:
            server_time = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self.clock.learn(server_time)


class _Tries:
    """The tries of one request: they share its id and count up; refused credentials are renewed once."""

    def __init__(self, transport: Transport, request: Request, signer: Signer) -> None:
        self._transport = transport
        self._request: Request | None = request
        self._signer = signer
        self._request_id = str(uuid.uuid4())
        self._made = 0
        self._renewed = False

    def end(self) -> None:
        """Let go of the request: tenacity's objects form cycles, which would keep its body for long."""
        self._request = None

    def next(self) -> Answer:
        if self._request is None:
            raise TypeError("the request is over")
        self._made += 1
        answer, token = self._transport.exchange(self._request, self._signer, self._request_id, self._made)
        if answer.refusal is Refusal.CREDENTIALS and not self._renewed:
            self._renewed = True
            if self._signer.refused(token):
                raise _TryAgainError(answer, at_once=True)
        if answer.refusal is Refusal.TRANSIENT:
            raise _TryAgainError(answer, wanted_pause_s=self._transport.wanted_pause_s(answer))
        if answer.refusal is Refusal.ODD and self._made < ODD_ANSWER_TRIES:
            raise _TryAgainError(answer)
        return answer


class _Signature(AuthBase):
    """Puts the signer's headers on a request last, so that no .netrc entry replaces them."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.token = signer.token()

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        prepared.headers.update(self._signer.headers())
        return prepared


class _TryAgainError(Exception):
    """Internal: this try failed in a way that another try may better."""

    def __init__(
        self,
        outcome: Answer | TransportError,
        *,
        wanted_pause_s: float | None = None,
        at_once: bool = False,
    ) -> None:
        super().__init__()
        self.outcome = outcome
        self.wanted_pause_s = wanted_pause_s
        self.at_once = at_once


def _outcome(state: tenacity.RetryCallState) -> _TryAgainError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, _TryAgainError):  # tenacity asks only about what it retries
        raise TypeError(f"unexpected outcome of a try: {error!r}")
    return error


def _give_up(state: tenacity.RetryCallState) -> Answer:
    outcome = _outcome(state).outcome
    if isinstance(outcome, TransportError):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    final: bool = False


def _translate(exc: requests.RequestException, url: str, timeouts: Timeouts) -> _Failure:
    """The one place where exceptions of requests become ours; most specific first."""
    host = _host(url)
    if _is_certificate_refused(exc):
        return _Failure(
            f"the certificate of {host} could not be verified; if a proxy or a local account signs it, "
            "name its certificate with ca_file=",
            final=True,
        )
    if isinstance(exc, requests.exceptions.ProxyError):
        return _Failure(f"the proxy on the way to {host} refused; check HTTPS_PROXY and NO_PROXY")
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return _Failure(f"{host} did not accept a connection within {timeouts.connect_s:g} s")
    if isinstance(exc, requests.exceptions.Timeout):
        return _Failure(f"{host} did not answer within {timeouts.read_s:g} s")
    # SSLError is one of these: a TLS connection that breaks is no worse than any other.
    if isinstance(exc, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _Failure(f"could not reach {host} ({_cause(exc)}); check the account name and the network")
    if isinstance(exc, requests.exceptions.ContentDecodingError):
        return _Failure(f"{host} sent an answer that could not be decoded")
    return _Failure(f"the request to {host} could not be made ({type(exc).__name__})", final=True)


def _host(url: str) -> str:
    return url.split("/")[2]


def _is_certificate_refused(exc: BaseException) -> bool:
    """Whether the certificate was at fault, told by the exception which the TLS library raised first."""
    found: BaseException | None = exc
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return True
        reason = getattr(found, "reason", None) or next(iter(found.args), None)
        found = reason if isinstance(reason, BaseException) else found.__cause__ or found.__context__
    return False


def _cause(exc: BaseException) -> str:
    text = str(exc)
    if "NameResolution" in text or "Name or service not known" in text:
        return "the name does not resolve"
    if "Connection refused" in text:
        return "connection refused"
    if "reset" in text or "aborted" in text or "IncompleteRead" in text:
        return "the connection broke"
    return type(exc).__name__


def _user_agent() -> str:
    return (
        f"snowpipe_pandas/{version('snowpipe-pandas')} "
        f"({platform.system()}-{platform.machine()}) PYTHON/{platform.python_version()}"
    )
