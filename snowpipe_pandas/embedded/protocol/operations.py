"""The operations of the protocol: who is let in, what is done, what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

import duckdb
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ...names import ObjectName
from ..clock import AccountClock
from ..faults import Fault
from ..ingest.rejected import rejected_rows
from ..refusals import Refused
from ..store import Store
from .auth import Door, Identity
from .bodies import json_object, ndjson
from .bounds import check_channel_names, check_flag, check_names, check_query, check_token
from .channels import Channels
from .limits import Rates, body_limit, too_large
from .pipe_info import pipe_description

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ELASTIC = "ELASTIC"


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose path was understood; `names` are those of its route.

    `identity` is who it comes from, once it was admitted; `body` comes after that.
    """

    path: str
    names: tuple[str, ...]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    fault: Fault
    identity: Identity | None = None
    body: bytes = b""

    @property
    def object(self) -> ObjectName:
        """The pipe, or for appends without a channel the table."""
        return ObjectName(*self.names[:3])


STORAGE_FAILED = "ERR_STORAGE_FAILED"
"""Code of our own: the engine could not keep what a request asked for."""


def refusal_answer(refused: Refused) -> Response:
    """Return the answer that a refusal is."""
    return JSONResponse(
        {"code": refused.code, "message": refused.message}, refused.status, headers=refused.headers
    )


class Operations:
    """Does what requests ask for: `admit` by the head, then `do` with the body.

    Args:
        rates: of named channels; None lets them send as fast as they can.

    Attributes:
        host: the ingest host, as discovery tells it.
        former_host: the host that failed over to `host`, None before the first time.
    """

    def __init__(
        self, store: Store, channels: Channels, door: Door, clock: AccountClock, rates: Rates | None = None
    ) -> None:
        self.host = ""
        self.former_host: str | None = None
        self._store = store
        self._channels = channels
        self._door = door
        self._clock = clock
        self._rates = rates
        self._control = {"discover": self._discover, "token": self._exchange}
        self._ingest = {
            "pipe_info": self._pipe_info,
            "open": self._open,
            "append": self._append,
            "status": self._status,
            "drop": self._drop,
            "rejected": self._rejected,
        }

    def admit(self, operation: str, call: Call) -> Call:
        """Judge a request by its head, before its body is read; return it with who it comes from.

        Raises:
            Refused: nobody wants its body.
        """
        if operation == "unknown":
            raise Refused(404, "ERR_NOT_FOUND", f"there is nothing at {call.path[:200]}")
        if operation in self._control:
            call = replace(call, identity=self._door.admit_control(call.headers))
        elif operation in self._ingest:
            call = replace(call, identity=self._admit_ingest(call))
        check_names(call.names)
        check_query(call.query)
        length = call.headers.get("content-length", "0")
        if int(length) > body_limit(operation):  # digits only: h11 has read it
            raise too_large(operation)
        return call

    def do(self, operation: str, call: Call) -> Response:
        """Do one request that was admitted; a refusal is an answer too."""
        try:
            if operation in self._control:
                return self._control[operation](call)
            if operation in self._ingest:
                return self._ingest[operation](call)
            if operation == "filebuffer":
                raise Refused(
                    501,
                    "ERR_FILE_MODE_NOT_SUPPORTED",
                    "the local account has no cloud storage: load less data in one batch",
                )
            return JSONResponse({"data": "ok", "success": True})  # telemetry
        except Refused as refused:
            return refusal_answer(refused)
        except duckdb.Error as error:  # the engine failed, as on a full disk; nothing was changed
            return refusal_answer(Refused(503, STORAGE_FAILED, str(error)))

    def _admit_ingest(self, call: Call) -> Identity:
        if "accept" not in call.headers:
            raise Refused(400, "391902", "the Accept header is missing")
        if self.former_host is not None and call.headers.get("host") == self.former_host:
            raise Refused(410, "ERR_INGEST_HOST_GONE", "the ingest host failed over: discover it again")
        return self._door.admit_ingest(call.headers, self.host)

    def _discover(self, call: Call) -> Response:
        return PlainTextResponse(self.host)

    def _exchange(self, call: Call) -> Response:
        form = parse_qs(call.body.decode(errors="replace"))
        if form.get("grant_type") != [_GRANT_TYPE]:
            raise Refused(400, "390301", "unknown grant_type")
        scope = form.get("scope", [""])[0]
        if scope != self.host:
            raise Refused(400, "390302", "the scope names no ingest host of this account")
        assert call.identity is not None  # noqa: S101  # `admit` has set it
        return PlainTextResponse(self._door.issue_scoped(call.identity, scope))

    def _pipe_info(self, call: Call) -> Response:
        self._store.columns(self._store.pipe_table(call.object))
        return JSONResponse(pipe_description(call.object, self._clock.time()))

    def _open(self, call: Call) -> Response:
        wanted = json_object(call.body)
        return JSONResponse(
            self._channels.open(
                call.object,
                call.names[3],
                offset_token=check_token("offset_token", wanted.get("offset_token")),
                keep_uncommitted=_keeps_uncommitted(wanted),
            )
        )

    def _append(self, call: Call) -> Response:
        rows = ndjson(call.body, call.headers.get("content-encoding"))
        if len(call.names) < 4 or call.names[3].upper() == _ELASTIC:
            return self._append_elastic(call, rows)
        if self._rates is not None:
            self._rates.take((*map(str.upper, call.names[:3]), call.names[3]), len(rows))
        token = self._channels.append(
            call.object,
            call.names[3],
            continuation=call.query.get("continuationToken", ""),
            end_token=call.query.get("endOffsetToken") or call.query.get("offsetToken"),
            ndjson=rows,
            lose=call.fault.lose_rows,
            reject=call.fault.reject_rows,
        )
        return JSONResponse({"next_continuation_token": token})

    def _append_elastic(self, call: Call, rows: bytes) -> Response:
        if {"continuationToken", "startOffsetToken", "endOffsetToken", "offsetToken"} & set(call.query):
            raise Refused(
                400, "ERR_INVALID_REQUEST", "elastic channels take no continuation or offset tokens"
            )
        to_pipe = len(call.names) == 4
        table = self._store.pipe_table(call.object) if to_pipe else call.object
        self._channels.append_elastic(table, rows)
        return JSONResponse({"message": "OK"})

    def _status(self, call: Call) -> Response:
        names = check_channel_names(json_object(call.body).get("channel_names"))
        return JSONResponse({"channel_statuses": self._channels.statuses(call.object, names)})

    def _drop(self, call: Call) -> Response:
        keep = _keeps_uncommitted(json_object(call.body))
        self._channels.delete(call.object, call.names[3], keep_uncommitted=keep)
        return JSONResponse({})

    def _rejected(self, call: Call) -> Response:
        """Our own extension of the protocol; the service's way is SQL with `ERROR_TABLE(name)`."""
        table = self._store.pipe_table(call.object)
        with self._store.cursor() as cursor:
            found = rejected_rows(cursor, table, call.object, call.names[3])
        if found is None:
            raise Refused(404, "ERR_NO_ERROR_TABLE", f"table {table} is not set to ERROR_LOGGING = TRUE")
        return JSONResponse(found)


def _keeps_uncommitted(body: Mapping[str, Any]) -> bool:
    return check_flag("fail_on_uncommitted_rows", body.get("fail_on_uncommitted_rows"))
