"""The account's ASGI application: takes each request with the fault that hits it, and records it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..clock import AccountClock
from ..faults import Fault, Faults
from ..protocol.operations import Call, Operations, refusal_answer
from ..refusals import Refused, failed
from .connection import HungUpError, Wire
from .fault_injection import NO_FAULT, deliver, obtain
from .head import check_host, check_path, read_query
from .recorded import RecordedRequest, Records
from .routes import Route, find_route

_log = logging.getLogger("snowpipe_pandas.local")
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "x-amz-security-token"})


class AccountApp:
    """The ASGI application of one account."""

    def __init__(self, operations: Operations, faults: Faults, clock: AccountClock) -> None:
        self._operations = operations
        self._faults = faults
        self._clock = clock
        self.requests = Records()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or not, as its fault wants it."""
        route = find_route(scope["method"], scope["raw_path"].decode())
        fault = self._faults.next_for(route.operation, route.channel)
        request = _Request(scope, route, fault)
        wire = Wire(receive, send, self._clock, route.operation)
        started = time.monotonic()
        response: Response | None = None
        with suppress(asyncio.CancelledError):  # the server stops: nobody is left to answer
            try:
                response = await self._answer(request, wire)
            except HungUpError:
                pass
            except Exception as error:  # noqa: BLE001  # whatever it is, the client gets an answer
                _log.exception("the local account failed on a request: a bug, please report it")
                request.failure = repr(error)
                response = refusal_answer(failed())
            finally:
                self.requests.add(request.record(wire, response, time.monotonic() - started))
            if response is None:
                await wire.cut()
            else:
                await deliver(response, fault or NO_FAULT, wire)

    async def _answer(self, request: _Request, wire: Wire) -> Response | None:
        fault = request.fault or NO_FAULT
        judged = self._judge(request, fault)

        async def do(body: bytes) -> Response:
            if isinstance(judged, Response):
                return judged
            operation = request.route.operation
            return await run_in_threadpool(self._operations.do, operation, replace(judged, body=body))

        return await obtain(fault, wire, judged if isinstance(judged, Response) else None, do, request.query)

    def _judge(self, request: _Request, fault: Fault) -> Call | Response:
        """Judge a request by its head; return what it asks for, or the answer to one that is refused."""
        scope, route = request.scope, request.route
        try:
            check_host(scope)
            check_path(scope["method"], scope["raw_path"].decode(), route.operation)
            request.query = read_query(scope)
            call = Call(scope["path"], route.names, request.headers, request.query, fault)
            return self._operations.admit(route.operation, call)
        except Refused as refused:
            return refusal_answer(refused)


@dataclass(slots=True)
class _Request:
    """A request whose head has come; its query is empty until it was read."""

    scope: Scope
    route: Route
    fault: Fault | None
    query: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None

    @property
    def headers(self) -> Headers:
        return Headers(scope=self.scope)

    def record(self, wire: Wire, response: Response | None, seconds: float) -> RecordedRequest:
        return RecordedRequest(
            method=self.scope["method"],
            path=self.scope["path"],
            query=self.query,
            headers={name: value for name, value in self.headers.items() if name not in _CREDENTIALS},
            operation=self.route.operation,
            status=None if response is None else response.status_code,
            seconds=seconds,
            body_digest=wire.body_digest,
            fault=self.fault,
            failure=self.failure,
        )
