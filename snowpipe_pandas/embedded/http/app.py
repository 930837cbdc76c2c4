"""The account's ASGI application: takes each request with the fault that hits it, and records it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..clock import AccountClock
from ..faults import Fault, FaultDesk
from ..protocol.operations import Call, Operations
from .connection import HungUpError, Wire
from .fault_injection import NO_FAULT, deliver, obtain
from .routes import Route, find_route

KEPT_REQUESTS = 100_000
"""How many of the newest requests an account remembers."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "x-amz-security-token"})


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as the account saw it; credentials are left out.

    Attributes:
        operation: its kind, as the fault desk names them ("unknown" for others).
        status: of the answer, None where there was none.
        seconds: from the request's head to the moment when its answer was ready.
        body_digest: xxh3 of the body as received, in hex; None where it was not read to its end.
        fault: what the fault desk did to it, None if nothing.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    operation: str
    status: int | None
    seconds: float
    body_digest: str | None
    fault: Fault | None


class AccountApp:
    """The ASGI application of one account."""

    def __init__(self, operations: Operations, faults: FaultDesk, clock: AccountClock) -> None:
        self._operations = operations
        self._faults = faults
        self._clock = clock
        self.requests: deque[RecordedRequest] = deque(maxlen=KEPT_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or not, as its fault wants it."""
        request = Request(scope)
        wire = Wire(receive, send, self._clock)
        route = find_route(request.method, scope["raw_path"].decode())
        fault = self._faults.next_for(route.operation)
        started = time.monotonic()
        response: Response | None = None
        with suppress(asyncio.CancelledError):  # the server stops: nobody is left to answer
            try:
                response = await self._answer(request, route, fault or NO_FAULT, wire)
            except HungUpError:
                pass
            finally:
                seconds = time.monotonic() - started
                self._record(request, route, fault, wire, response, seconds)
            if response is None:
                await wire.cut()
            else:
                await deliver(response, fault or NO_FAULT, wire)

    async def _answer(self, request: Request, route: Route, fault: Fault, wire: Wire) -> Response | None:
        query = dict(request.query_params)

        async def do(body: bytes) -> Response:
            call = Call(request.url.path, route.names, request.headers, query, body, fault)
            return await run_in_threadpool(self._operations.do, route.operation, call)

        return await obtain(fault, wire, do, query)

    def _record(
        self,
        request: Request,
        route: Route,
        fault: Fault | None,
        wire: Wire,
        response: Response | None,
        seconds: float,
    ) -> None:
        headers = {name: value for name, value in request.headers.items() if name not in _CREDENTIALS}
        self.requests.append(
            RecordedRequest(
                method=request.method,
                path=request.url.path,
                query=dict(request.query_params),
                headers=headers,
                operation=route.operation,
                status=None if response is None else response.status_code,
                seconds=seconds,
                body_digest=wire.body_digest,
                fault=fault,
            )
        )
