"""The operations of the protocol: who is let in, what is done, what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

import duckdb
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ...names import ObjectName
from ..clock import AccountClock
from ..faults import Fault
from ..refusals import (
    Refused,
    SqlRefused,
    UploadRefused,
    host_moved,
    invalid_request,
    no_accept_header,
    nothing_at,
    reserved_name,
    storage_failed,
    wrong_scope,
)
from ..store import Store
from .auth import Authenticator, Identity
from .bodies import channel_names, flag_member, json_object, ndjson
from .bounds import check_names, check_query, check_token
from .channel import Rows
from .channel_state import ELASTIC
from .channels import Channels
from .elastic import ElasticChannels, is_elastic
from .file_fragments import read_fragments
from .limits import TOLD_RATES, Rates, body_limit, body_too_large
from .pipe_info import pipe_description
from .s3_upload import refused_upload, take_upload, upload_credential
from .stage import Stage
from .statements import Reply, Statements

_TOKENS = ("continuationToken", "startOffsetToken", "endOffsetToken", "offsetToken")


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
    def pipe(self) -> ObjectName:
        """The pipe that the path names."""
        return ObjectName(*self.names[:3])

    @property
    def channel(self) -> str:
        """The channel that the path names, which may be the elastic one."""
        return self.names[3]

    @property
    def named_channel(self) -> str:
        """The channel that the path names, if it is one that is opened and dropped.

        Raises:
            Refused: 400, it is the elastic one.
        """
        if is_elastic(self.channel):
            raise reserved_name(self.channel)
        return self.channel


def refusal_answer(refused: Refused) -> Response:
    """Return the answer that a refusal is."""
    if isinstance(refused, UploadRefused):
        return refused_upload(refused)
    body = {"code": refused.code, "message": refused.message}
    if isinstance(refused, SqlRefused):
        body |= {"sqlState": refused.sql_state, "statementHandle": refused.handle}
    return JSONResponse(body, refused.status, headers=refused.headers)


class Operations:
    """Does what requests ask for: `admit` by the head, then `do` with the body.

    Args:
        statements: runs those of the SQL API.
        rates: of named channels; None lets them send as fast as they can.

    Attributes:
        host: the ingest host, as discovery reports it: a name without a port.
        former_host: the host that failed over to `host`, None before the first time.
    """

    def __init__(
        self,
        store: Store,
        channels: Channels,
        door: Authenticator,
        clock: AccountClock,
        statements: Statements,
        rates: Rates | None = None,
    ) -> None:
        self.host = ""
        self.former_host: str | None = None
        self._store = store
        self._channels = channels
        self._elastic = ElasticChannels(store, clock)
        self._stage = Stage(clock)
        self._door = door
        self._rates = rates
        self._statements = statements
        self._control = {
            "discover": self._discover,
            "token": self._exchange,
            "statement": self._submit,
            "statement_result": self._find,
            "statement_cancel": self._cancel,
        }
        self._ingest = {
            "pipe_info": self._pipe_info,
            "open": self._open,
            "append": self._append,
            "filebuffer": self._take_file,
            "status": self._status,
            "drop": self._drop,
        }

    def close(self) -> None:
        """Forget what was uploaded."""
        self._stage.clear()

    def admit(self, operation: str, call: Call) -> Call:
        """Judge a request by its head, before its body is read; return it with who it comes from.

        Raises:
            Refused: its head alone is reason enough.
        """
        if operation == "unknown":
            raise nothing_at(call.path)
        if operation in self._control:
            call = replace(call, identity=self._door.admit_control(call.headers))
        elif operation in self._ingest:
            call = replace(call, identity=self._admit_ingest(call))
        elif operation == "upload":
            self._stage.check_credential(call.names[0], upload_credential(call.headers))
        if operation != "upload":  # whose name is a path
            check_names(call.names)
        check_query(call.query)
        length = call.headers.get("content-length", "0")
        if int(length) > body_limit(operation):  # digits only: h11 has read it
            raise body_too_large(operation)
        return call

    def do(self, operation: str, call: Call) -> Response:
        """Do one request that was admitted; a refusal is an answer too."""
        try:
            if operation in self._control:
                return self._control[operation](call)
            if operation in self._ingest:
                return self._ingest[operation](call)
            if operation == "upload":
                return take_upload(self._stage, call.names[0], call.headers, call.body)
            return JSONResponse({"data": "ok", "success": True})  # telemetry
        except Refused as refused:
            return refusal_answer(refused)
        except duckdb.Error as error:  # the engine failed, as on a full disk; nothing was changed
            return refusal_answer(storage_failed(str(error)))

    def _admit_ingest(self, call: Call) -> Identity:
        """Check who asks, before anything else; a former host knows the tokens that were issued for it."""
        host = call.headers.get("host", "").partition(":")[0]
        moved = self.former_host is not None and host == self.former_host
        identity = self._door.admit_ingest(call.headers, host if moved else self.host)
        if moved:
            raise host_moved()
        if "accept" not in call.headers:
            raise no_accept_header()
        return identity

    def _discover(self, call: Call) -> Response:
        return PlainTextResponse(self.host)

    def _exchange(self, call: Call) -> Response:
        form = parse_qs(call.body.decode(errors="replace"))
        self._door.check_grant(call.headers, form)
        if form.get("scope") != [self.host]:
            raise wrong_scope()
        return PlainTextResponse(self._door.issue_scoped(_known(call), self.host))

    def _submit(self, call: Call) -> Response:
        return _json(self._statements.submit(call.body, call.query, _known(call)))

    def _find(self, call: Call) -> Response:
        return _json(self._statements.find(call.names[0], call.query, _known(call)))

    def _cancel(self, call: Call) -> Response:
        return _json(self._statements.cancel(call.names[0], _known(call)))

    def _pipe_info(self, call: Call) -> Response:
        json_object(call.body)
        pipe = self._store.pipe(call.pipe).name
        endpoint = call.headers.get("host", self.host)
        return JSONResponse(pipe_description(pipe, self._stage.grant(pipe), endpoint))

    def _open(self, call: Call) -> Response:
        wanted = json_object(call.body)
        opened = self._channels.open(
            self._store.pipe(call.pipe),
            call.named_channel,
            offset_token=check_token("offset_token", wanted.get("offset_token")),
            keep_uncommitted=flag_member(wanted, "fail_on_uncommitted_rows"),
        )
        # Our own extension of the protocol, so that a client knows how fast it may send.
        return JSONResponse(opened | {"limits": None if self._rates is None else TOLD_RATES})

    def _append(self, call: Call) -> Response:
        query = call.query
        rows = Rows(
            ndjson(call.body, call.headers.get("content-encoding")),
            query.get("startOffsetToken"),
            query.get("endOffsetToken") or query.get("offsetToken"),
        )
        return self._take(call, [rows])

    def _take_file(self, call: Call) -> Response:
        return self._take(call, read_fragments(call.body, self._stage, self._store.pipe(call.pipe).name))

    def _take(self, call: Call, rows: Sequence[Rows]) -> Response:
        """Take rows, however they came."""
        fault, pipe = call.fault, self._store.pipe(call.pipe)
        if is_elastic(call.channel):
            if any(call.query.get(name) for name in _TOKENS):
                raise invalid_request("elastic channels take no continuation or offset tokens")
            self._elastic.append(pipe, rows, lose=fault.lose_rows, reject=fault.reject_rows)
            return JSONResponse({"message": "OK", "next_continuation_token": ""})
        if self._rates is not None:
            channel = (*map(str.upper, call.names[:3]), call.channel)
            self._rates.take(channel, sum(len(part.ndjson) for part in rows))
        token = self._channels.append(
            pipe,
            call.channel,
            continuation=call.query.get("continuationToken", ""),
            rows=rows,
            lose=fault.lose_rows,
            reject=fault.reject_rows,
        )
        return JSONResponse({"next_continuation_token": token})

    def _status(self, call: Call) -> Response:
        names = channel_names(json_object(call.body))
        pipe = self._store.pipe(call.pipe)
        found = self._channels.statuses(pipe, [name for name in names if name != ELASTIC])
        if ELASTIC in names:
            found[ELASTIC] = self._elastic.status(pipe)
        return JSONResponse({"channel_statuses": found})

    def _drop(self, call: Call) -> Response:
        keep = flag_member(json_object(call.body), "fail_on_uncommitted_rows")
        token = self._channels.delete(self._store.pipe(call.pipe), call.named_channel, keep_uncommitted=keep)
        return JSONResponse({"last_committed_offset_token": token})


def _known(call: Call) -> Identity:
    assert call.identity is not None  # noqa: S101  # `admit` has set it
    return call.identity


def _json(reply: Reply) -> Response:
    packed = {"Content-Encoding": "gzip"} if reply.packed else None
    return RawJSONResponse(reply.body, reply.status, headers=packed)


class RawJSONResponse(JSONResponse):
    """JSON that is bytes already."""

    def render(self, content: bytes) -> bytes:
        """Return it as it is."""
        return content
