"""Offset tokens that describe themselves: `{load_id}:{rows so far}:{digest of those rows}`.

The service stores the token and gives it back; everything that makes a load resumable is in it:
whose load it is, how many rows are durable, and a digest which proves that they were these rows.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

from ..arguments import plain_text, refuse

LOAD_ID_MAX_CHARACTERS = 100
_LOAD_ID = re.compile(r"[^\s:\x00-\x1f]+")
_WANTED = (
    f"a text of 1 to {LOAD_ID_MAX_CHARACTERS} characters without spaces and colons, such as "
    'load_id="flights-2013"'
)


@dataclass(frozen=True, slots=True)
class Position:
    """A border between rows of a load: `rows` lie before it, `digest` is taken over their NDJSON."""

    rows: int
    digest: str


START = Position(0, "")
"""Before the first row; nothing of the load is committed."""


def new_load_id() -> str:
    """Return a fresh load id: sortable by time, unique without coordination."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:8]}"


def check_load_id(load_id: Any) -> str:
    """Return `load_id` if it can stand in an offset token.

    Raises:
        UsageError: it is no text, empty, too long, or holds white space or a colon.
    """
    plain = plain_text(load_id)
    if plain is None or not _LOAD_ID.fullmatch(plain) or len(plain) > LOAD_ID_MAX_CHARACTERS:
        refuse("load_id", load_id, _WANTED)
    return plain


def format_token(load_id: str, position: Position) -> str:
    """Write the offset token of a position.

    >>> format_token("flights-2013", Position(1000, "9f3a"))
    'flights-2013:1000:9f3a'
    """
    return f"{load_id}:{position.rows}:{position.digest}"


def parse_token(load_id: str, token: str | None) -> Position | None:
    """Read a committed token; None where it is missing or not of this load.

    >>> parse_token("flights-2013", "flights-2013:1000:9f3a")
    Position(rows=1000, digest='9f3a')
    >>> parse_token("flights-2014", "flights-2013:1000:9f3a") is None
    True
    """
    owner, _, rest = (token or "").partition(":")
    rows, _, digest = rest.partition(":")
    if owner != load_id or not rows.isascii() or not rows.isdigit():
        return None
    return Position(int(rows), digest)
