"""Reads fields of an answer's JSON into plain types, once, at the border; nothing checks them again.

A field that a load's counts depend on must be valid, or the answer counts as unreadable. What is only shown
is cleaned, and None where it is of another type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..shown import cleaned, shown

MAX_COUNT = 2**63 - 1
MAX_TOKEN_CHARACTERS = 65_536
"""Tokens are opaque and of no documented length; ours have some hundred characters."""

MAX_NAME_CHARACTERS = 1000
MAX_MESSAGE_CHARACTERS = 1000

HALF_CHARACTER_MARK = "\uffff"
"""Replaces half a character (a lone surrogate), which no text can hold; it is not a character itself."""

_WHOLE_FLOATS = 2.0**53


class UnreadableError(ValueError):
    """A field is not valid; the text says which, and what it is."""


def table(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is {shown(value)}, not an object")
    return value


def count(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number from 0 to 2^63 - 1, None where none is given."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is float and value.is_integer() and abs(value) <= _WHOLE_FLOATS:
        value = int(value)
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise UnreadableError(f"{name} is {shown(value)}, not a count")
    return value


def number(fields: Mapping[str, Any], name: str, *, low: float) -> float:
    """Return a number of at least `low` that must be there; true and false are not numbers."""
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= MAX_COUNT:
        raise UnreadableError(f"{name} is {shown(value)}, not a number from {low:g} on")
    return float(value)


def token(fields: Mapping[str, Any], name: str) -> str | None:
    """Return an opaque text unchanged, None where none is given."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TOKEN_CHARACTERS or HALF_CHARACTER_MARK in value:
        raise UnreadableError(f"{name} is {_described(value)}, not a token")
    return value


def word(fields: Mapping[str, Any], name: str) -> str:
    """Return a short text that must be there, such as a code."""
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_NAME_CHARACTERS:
        raise UnreadableError(f"{name} is {_described(value)}, not a text")
    return cleaned(value, MAX_NAME_CHARACTERS)


def text(fields: Mapping[str, Any], name: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str | None:
    """Return a text that is only shown, cleaned and cut; None for anything else."""
    value = fields.get(name)
    return cleaned(value, limit) if isinstance(value, str) else None


def _described(value: object) -> str:
    long = isinstance(value, str) and len(value) > MAX_NAME_CHARACTERS
    return f"{len(value):,} characters long" if long and isinstance(value, str) else shown(value)
