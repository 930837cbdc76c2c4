"""Does a fault to a request: what becomes of its body, of the doing, and of its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response

from ..faults import Fault
from .connection import Wire

NO_FAULT = Fault("any")


async def obtain(
    fault: Fault, wire: Wire, do: Callable[[bytes], Awaitable[Response]], query: Mapping[str, str]
) -> Response | None:
    """Do a request as far as its fault lets it; return its answer, None if the connection is to be cut."""
    if fault.cut_before:
        return None
    if fault.cut_mid_body:
        await wire.read_first_part()
        return None
    if fault.stop_reading:
        wire.stop_reading()
        await asyncio.sleep(fault.hold_s)
        return None
    body = await wire.read()
    if fault.hold_s:
        await asyncio.sleep(fault.hold_s)
    if fault.status is not None and fault.status >= 300:
        if fault.applied:
            await do(body)
        response = Response(fault.body or b"", fault.status)
    else:
        if fault.deliver_twice:
            await do(body)
        response = await do(body)
        if response.status_code < 300:
            response = _altered(response, fault, query)
    response.headers.update(fault.headers)
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    return None if fault.cut_after else response


async def deliver(response: Response, fault: Fault, wire: Wire) -> None:
    """Send an answer as its fault lets it."""
    if fault.truncate is not None:
        await wire.answer_partly(response, fault.truncate)
    elif fault.trickle_s:
        await wire.answer_slowly(response, fault.trickle_s)
    else:
        await wire.answer(response)


def _altered(response: Response, fault: Fault, query: Mapping[str, str]) -> Response:
    """Return a success as the fault tells it."""
    if fault.body is not None:
        return Response(fault.body, fault.status or response.status_code)
    if not (fault.stale_token or fault.repeat_token or fault.change):
        return response
    if not isinstance(response, JSONResponse):
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
