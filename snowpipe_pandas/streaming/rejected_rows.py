"""The first rejected rows of a load, for the error that says there are some: number, column, value, reason.

They come from the target's error table, as `result.rejected()` reads it. The table does not number rows: it
has their text and the request that brought them, so they are looked for in that range of the source, if the
source can be read again. Nothing in here may keep a load's own error from its caller.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from ..load_facts import RejectedRow
from ..offset_tokens import read_token
from ..rows.encode.encoder import Encoder
from ..rows.sources.source import Source
from ..shown import SHOWN_CHARACTERS, cleaned, shown
from .result import StreamResult

MOST_ROWS = 5
REASON_CHARACTERS = 200
LOOK_UP_S = 10.0
"""How long the error may wait for its rows."""

_LOOKED_AT = 100
"""Rows of the error table among which the first ones are chosen, as it has an order of its own."""

_MOST_SEARCHED = 1_000_000
"""Rows of a request that are looked through; more than any of ours has unless its rows are tiny."""


def first_rejected(
    result: StreamResult, rows: Source, encoder: Encoder, first_row: int
) -> tuple[RejectedRow, ...]:
    """Return the first rejected rows of a load, in the order of the source; none where they can't be had.

    Args:
        result: what the load, or a part of it, has done.
        rows: its source.
        encoder: how its rows were written.
        first_row: number of its first row in the whole source.
    """
    found: list[RejectedRow] = []

    def look() -> None:
        try:
            found.extend(_found(result, rows, encoder, first_row))
        except Exception:  # noqa: BLE001  # the load's own error is what its caller is to get
            found.clear()

    thread = threading.Thread(target=look, name="snowpipe-rejected-rows", daemon=True)
    try:
        thread.start()
        thread.join(LOOK_UP_S)
    except (KeyboardInterrupt, RuntimeError):  # a Ctrl-C ends the wait; no thread can be started
        return ()
    return () if thread.is_alive() else tuple(found)


def _found(result: StreamResult, rows: Source, encoder: Encoder, first_row: int) -> list[RejectedRow]:
    table = result.rejected().head(_LOOKED_AT)
    entries = [
        _entry(metadata, data, result.load_id)
        for metadata, data in zip(table["ERROR_METADATA"], table["ERROR_DATA"], strict=True)
    ]
    entries.sort(key=lambda entry: entry.span)
    numbered = _Numbers(rows, encoder)
    told = [entry.told(numbered.span(entry.span, entry.text), first_row) for entry in entries[:MOST_ROWS]]
    return sorted(told, key=lambda row: row.first_row)


class _Entry(NamedTuple):
    """A row of the error table: the range of its request, its text, and why it was rejected."""

    span: tuple[int, int]
    text: str
    reason: str

    def told(self, span: tuple[int, int], first_row: int) -> RejectedRow:
        row = _parsed(self.text)
        column = None if row is None else _named(self.reason, row)
        return RejectedRow(
            first_row=first_row + span[0],
            end_row=first_row + span[1],
            column=column,
            value=shown(row[column]) if row and column else cleaned(self.text, SHOWN_CHARACTERS),
            reason=cleaned(self.reason, REASON_CHARACTERS) or "no reason given",
        )


def _entry(metadata: Any, data: Any, load_id: str) -> _Entry:
    told, text = _mapping(metadata), _mapping(data).get("$1", data)
    details = _mapping(told.get("details"))
    lower, upper = (read_token(str(details.get(f"offset_token_{end}_bound"))) for end in ("lower", "upper"))
    start = lower.position.rows if lower is not None and lower.owner == load_id else 0
    end = start + 1 if upper is None else max(start + 1, upper.position.rows)
    return _Entry((start, end), str(text), str(told.get("error_message") or ""))


class _Numbers:
    """Finds the numbers of rows by their text; each is given once, as equal rows are rejected alike."""

    def __init__(self, rows: Source, encoder: Encoder) -> None:
        self._rows = rows
        self._encoder = encoder
        self._read: tuple[tuple[int, int], list[bytes]] | None = None
        self._given: set[int] = set()

    def span(self, span: tuple[int, int], text: str) -> tuple[int, int]:
        """Return where a row is: its number and the next one, or `span` if it is not found there."""
        if not self._rows.cuttable or span[1] - span[0] > _MOST_SEARCHED:
            return span
        if self._read is None or self._read[0] != span:
            self._read = span, list(self._lines(*span))
        wanted = text.encode()
        for number, line in enumerate(self._read[1], span[0]):
            if line == wanted and number not in self._given:
                self._given.add(number)
                return number, number + 1
        return span

    def _lines(self, start: int, end: int) -> Iterator[bytes]:
        for batch in self._rows.part(start, end).batches():
            encoded = self._encoder.encode(batch)
            yield from bytes(encoded.bytes_of(0, encoded.rows)).splitlines()


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _named(reason: str, row: Mapping[str, Any]) -> str | None:
    """Return the column of which a reason says that it is one: `column ID: "x" is no NUMBER`."""
    names = "|".join(re.escape(name) for name in sorted(row, key=len, reverse=True))
    found = re.search(rf'\bcolumn:? "?({names})(?![\w$])', reason, re.IGNORECASE) if names else None
    if found is None:
        return None
    return next((name for name in row if name.upper() == found[1].upper()), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return what the error table holds as JSON: parsed already, or as its text."""
    if isinstance(value, str):
        value = _parsed(value)
    return value if isinstance(value, dict) else {}
