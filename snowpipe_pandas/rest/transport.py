"""One HTTP exchange, carried through: headers, retries with back-off, one renewal of refused credentials.

It knows requests and the shape of an answer, not what a channel or a row is. What a refusal means
for a channel is decided in `answers.py`; here only this: is it worth sending the same bytes again?
"""

from __future__ import annotations

import logging
import platform
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Protocol

import requests
import tenacity
from requests.auth import AuthBase

from ..auth.tokens import Clock, Token
from ..errors import TransportError
from .answers import Answer, Refusal

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
RETRY_BUDGET_S = 120.0
"""How long one request may be tried again before its failure is reported."""

BACKOFF_BASE_S = 0.25
BACKOFF_CAP_S = 20.0
POOL_CONNECTIONS = 16
"""Connections kept open to a host: as many channels can append at once without reconnecting."""

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
    """One request, the same for all of its tries; `url` is without the query."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    counted: bool = True
    """Whether the service wants `requestId` and `retryCount` (all of `/v2/streaming` does)."""


class Transport:
    """Sends requests of one client over one `requests.Session`.

    Args:
        clock: tells the time as the server sees it; learns from each answer's `Date`.
        ca_file: PEM file of certificates to trust instead of the system's; nothing turns verification off.
        retry_budget_s: seconds which one request may spend on retries.
    """

    def __init__(
        self, clock: Clock, *, ca_file: str | None = None, retry_budget_s: float = RETRY_BUDGET_S
    ) -> None:
        self._clock = clock
        self._retry_budget_s = retry_budget_s
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": _user_agent(), "Accept": "application/json"})
        adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=POOL_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._verify: str | bool = ca_file or True

    def send(self, request: Request, signer: Signer, *, budget_s: float | None = None) -> Answer:
        """Send until there is an answer that another try would not better, and return it.

        Answers of 408, 429 and 5xx, and connections that break, are tried again with the same body and
        `requestId` and the next `retryCount`, after `Retry-After` or a jittered exponential pause.

        Raises:
            TransportError: no answer at all within the budget, or TLS failed.
        """
        budget = min(self._retry_budget_s, budget_s or self._retry_budget_s)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            wait=_pause,
            stop=tenacity.stop_before_delay(budget),
            retry_error_callback=_give_up,
        )
        return retrying(_Tries(self, request, signer).next)

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
        try:
            response = self._session.request(
                request.method,
                request.url,
                params=query,
                data=request.body,
                headers=dict(request.headers),
                auth=auth,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                verify=self._verify,
            )
        except requests.RequestException as exc:
            failure = _translate(exc, request.url)
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
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock.now())
        except ValueError:
            return None

    def _learn_time(self, date: str | None) -> None:
        if date is None:
            return
        try:
            server_time = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self._clock.learn(server_time)


class _Tries:
    """The tries of one request: they share its id and count up; refused credentials are renewed once."""

    def __init__(self, transport: Transport, request: Request, signer: Signer) -> None:
        self._transport = transport
        self._request = request
        self._signer = signer
        self._request_id = str(uuid.uuid4())
        self._made = 0
        self._renewed = False

    def next(self) -> Answer:
        self._made += 1
        answer, token = self._transport.exchange(self._request, self._signer, self._request_id, self._made)
        if answer.refusal is Refusal.CREDENTIALS and not self._renewed:
            self._renewed = True
            if self._signer.refused(token):
                raise _TryAgainError(answer, pause_s=0.0)
        if answer.refusal is Refusal.TRANSIENT:
            raise _TryAgainError(answer, pause_s=self._transport.wanted_pause_s(answer))
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

    def __init__(self, outcome: Answer | TransportError, *, pause_s: float | None = None) -> None:
        super().__init__()
        self.outcome = outcome
        self.pause_s = pause_s


def _outcome(state: tenacity.RetryCallState) -> _TryAgainError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, _TryAgainError):  # tenacity asks only about what it retries
        raise TypeError(f"unexpected outcome of a try: {error!r}")
    return error


_backoff = tenacity.wait_random_exponential(multiplier=BACKOFF_BASE_S, max=BACKOFF_CAP_S)


def _pause(state: tenacity.RetryCallState) -> float:
    wanted = _outcome(state).pause_s
    return _backoff(state) if wanted is None else wanted


def _give_up(state: tenacity.RetryCallState) -> Answer:
    outcome = _outcome(state).outcome
    if isinstance(outcome, TransportError):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    final: bool = False


def _translate(exc: requests.RequestException, url: str) -> _Failure:
    """The one place where exceptions of requests become ours; most specific first."""
    host = url.split("/")[2]
    if isinstance(exc, requests.exceptions.SSLError):
        return _Failure(
            f"the certificate of {host} could not be verified; if a proxy or a local account signs it, "
            "name its certificate with ca_file=",
            final=True,
        )
    if isinstance(exc, requests.exceptions.ProxyError):
        return _Failure(f"the proxy on the way to {host} refused; check HTTPS_PROXY and NO_PROXY")
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return _Failure(f"{host} did not accept a connection within {CONNECT_TIMEOUT_S:.0f} s")
    if isinstance(exc, requests.exceptions.Timeout):
        return _Failure(f"{host} did not answer within {READ_TIMEOUT_S:.0f} s")
    if isinstance(exc, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _Failure(f"could not reach {host} ({_cause(exc)}); check the account name and the network")
    if isinstance(exc, requests.exceptions.ContentDecodingError):
        return _Failure(f"{host} sent an answer that could not be decoded")
    return _Failure(f"the request to {host} could not be made ({type(exc).__name__})", final=True)


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
