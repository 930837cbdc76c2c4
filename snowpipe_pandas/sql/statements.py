"""Runs one statement: submits it, waits for its end, reads its result, cancels it on request.

A statement is submitted to run by itself (`async=true`), so that its handle is known at once: with it, it can
be queried and cancelled. Submitted again with the same `requestId` and `retry=true` it does not run twice.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from ..errors import (
    ServiceError,
    SnowpipeError,
    SqlError,
    SqlResultError,
    SqlTimeoutError,
    SqlUnknownError,
    TransportError,
)
from ..rest import fields
from ..rest.answers import Answer, Refusal
from ..rest.bounds import PARTITION_BYTES
from ..rest.caller import Caller
from ..rest.fields import UnreadableError
from ..rest.planes import Planes
from ..rest.trail import Trail
from ..shown import counted, visible
from .context import Context
from .failures import (
    CANCELLED,
    TOO_LARGE,
    failed,
    is_conclusive,
    not_run,
    shown_statement,
    timed_out,
    unknown,
)
from .results import Column, Layout, Row, read_layout, read_rows

PATH = "/api/v2/statements"
FIRST_PAUSE_S = 0.02
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_S = 2.0
"""Between two checks whether a statement is over."""

LATE_S = 2.0
"""How much later than the service the client gives up, so that the service reports how it ended."""

CANCEL_S = 5.0
"""How long a cancel, and the check whether it succeeded, may take."""

MAX_RESULT_BYTES = 250_000_000
"""Most bytes of a result, as the service counts them: in memory it takes several times as much."""

_JSON = {"Content-Type": "application/json"}
_SESSION = {"BINARY_OUTPUT_FORMAT": "HEX"}
"""Parameters that results depend on, whatever the account has set."""


def _judged(answer: Answer) -> Refusal:
    """Judge an answer: the SQL API's own answer about a statement is final, whatever it says."""
    return Refusal.NONE if is_conclusive(answer) else answer.refusal


@dataclass(frozen=True, slots=True)
class Result:
    """The complete result of a statement: its columns, its rows as the service's texts, its query id."""

    columns: tuple[Column, ...]
    rows: list[Row]
    query_id: str


class Statement:
    """One statement that is run.

    Args:
        planes: sends to the account's host.
        context: what it runs with.
        caller: waits, and may end a wait.
        statement: its text.
        timeout_s: seconds that it may take.
    """

    def __init__(
        self, planes: Planes, context: Context, caller: Caller, statement: str, timeout_s: float
    ) -> None:
        self._planes = planes
        self._context = context
        self._caller = caller
        self._statement = statement
        self._timeout_s = timeout_s
        self._action = f"run a statement ({shown_statement(statement)})"
        self._trail = Trail(str(uuid.uuid4()))
        self._handle = ""

    def result(self, bindings: Mapping[str, Any]) -> Result:
        """Run it to its end and read its whole result; once.

        Raises:
            SqlError: it failed, or its result can't be read; SqlUnknownError where it may have run.
            ServiceError: it was refused before it ran.
            TransportError: it never reached the service.
        """
        answer = self._submitted(bindings)
        if answer.status == 202:
            answer = self._waited_for()
        return self._read(answer)

    def _submitted(self, bindings: Mapping[str, Any]) -> Answer:
        """Submit the statement; return an answer with its handle, and possibly with its result."""
        body: dict[str, Any] = {
            "statement": self._statement,
            "timeout": max(1, math.ceil(self._timeout_s)),
            "parameters": _SESSION,
            **self._context.fields(),
        }
        if bindings:
            body["bindings"] = bindings
        try:
            answer = self._planes.account(
                "POST",
                PATH,
                action=self._action,
                caller=self._caller,
                query={"async": "true"},
                body=orjson.dumps(body),
                headers=_JSON,
                most_bytes=PARTITION_BYTES,
                resubmission={"retry": "true"},
                judge=_judged,
                trail=self._trail,
            )
        except SnowpipeError as error:
            if not self._trail.in_doubt:
                raise
            raise self._unknown(str(error)) from error
        except BaseException as stop:
            stop.add_note(self._cut_short())
            raise
        if 200 <= answer.status < 300:
            self._learn_handle(answer)
            return answer
        raise self._refusal(answer)

    def _cut_short(self) -> str:
        """Say what became of a statement whose submission was interrupted, as by a Ctrl-C."""
        if self._trail.in_doubt:
            return str(self._unknown("it was interrupted while it was submitted"))
        return f"the statement was not run: {shown_statement(self._statement)}"

    def _refusal(self, answer: Answer) -> ServiceError:
        """Return the error of an answer to the submission that is not a success."""
        if is_conclusive(answer) or answer.status == 422:
            return failed(answer, self._statement, self._context, self._timeout_s)
        if self._trail.in_doubt:
            return self._unknown(answer.reason, answer)
        return self._planes.refused_by_account(answer, self._action) or not_run(answer, self._action)

    def _learn_handle(self, answer: Answer) -> None:
        try:
            self._handle = fields.token(answer.table(), "statementHandle") or ""
        except UnreadableError:
            self._handle = ""
        if not self._handle:
            raise self._unknown("the service's answer holds no statement handle", answer)

    def _waited_for(self) -> Answer:
        """Wait until the statement is over; cancel it if it is to stop."""
        try:
            answer = self._looked_until_late()
        except SqlError:
            raise
        except BaseException as stop:
            stop.add_note(visible(f"the statement {self._handle} {self._stopped()}"))
            raise
        if answer is not None:
            return answer
        self._cancel()
        return self._after_cancel()

    def _looked_until_late(self) -> Answer | None:
        """Check until it is over; None where it takes too long."""
        clock = self._planes.transport.clock
        give_up_at = clock.monotonic() + max(1, math.ceil(self._timeout_s)) + LATE_S
        pause_s = FIRST_PAUSE_S
        while clock.monotonic() < give_up_at:
            self._caller.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * PAUSE_GROWTH)
            answer = self._looked()
            if answer.status != 202:
                return answer
        return None

    def _looked(self, budget_s: float | None = None) -> Answer:
        """Request the statement's state: its result, or that it still runs.

        Raises:
            SqlError: it failed, or its state is unknown.
        """
        try:
            answer = self._get({}, budget_s)
        except SnowpipeError as error:
            raise self._unknown(str(error)) from error
        if answer.status in (200, 202):
            return answer
        if is_conclusive(answer) or answer.status == 422:
            raise failed(answer, self._statement, self._context, self._timeout_s)
        refused = self._planes.refused_by_account(answer, "query the statement")
        raise self._unknown(str(refused) if refused else answer.reason, answer)

    def _get(self, query: Mapping[str, str], budget_s: float | None = None) -> Answer:
        return self._planes.account(
            "GET",
            f"{PATH}/{quote(self._handle, safe='')}",
            action=self._action,
            caller=self._caller,
            budget_s=budget_s,
            query=query,
            most_bytes=PARTITION_BYTES,
            resubmission={},
            judge=_judged,
        )

    def _cancel(self) -> None:
        """Request a cancel; whether the statement ended is queried afterwards."""
        path = f"{PATH}/{quote(self._handle, safe='')}/cancel"
        try:
            self._planes.account(
                "POST",
                path,
                action="cancel the statement",
                caller=self._caller,
                budget_s=CANCEL_S,
                headers=_JSON,
                resubmission={},
            )
        except SnowpipeError:
            return  # how it ended is queried next

    def _after_cancel(self) -> Answer:
        """Say how a cancelled statement ended; it may have been done just before."""
        clock = self._planes.transport.clock
        give_up_at, pause_s = clock.monotonic() + CANCEL_S, FIRST_PAUSE_S
        while True:
            try:
                answer = self._looked(CANCEL_S)
            except SqlError as error:
                if error.code == CANCELLED:
                    raise timed_out(None, self._statement, self._timeout_s, self._handle) from None
                raise
            if answer.status != 202:
                return answer
            if clock.monotonic() >= give_up_at:
                raise self._unknown(
                    f"it took longer than {self._timeout_s:g} s, and goes on after its cancel"
                )
            self._caller.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * PAUSE_GROWTH)

    def _stopped(self) -> str:
        """Cancel for a caller that is to stop; return how that ended."""
        self._caller = Caller(self._planes.transport.clock, self._planes.events)  # its own waits would raise
        self._cancel()
        try:
            self._after_cancel()
        except SqlTimeoutError:
            return "was cancelled and has changed nothing"
        except SqlUnknownError as error:
            return f"may still run: {error}"
        except SqlError:
            return "had failed and has changed nothing"
        return "was done before it could be cancelled"

    def _read(self, answer: Answer) -> Result:
        """Read the whole result of a statement: all partitions, the first from this answer."""
        if answer.field("code") == TOO_LARGE:
            why = "its result is larger than the service returns: select less, or aggregate"
            raise self._lost(why, code=TOO_LARGE)
        try:
            layout = read_layout(answer.table())
            self._check_size(layout, layout.reported_bytes)
            rows, size = read_rows(answer.table(), layout, 0)
            for number in range(1, len(layout.partition_rows)):
                self._check_size(layout, size)
                more, characters = read_rows(self._partition(number).table(), layout, number)
                rows += more
                size += characters
        except UnreadableError as error:
            raise self._lost(f"its result can't be understood: {error}") from error
        return Result(layout.columns, rows, self._handle)

    def _check_size(self, layout: Layout, size: int) -> None:
        """Refuse a result that is too large, by its reported size and by what was read of it."""
        if size > MAX_RESULT_BYTES:
            raise self._lost(
                f"its result has {size:,} bytes or more in {counted(layout.rows, 'row')}, and at most "
                f"{MAX_RESULT_BYTES:,} are read: select less, or aggregate",
                code=TOO_LARGE,
            )

    def _partition(self, number: int) -> Answer:
        self._caller.sleep(0)
        try:
            answer = self._get({"partition": str(number)})
        except TransportError as error:
            raise self._lost(f"partition {number} of its result could not be read: {error}") from error
        if answer.status != 200:
            raise self._lost(f"partition {number} of its result could not be read: {answer.reason}", answer)
        return answer

    def _lost(self, why: str, answer: Answer | None = None, *, code: str = "") -> SqlResultError:
        return SqlResultError(
            f"the statement was done, but {why}; its text: {shown_statement(self._statement)}",
            statement=self._statement,
            status=200 if answer is None else answer.status,
            code=code if answer is None else answer.code,
            query_id=self._handle,
            request_id=self._trail.request_id,
        )

    def _unknown(self, why: str, answer: Answer | None = None) -> SqlError:
        return unknown(
            why,
            self._statement,
            request_id=self._trail.request_id,
            handle=self._handle,
            status=0 if answer is None else answer.status,
            code="" if answer is None else answer.code,
        )
