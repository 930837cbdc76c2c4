"""One HTTP exchange, from start to end: headers, retries with back-off, one renewal of refused credentials.

It knows requests and the shape of an answer, not what a channel or a row is. What a refusal means
for a channel is decided in `answers.py`; here only this: is it worth sending the same bytes again?

The adapter of requests knows proxies and certificates, and urllib3 sends. A session of requests would keep
cookies, follow redirects, put what .netrc says in place of a token, and take as long as sending a row.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from operator import attrgetter
from traceback import clear_frames
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import requests
from urllib3 import HTTPResponse, Timeout

from ..arguments import A_DAY_S
from ..auth.tokens import Clock, Token
from ..config import SYSTEM_TRUST
from ..errors import ClosedError, TransportError, UsageError
from ..events import RequestRetried
from .answers import Answer, Refusal, read_date
from .bounds import ACCEPTED_ENCODING, CONTROL_BYTES, TooLongError, read_body
from .caller import Caller
from .deadline import DeadlineAdapter, deadline, rest
from .failures import Failure, host_of, translate
from .policy import RetryPolicy, Timeouts
from .trail import Trail
from .trust import SystemTrustAdapter

POOL_CONNECTIONS = 16
"""Connections kept open to a host: as many channels can append at once without reconnecting."""

ODD_ANSWER_TRIES = 3
"""A 404 in HTML may come from a proxy on the way; after this many tries it is believed."""

AS_USUAL: Callable[[Answer], Refusal] = attrgetter("refusal")

EARLIEST_TIME_S = 1_577_836_800.0
"""2020: no server's clock shows an earlier time."""

LATEST_TIME_S = 4_102_444_800.0
"""2100."""

_log = logging.getLogger("snowpipe_pandas.http")


class Signer(Protocol):
    """What puts credentials on a request and judges a refusal of them."""

    def token(self, caller: Caller) -> Token:
        """Return the token to use now, renewed if it is near its end."""

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers that carry this token."""

    def refused(self, token: Token, caller: Caller) -> bool:
        """Renew after `token` was refused; return whether another try makes sense."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, the same for all of its tries; `url` is without the query.

    Attributes:
        action: what it is for, in words that follow "could not".
        total_s: seconds that one try may take, where that is less than `Timeouts.total_s`.
        most_bytes: most bytes that its answer may have, once decoded.
        judge: reads the kind of refusal of an answer, as far as trying again goes.
        trail: what is known of the tries.
        resubmission: what the query of each further try has in addition; None numbers all tries, as the
            streaming hosts take them.
        foreign: whether it goes to a host that is not the service's: then nothing is added to its query,
            nothing of a refusal is quoted, and no clock is learned.
    """

    method: str
    url: str
    action: str = "do the request"
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | memoryview = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    total_s: float = math.inf
    most_bytes: int = CONTROL_BYTES
    judge: Callable[[Answer], Refusal] = AS_USUAL
    trail: Trail = field(default_factory=Trail)
    resubmission: Mapping[str, str] | None = None
    foreign: bool = False

    def query_of_try(self, number: int) -> dict[str, str]:
        """Return the query of one of its tries, which are numbered from 1."""
        if self.foreign:
            return dict(self.query)
        own = {**self.query, "requestId": self.trail.request_id}
        if self.resubmission is None:
            return {**own, "retryCount": str(number - 1)}
        return own if number == 1 else {**own, **self.resubmission}


class Transport:
    """Sends requests of one client over one pool of connections.

    Args:
        clock: the time as the server sees it; set by each answer's `Date`.
        ca_file: PEM file of certificates to trust, or `SYSTEM_TRUST` for the system's own store; nothing
            turns verification off.
        application: the name of the program that uses this client, for the User-Agent.
        retry: when a request is tried again.
        timeouts: how long a try may take.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ca_file: str | None = None,
        application: str | None = None,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        self.clock = clock
        self._retry = retry
        self._timeouts = timeouts
        self._process = os.getpid()
        self._closed = False
        self._headers = {
            "User-Agent": _user_agent(application),
            "Accept": "application/json",
            "Accept-Charset": "UTF-8",
            "Accept-Encoding": ACCEPTED_ENCODING,
        }
        by_system = ca_file == SYSTEM_TRUST
        kind = SystemTrustAdapter if by_system else DeadlineAdapter
        self._adapter = kind(pool_connections=4, pool_maxsize=POOL_CONNECTIONS)
        self._environment = requests.Session()  # knows the environment's variables, and sends nothing
        self._verify: str | bool = True if by_system else ca_file or True

    @property
    def retry(self) -> RetryPolicy:
        """When a request is tried again."""
        return self._retry

    def send(
        self, request: Request, signer: Signer, caller: Caller, *, budget_s: float | None = None
    ) -> Answer:
        """Send until there is an answer that another try would not improve, and return it.

        Answers of 408, 429 and 5xx, and connections that break, are tried again with the same body and
        `requestId` and the next `retryCount`, after `Retry-After` or a jittered exponential pause.

        Args:
            request: what to send.
            signer: whose credentials it carries.
            caller: waits between the tries, and reports them.
            budget_s: seconds for all tries, where that is less than the policy's.

        Raises:
            TransportError: no answer within the budget, or TLS failed; it says whether a try may have reached
                the service.
            ClosedError: the client was closed.
            UsageError: this process was forked from the one that made the client.
        """
        self._check_process()
        budget = min(self._retry.budget_s, self._retry.budget_s if budget_s is None else budget_s)
        give_up_at = self.clock.monotonic() + budget
        request.trail.begin()
        tries, odd, renewed = 0, 0, False
        while True:
            tries += 1
            token = signer.token(caller)
            self._check_open()
            request.trail.send()
            outcome = self._exchange(request, signer.headers(token), tries)
            refusal = request.judge(outcome) if isinstance(outcome, Answer) else None
            request.trail.end(outcome, refusal)
            odd += refusal is Refusal.ODD
            pause_s = self._pause_s(outcome, refusal, tries, odd)
            if not renewed and refusal is Refusal.CREDENTIALS:
                renewed = True
                pause_s = 0.0 if signer.refused(token, caller) else None
            if pause_s is None or self._is_spent(tries, pause_s, give_up_at):
                break
            caller.report(_retried(request, outcome, tries, pause_s))
            caller.sleep(pause_s)
        if isinstance(outcome, Failure):
            # Not kept in a variable: an error held by its own traceback would keep the body in memory.
            in_doubt = request.trail.in_doubt > 0
            raise TransportError(outcome.message, url=request.url, attempts=tries, in_doubt=in_doubt)
        return outcome

    def close(self) -> None:
        """Close the connections; requests are refused from now on."""
        self._closed = True
        self._adapter.close()
        rest()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise UsageError(
                "this client belongs to the process that made it, and connections are not shared across a "
                "fork; call connect() in the new process"
            )

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the client is closed; make a new one with connect()")

    def _pause_s(
        self, outcome: Answer | Failure, refusal: Refusal | None, tries: int, odd: int
    ) -> float | None:
        """Return how long to wait before another try, None where it would not improve the outcome."""
        if isinstance(outcome, Failure):
            return None if outcome.final else self._retry.pause_s(tries)
        if refusal is Refusal.TRANSIENT:
            return self._retry.pause_s(tries, wanted_s=outcome.retry_after_s)
        if refusal is Refusal.ODD and odd < ODD_ANSWER_TRIES:
            return self._retry.pause_s(tries)
        return None

    def _is_spent(self, tries: int, pause_s: float, give_up_at: float) -> bool:
        if self._retry.attempts is not None and tries >= self._retry.attempts:
            return True
        if pause_s > A_DAY_S:
            return True
        return self.clock.monotonic() + pause_s >= give_up_at

    def _exchange(self, request: Request, signature: dict[str, str], tries: int) -> Answer | Failure:
        """Send once."""
        query = request.query_of_try(tries)
        failure: Failure | None = None
        started = time.monotonic()
        with deadline(min(self._timeouts.total_s, request.total_s)) as limit:
            try:
                response, body = self._ask(request, query, signature)
            except Exception as exc:  # noqa: BLE001  # the libraries raise more than they document
                # Translated outside of the handler: the library's exception holds the prepared request,
                # and with it the Authorization header, and must not become the context of ours.
                failure = translate(exc, request.url, self._timeouts)
                # Its frames hold the body, since Python 3.12 in a cycle: 4 MB, until a collection.
                clear_frames(exc.__traceback__)
        if limit.expired:  # truncated headers can look like an answer
            return Failure(f"the exchange with {host_of(request.url)} was not over in {limit.seconds:g} s")
        if failure is not None:
            return failure
        milliseconds = 1000 * (time.monotonic() - started)
        _log.debug("%s %s %d %.0f ms", request.method, request.url, response.status, milliseconds)
        if not request.foreign:
            self._learn_time(response.headers.get("Date", ""))
        return Answer.read(
            response.status,
            response.headers,
            body,
            request_id=request.trail.request_id,
            tries=tries,
            now=self.clock.now(),
        )

    def _ask(
        self, request: Request, query: Mapping[str, str], signature: dict[str, str]
    ) -> tuple[HTTPResponse, bytes | None]:
        """Send, and return the answer with its body, None for a body that is longer than is read."""
        url = f"{request.url}?{urlencode(query)}" if query else request.url
        headers = {**self._headers, **request.headers, **signature}
        if request.body or request.method != "GET":
            headers["Content-Length"] = str(len(request.body))
        timeout = Timeout(connect=self._timeouts.connect_s, read=self._timeouts.read_s)
        proxies, verify = self._way_to(request.url)
        response = self._adapter.exchange(
            request.method,
            url,
            body=request.body,
            headers=headers,
            timeout=timeout,
            proxies=proxies,
            verify=verify,
        )
        with closing(response):
            try:
                return response, read_body(
                    response, response.headers.get("Content-Encoding", ""), request.most_bytes
                )
            except TooLongError:
                return response, None

    def _way_to(self, url: str) -> tuple[Mapping[str, str], Any]:
        """Return proxies and certificates; plain http, only for loopback, ignores the environment."""
        if urlsplit(url).scheme == "http":
            return {}, self._verify
        found = self._environment.merge_environment_settings(url, {}, True, self._verify, None)
        return found["proxies"], found["verify"]

    def _learn_time(self, date: str) -> None:
        server_time = read_date(date)
        # A clock may be wrong by years; a server that lives in another century is not believed.
        if server_time is not None and EARLIEST_TIME_S <= server_time < LATEST_TIME_S:
            self.clock.learn(server_time)


def _retried(request: Request, outcome: Answer | Failure, tries: int, pause_s: float) -> RequestRetried:
    answer = outcome if isinstance(outcome, Answer) else None
    reason = outcome.reason if isinstance(outcome, Answer) else outcome.message
    if answer is not None and request.foreign:
        reason = f"HTTP {answer.status}"
    return RequestRetried(
        operation=request.action,
        tries=tries,
        pause_s=pause_s,
        status=None if answer is None else answer.status,
        code="" if answer is None or request.foreign else answer.code,
        reason=reason,
    )


def _user_agent(application: str | None) -> str:
    ours = (
        f"snowpipe_pandas/{version('snowpipe-pandas')} "
        f"({platform.system()}-{platform.machine()}) PYTHON/{platform.python_version()}"
    )
    return ours if application is None else f"{ours} (app={application})"
