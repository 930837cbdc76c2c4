"""The names of loads: fresh ones, those that callers give, and whether a channel remembers another one."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from ..arguments import plain_text, refuse
from ..offset_tokens import read_token

LOAD_ID_MAX_CHARACTERS = 100
_LOAD_ID = re.compile(r"[^\s:\x00-\x1f]+")
_REPAIR = re.compile(r"(?P<of>.+)\.repair-(?P<number>[1-9]\d{0,5})")
_FRESH_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_WANTED = (
    f"a text of 1 to {LOAD_ID_MAX_CHARACTERS} characters without spaces and colons, such as "
    'load_id="flights-2013"'
)


def new_load_id() -> str:
    """Return a fresh load id: sortable by time, unique without coordination."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:8]}"


def repair_of(load_id: str) -> str:
    """Return the name of the load that repairs another one; a repair is repaired by the next number.

    >>> repair_of("2013"), repair_of("2013.repair-1")
    ('2013.repair-1', '2013.repair-2')
    """
    found = _REPAIR.fullmatch(load_id)
    return f"{load_id}.repair-1" if found is None else f"{found['of']}.repair-{int(found['number']) + 1}"


def forgets(load_id: str, *, named: bool, after: str | None, token: str | None) -> bool:
    """Whether a channel remembers another load, and can't say how much of this one is already in the table.

    A channel remembers one load. A load that has a name may be a repetition of one that it has forgotten.

    Args:
        load_id: the load's id.
        named: whether its caller gave it.
        after: the load after which it may begin.
        token: the channel's committed token.
    """
    mark = read_token(token)
    if mark is None or not named or mark.owner in (load_id, after):
        return False
    if _FRESH_ID.fullmatch(mark.owner):  # an unnamed load blocks only a repetition of an older one
        return _FRESH_ID.fullmatch(load_id) is not None and mark.owner > load_id
    return True


def check_load_id(load_id: Any, argument: str = "load_id") -> str:
    """Return `load_id` if it can be part of an offset token.

    Raises:
        UsageError: it is not a text, empty, too long, or holds white space or a colon.
    """
    plain = plain_text(load_id)
    repair = _REPAIR.fullmatch(plain or "")
    name = plain if repair is None else repair["of"]  # what has a name of any length can be repaired
    if plain is None or not _LOAD_ID.fullmatch(plain) or len(name or "") > LOAD_ID_MAX_CHARACTERS:
        refuse(argument, load_id, _WANTED)
    return plain
