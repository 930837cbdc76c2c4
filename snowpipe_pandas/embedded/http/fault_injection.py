"""Applies a fault to a request: to its body, its operation and its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response

from ..faults import Fault
from ..protocol.operations import refusal_answer
from ..refusals import Refused
from .connection import Wire

NO_FAULT = Fault("any")


async def obtain(
    fault: Fault,
    wire: Wire,
    refusal: Response | None,
    do: Callable[[bytes], Awaitable[Response]],
    query: Mapping[str, str],
) -> Response | None:
    """Do a request as far as its fault lets it; return its answer, None if the connection is to be cut.

    Where a request was refused by its head, `refusal` is the answer, and its body stays unread.
    """
    if fault.cut_before:
        return None
    if fault.cut_mid_body:
        await wire.read_first_part()
        return None
    if fault.stop_reading:
        wire.stop_reading()
        await asyncio.sleep(fault.hold_s)
        return None
    body = b""
    if refusal is None:
        try:
            body = await wire.read()
        except Refused as refused:
            refusal = refusal_answer(refused)
    if fault.hold_s:
        await asyncio.sleep(fault.hold_s)

    async def answer() -> Response:
        return await do(body) if refusal is None else refusal

    response = await _by_the_desk(fault, answer) or await _done(fault, answer, query)
    response.headers.update(fault.headers)
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    return None if fault.cut_after else response


async def _by_the_desk(fault: Fault, answer: Callable[[], Awaitable[Response]]) -> Response | None:
    """Return the answer that the fault makes instead of the operation's own, if it does."""
    if fault.status is None or fault.status < 300:
        return None
    if fault.applied:
        await answer()
    return Response(fault.body or b"", fault.status)


async def _done(
    fault: Fault, answer: Callable[[], Awaitable[Response]], query: Mapping[str, str]
) -> Response:
    if fault.deliver_twice:
        await answer()
    response = await answer()
    return _altered(response, fault, query) if response.status_code < 300 else response


async def deliver(response: Response, fault: Fault, wire: Wire) -> None:
    """Send an answer as its fault lets it."""
    if fault.truncate is not None:
        await wire.answer_partly(response, fault.truncate)
    elif fault.trickle_s:
        await wire.answer_slowly(response, fault.trickle_s)
    else:
        await wire.answer(response)


def _altered(response: Response, fault: Fault, query: Mapping[str, str]) -> Response:
    """Return a success as the fault changes it."""
    if fault.body is not None:
        return Response(fault.body, fault.status or response.status_code)
    if not (fault.stale_token or fault.repeat_token or fault.change):
        return response
    if not isinstance(response, JSONResponse) or "content-encoding" in response.headers:
        return response
    answer = json.loads(bytes(response.body))
    token = answer.get("next_continuation_token")
    if fault.stale_token and token is not None:
        answer["next_continuation_token"] = _of_the_opening_before(token)
    if fault.repeat_token and "continuationToken" in query:
        answer["next_continuation_token"] = query["continuationToken"]
    if fault.change is not None:
        answer = fault.change(answer)
    return JSONResponse(answer, response.status_code)


def _of_the_opening_before(token: str) -> str:
    return f"{int(token.partition('_')[0]) - 1}_0"
