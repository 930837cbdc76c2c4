"""The account's HTTP surface: routes of the protocol, who is let in, and what goes wrong on purpose."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ..names import ObjectName
from .answers import Refused
from .auth import Door
from .channels import Channels
from .faults import Fault, FaultDesk
from .pipe_info import pipe_description
from .store import Store

MAX_WIRE_BYTES = 4 * 1024 * 1024
MAX_RAW_BYTES = 16 * 1024 * 1024
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ELASTIC = "ELASTIC"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as the account saw it; credentials are left out. `status` is None where it was cut."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    status: int | None
    seconds: float


class AccountApp:
    """The ASGI application of one account."""

    def __init__(self, store: Store, channels: Channels, door: Door, faults: FaultDesk) -> None:
        self._store = store
        self._channels = channels
        self._door = door
        self._faults = faults
        self.host = ""
        self.requests: list[RecordedRequest] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        started = time.monotonic()
        operation, handler = self._route(request)
        fault = self._faults.next_for(operation)
        response: Response | None
        try:
            response = await self._with_fault(fault, handler, request)
        except Refused as refused:
            response = _refusal(refused)
        status = None if response is None else response.status_code
        self._record(request, status, time.monotonic() - started)
        if response is None:
            _cut(send)
        elif fault is not None and fault.truncate is not None:
            await _send_truncated(response, fault.truncate, send)
        else:
            await response(scope, receive, send)

    async def _with_fault(
        self, fault: Fault | None, handler: Callable[[Request], Awaitable[Response]], request: Request
    ) -> Response | None:
        """Do the request as far as its fault lets it; None means that the connection is to be cut."""
        if fault is None:
            return await handler(request)
        if fault.cut_before:
            return None
        if fault.status is not None and fault.status >= 300:
            await request.body()
            response = Response(fault.body or b"", fault.status, dict(fault.headers))
        else:
            response = await handler(request)
            if fault.body is not None:
                response = Response(fault.body, response.status_code, dict(fault.headers))
        if fault.delay_s:
            await anyio.sleep(fault.delay_s)
        return None if fault.cut_after else response

    def _record(self, request: Request, status: int | None, seconds: float) -> None:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.requests.append(
            RecordedRequest(
                request.method, request.url.path, dict(request.query_params), headers, status, seconds
            )
        )

    def _route(self, request: Request) -> tuple[str, Callable[[Request], Awaitable[Response]]]:
        """Find operation and handler. Segments are split before they are decoded: a name may hold a slash."""
        path = request.scope.get("raw_path", request.url.path.encode()).decode().partition("?")[0]
        if path == "/v2/streaming/hostname":
            return "discover", self._discover
        if path == "/oauth/token":
            return "token", self._exchange
        if path == "/telemetry/send/sessionless":
            return "telemetry", _telemetry
        if path.startswith("/v2/streaming/"):
            return self._streaming_route(request.method, path.removeprefix("/v2/streaming/"))
        return "unknown", _unknown

    def _streaming_route(
        self, method: str, path: str
    ) -> tuple[str, Callable[[Request], Awaitable[Response]]]:
        head, _, verb = path.rpartition(":") if path.rpartition(":")[2] in _VERBS else (path, "", "")
        parts = tuple(unquote(part) for part in head.split("/"))
        match (method, verb, parts):
            case ("POST", "bulk-channel-status", ("databases", db, "schemas", schema, "pipes", pipe)):
                return "status", self._for_pipe(self._status, db, schema, pipe)
            case ("POST", "pipe-info", ("databases", db, "schemas", schema, "pipes", pipe)):
                return "pipe_info", self._for_pipe(self._pipe_info, db, schema, pipe)
            case ("PUT", "", ("databases", db, "schemas", schema, "pipes", pipe, "channels", name)):
                return "open", self._for_pipe(self._open, db, schema, pipe, name)
            case ("DELETE", "", ("databases", db, "schemas", schema, "pipes", pipe, "channels", name)):
                return "drop", self._for_pipe(self._drop, db, schema, pipe, name)
            case (
                "POST",
                "",
                ("data", "databases", db, "schemas", schema, "pipes", pipe, "channels", name, "rows"),
            ):
                return "append", self._for_pipe(self._append, db, schema, pipe, name)
            case ("POST", "", ("data", "databases", db, "schemas", schema, "tables", table, "rows")):
                return "append", self._for_pipe(self._append_to_table, db, schema, table)
            case _ if "filebuffer" in path:
                return "filebuffer", _filebuffer
        return "unknown", _unknown

    def _for_pipe(
        self,
        action: Callable[..., Response],
        database: str,
        schema: str,
        name: str,
        *more: str,
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler that lets the request in and does `action` in a thread, off the event loop."""

        async def handle(request: Request) -> Response:
            self._check_accept(request)
            self._door.admit_ingest(request.headers, self.host)
            body = await request.body()
            pipe = ObjectName(database, schema, name)
            return await run_in_threadpool(action, request, body, pipe, *more)

        return handle

    def _check_accept(self, request: Request) -> None:
        if "accept" not in request.headers:
            raise Refused(400, "391902", "the Accept header is missing")

    async def _discover(self, request: Request) -> Response:
        self._door.admit_control(request.headers)
        return PlainTextResponse(self.host)

    async def _exchange(self, request: Request) -> Response:
        identity = self._door.admit_control(request.headers)
        form = parse_qs((await request.body()).decode())
        if form.get("grant_type") != [_GRANT_TYPE]:
            raise Refused(400, "390301", "unknown grant_type")
        scope = form.get("scope", [""])[0]
        if scope != self.host:
            raise Refused(400, "390302", "the scope names no ingest host of this account")
        return PlainTextResponse(self._door.issue_scoped(identity, scope))

    def _pipe_info(self, request: Request, body: bytes, pipe: ObjectName) -> Response:
        self._store.columns(self._store.pipe_table(pipe))
        return JSONResponse(pipe_description(pipe))

    def _open(self, request: Request, body: bytes, pipe: ObjectName, name: str) -> Response:
        wanted = _json(body)
        return JSONResponse(
            self._channels.open(
                pipe,
                name,
                offset_token=wanted.get("offset_token"),
                keep_uncommitted=bool(wanted.get("fail_on_uncommitted_rows")),
            )
        )

    def _append(self, request: Request, body: bytes, pipe: ObjectName, name: str) -> Response:
        query = request.query_params
        ndjson = _decoded(body, request.headers.get("content-encoding"))
        if name.upper() == _ELASTIC:
            return self._append_elastic(request, ndjson, self._store.pipe_table(pipe))
        token = self._channels.append(
            pipe,
            name,
            continuation=query.get("continuationToken", ""),
            end_token=query.get("endOffsetToken") or query.get("offsetToken"),
            ndjson=ndjson,
        )
        return JSONResponse({"next_continuation_token": token})

    def _append_to_table(self, request: Request, body: bytes, table: ObjectName) -> Response:
        return self._append_elastic(request, _decoded(body, request.headers.get("content-encoding")), table)

    def _append_elastic(self, request: Request, ndjson: bytes, table: ObjectName) -> Response:
        if {"continuationToken", "startOffsetToken", "endOffsetToken", "offsetToken"} & set(
            request.query_params
        ):
            raise Refused(
                400, "ERR_INVALID_REQUEST", "elastic channels take no continuation or offset tokens"
            )
        self._channels.append_elastic(table, ndjson)
        return JSONResponse({"message": "OK"})

    def _status(self, request: Request, body: bytes, pipe: ObjectName) -> Response:
        names = _json(body).get("channel_names") or []
        return JSONResponse(
            {"channel_statuses": self._channels.statuses(pipe, [str(name) for name in names])}
        )

    def _drop(self, request: Request, body: bytes, pipe: ObjectName, name: str) -> Response:
        keep = bool(_json(body).get("fail_on_uncommitted_rows"))
        self._channels.drop(pipe, name, keep_uncommitted=keep)
        return JSONResponse({})


_VERBS = frozenset({"bulk-channel-status", "pipe-info"})


async def _unknown(request: Request) -> Response:
    raise Refused(404, "ERR_NOT_FOUND", f"there is nothing at {urlsplit(str(request.url)).path}")


async def _telemetry(request: Request) -> Response:
    return JSONResponse({"data": "ok", "success": True})


async def _filebuffer(request: Request) -> Response:
    raise Refused(
        501,
        "ERR_FILE_MODE_NOT_SUPPORTED",
        "the local account has no cloud storage: load less data in one batch",
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "ERR_INVALID_REQUEST", "the body is no JSON object")
    return value


def _decoded(body: bytes, encoding: str | None) -> bytes:
    """Return the NDJSON, each line ended; refuse what is above the limits."""
    if len(body) > MAX_WIRE_BYTES:
        raise Refused(413, "ERR_PAYLOAD_TOO_LARGE", f"{len(body)} bytes, the limit is {MAX_WIRE_BYTES}")
    if encoding in (None, "identity"):
        raw = body
    elif encoding in ("zstd", "gzip"):
        try:
            with pa.CompressedInputStream(pa.BufferReader(body), encoding) as stream:
                raw = stream.read(MAX_RAW_BYTES + 1)
        except OSError:
            raise Refused(400, "ERR_INVALID_REQUEST", f"the body is no {encoding}") from None
    else:
        raise Refused(415, "ERR_INVALID_REQUEST", f"unknown Content-Encoding {encoding!r}")
    if len(raw) > MAX_RAW_BYTES:
        raise Refused(413, "ERR_PAYLOAD_TOO_LARGE", f"more than {MAX_RAW_BYTES} bytes uncompressed")
    return raw if not raw or raw.endswith(b"\n") else raw + b"\n"


def _refusal(refused: Refused) -> Response:
    return JSONResponse({"code": refused.code, "message": refused.message}, refused.status)


def _cut(send: Send) -> None:
    """Cut the connection as a broken network does: uvicorn's cycle owns the transport of this request."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]  # the bound method's cycle


async def _send_truncated(response: Response, size: int, send: Send) -> None:
    headers = [(b"content-length", str(len(response.body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(response.body[:size]), "more_body": True})
    await anyio.sleep(0.05)  # lets the bytes leave before the connection goes
    _cut(send)
