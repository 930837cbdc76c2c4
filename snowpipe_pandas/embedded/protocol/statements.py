"""The SQL API: statements that run by themselves, are asked for by their handle, and can be cancelled."""

from __future__ import annotations

import gzip
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from ...arguments import plain_text
from ...errors import SnowpipeError, UsageError
from ..refusals import (
    SqlRefused,
    invalid_request,
    no_such_statement,
    sql_cancelled,
    sql_failed,
    sql_timed_out,
    throttled,
)
from ..runner import Runner
from ..sql.bound import with_values
from ..sql.qualify import Session
from ..sql.show import statements
from ..sql.wire import WireResult, wire_result
from ..stop import Stop
from .auth import Identity
from .bodies import json_object

SYNC_WAIT_S = 45.0
"""A statement that takes longer is answered with its handle, as is one with `async=true`."""

MAX_TIMEOUT_S = 604_800
MAX_PARTITION_BYTES = 1_000_000
MAX_RESULT_BYTES = 100_000_000
KEPT_BYTES = 400_000_000
KEPT_STATEMENTS = 1000
"""How many of the newest statements are known by their handles, and how many bytes of their results."""

WORKERS = 4
INTERRUPT_S = 0.02
IN_PROGRESS = "333334"
SUCCESS = "090001"
TOO_LARGE = "391908"
_CONTEXT = ("database", "schema", "warehouse", "role")


@dataclass(slots=True)
class Statement:
    """One statement: running, or over with a result or a refusal."""

    text: str
    bindings: Mapping[str, Any]
    session: Session
    timeout_s: float
    user: str
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_on_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    stop: Stop = field(default_factory=Stop)
    over: threading.Event = field(default_factory=threading.Event)
    late: bool = False
    refusal: SqlRefused | None = None
    layout: dict[str, Any] = field(default_factory=dict)
    partitions: list[bytes] = field(default_factory=list)
    code: str = SUCCESS

    @property
    def size(self) -> int:
        """Bytes of its result."""
        return sum(map(len, self.partitions))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, JSON, and whether it is to be compressed."""

    status: int
    body: bytes
    packed: bool = False


class Statements:
    """The statements of an account.

    Args:
        runner: runs them.
        session: what names mean where a request does not say.
    """

    def __init__(self, runner: Runner, session: Session) -> None:
        self._runner = runner
        self._session = session
        self._lock = threading.Lock()
        self._known: dict[str, Statement] = {}
        self._of_requests: dict[tuple[str, str], str] = {}
        self._waiting: deque[Statement] = deque()
        self._workers: set[threading.Thread] = set()
        """They end once nothing waits."""

    def close(self) -> None:
        """Stop what runs."""
        with self._lock:
            self._waiting.clear()
            running = [statement for statement in self._known.values() if not statement.over.is_set()]
            workers = list(self._workers)
        for statement in running:
            statement.stop.want()
        for worker in workers:
            while worker.is_alive():  # the engine may forget the first word
                worker.join(INTERRUPT_S)
                for statement in running:
                    statement.stop.want()

    def submit(self, body: bytes, query: Mapping[str, str], identity: Identity) -> Reply:
        """Take a statement, or find the one that a request with `retry=true` has brought before.

        Raises:
            Refused: the request can't be read, or the statement failed meanwhile.
        """
        wanted = self._read(json_object(body), identity)
        statement = self._take(wanted, query.get("requestId"), again=query.get("retry") == "true")
        if query.get("async") == "true":
            return _accepted(statement)
        statement.over.wait(SYNC_WAIT_S)
        return self._reply(statement, 0)

    def find(self, handle: str, query: Mapping[str, str], identity: Identity) -> Reply:
        """Return the state of a statement, or a partition of its result.

        Raises:
            Refused: it does not exist, or it failed.
        """
        partition = query.get("partition", "0")
        if not (partition.isascii() and partition.isdigit() and len(partition) < 10):
            raise invalid_request("partition is not a number")
        return self._reply(self._statement(handle, identity), int(partition))

    def cancel(self, handle: str, identity: Identity) -> Reply:
        """Stop a statement, if it still runs."""
        statement = self._statement(handle, identity)
        self._stop(statement)
        return _reply(200, statement, code="000604", message="successfully canceled")

    def _read(self, wanted: Mapping[str, Any], identity: Identity) -> Statement:
        text = plain_text(wanted.get("statement"), nul=True)
        if not text or not text.strip():
            raise invalid_request("statement is not a text")
        context = {name: wanted.get(name) for name in _CONTEXT}
        for name, value in context.items():
            if value is not None and plain_text(value) is None:
                raise invalid_request(f"{name} is not a text")
        timeout = wanted.get("timeout")
        if timeout is not None and (type(timeout) is not int or not 0 <= timeout <= MAX_TIMEOUT_S):
            raise invalid_request("timeout is not a number of seconds")
        bindings = wanted.get("bindings")
        if bindings is not None and not isinstance(bindings, dict):
            raise invalid_request("bindings is not an object")
        session = replace(
            self._session,
            database=context["database"] or self._session.database,
            schema=context["schema"] or self._session.schema,
            role=context["role"] or self._session.role,
            warehouse=context["warehouse"] or self._session.warehouse,
        )
        return Statement(text, bindings or {}, session, timeout or MAX_TIMEOUT_S, identity.user)

    def _take(self, wanted: Statement, request_id: str | None, *, again: bool) -> Statement:
        with self._lock:
            key = (wanted.user, request_id or wanted.handle)
            former = self._known.get(self._of_requests.get(key, ""))
            if again and former is not None and not (former.over.is_set() and former.refusal):
                if (former.text, former.bindings) != (wanted.text, wanted.bindings):
                    raise invalid_request("the request id is that of another statement")
                return former
            self._make_room()
            self._known[wanted.handle] = wanted
            self._of_requests[key] = wanted.handle
            self._waiting.append(wanted)
            if len(self._workers) < WORKERS:
                worker = threading.Thread(target=self._work, name="snowpipe-local-sql", daemon=True)
                self._workers.add(worker)
                worker.start()
            return wanted

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._workers.discard(threading.current_thread())
                    return
                statement = self._waiting.popleft()
            self._run(statement)

    def _make_room(self) -> None:
        """Forget the oldest statements that are over."""
        size = sum(statement.size for statement in self._known.values())
        for handle, statement in list(self._known.items()):
            if len(self._known) < KEPT_STATEMENTS and size <= KEPT_BYTES:
                break
            if statement.over.is_set():
                size -= statement.size
                del self._known[handle]
        if len(self._known) >= KEPT_STATEMENTS:
            raise throttled(f"{KEPT_STATEMENTS} statements run already", 1)
        self._of_requests = {
            key: handle for key, handle in self._of_requests.items() if handle in self._known
        }

    def _run(self, statement: Statement) -> None:
        late = threading.Timer(statement.timeout_s, self._end_late, [statement])
        late.name, late.daemon = "snowpipe-local-sql-timeout", True
        late.start()
        try:
            text = _one(statement.text, statement.bindings)
            _keep(statement, wire_result(self._runner.run(text, statement.session, statement.stop)))
        except Exception as error:  # noqa: BLE001  # it is reported to whoever asks
            statement.refusal = _refusal(statement, error)
        finally:
            late.cancel()
            statement.over.set()

    def _end_late(self, statement: Statement) -> None:
        statement.late = True
        self._stop(statement)

    def _stop(self, statement: Statement) -> None:
        statement.stop.want()
        for _ in range(50):
            if statement.over.wait(INTERRUPT_S):
                break
            statement.stop.want()

    def _statement(self, handle: str, identity: Identity) -> Statement:
        with self._lock:
            found = self._known.get(handle)
        if found is None or found.user != identity.user:
            raise no_such_statement(handle)
        return found

    def _reply(self, statement: Statement, partition: int) -> Reply:
        if not statement.over.is_set():
            return _accepted(statement)
        if statement.refusal is not None:
            raise statement.refusal
        if partition == 0:
            data = statement.partitions[0] if statement.partitions else b"[]"
            more = {"resultSetMetaData": statement.layout, "data": orjson.Fragment(data)}
            return _reply(200, statement, code=statement.code, message="successfully executed", **more)
        if partition >= len(statement.partitions):
            raise invalid_request(
                f"no such partition: the result ends before partition {len(statement.partitions)}"
            )
        return Reply(200, gzip.compress(b'{"data":%b}' % statement.partitions[partition], 1), packed=True)


def _keep(statement: Statement, result: WireResult) -> None:
    """Keep a result in partitions of rows that belong together."""
    parts = _partitions(result)
    if sum(size for _, _, size in parts) > MAX_RESULT_BYTES:
        statement.code, parts = TOO_LARGE, []
    statement.partitions = [packed for packed, _, _ in parts]
    statement.layout = {
        "numRows": result.rows,
        "format": "jsonv2",
        "partitionInfo": [{"rowCount": rows, "uncompressedSize": size} for _, rows, size in parts],
        "rowType": result.columns,
    }


def _one(text: str, bindings: Mapping[str, Any]) -> str:
    """Return the one statement of a request, with its parameters.

    Raises:
        UsageError: there are several, or the parameters are not those that it has.
    """
    parts = statements(text)
    if len(parts) != 1:
        raise UsageError("the local account does not know requests of no or several statements: send one")
    return with_values(parts[0], bindings)


def _partitions(result: WireResult) -> list[tuple[bytes, int, int]]:
    """Cut a result into partitions: each as JSON, with its rows and its bytes."""
    if not result.rows:
        return [(b"[]", 0, 2)]
    found, first, size = [], 0, 0
    rows = list(zip(*result.values, strict=True)) if result.values else [()] * result.rows
    for number, row in enumerate(rows, start=1):
        size += sum(4 if value is None else len(value) + 3 for value in row)
        if size >= MAX_PARTITION_BYTES or number == result.rows:
            packed = orjson.dumps(rows[first:number])
            found.append((packed, number - first, len(packed)))
            first, size = number, 0
    return found


def _accepted(statement: Statement) -> Reply:
    message = "Asynchronous execution in progress. Use the handle to ask for its end."
    return _reply(202, statement, code=IN_PROGRESS, message=message)


def _reply(status: int, statement: Statement, *, code: str, message: str, **more: Any) -> Reply:
    told_of_it = {
        "code": code,
        "message": message,
        "sqlState": "00000",
        "statementHandle": statement.handle,
        "createdOn": statement.created_on_ms,
        "statementStatusUrl": f"/api/v2/statements/{statement.handle}",
    }
    return Reply(status, orjson.dumps(told_of_it | more))


def _refusal(statement: Statement, error: Exception) -> SqlRefused:
    if statement.stop.wanted:
        return (sql_timed_out if statement.late else sql_cancelled)(statement.handle)
    return sql_failed(
        statement.handle, str(error) if isinstance(error, SnowpipeError) else type(error).__name__
    )
