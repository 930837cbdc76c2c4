"""Checks of the arguments of public functions: a value is parsed here once, and trusted after that.

A check returns the value in its plain type (`str`, `int`, `float`, `bool`), whatever subclass or NumPy
scalar it was. It knows nothing of rows or of the protocol, so every room may use it.
"""

from __future__ import annotations

import math
import operator
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NoReturn, TypeGuard, TypeVar

from .errors import ConfigError, UsageError
from .shown import shown

T = TypeVar("T")
Text = TypeVar("Text", bound=str)

A_DAY_S = 86_400.0
_NO_NUMBERS: tuple[type, ...] = (bool,)
"""Python counts these as whole numbers; a caller who gives one means something else."""


def refuse(
    name: str, value: Any, wanted: str, *, setting: str | None = None, secret: bool = False
) -> NoReturn:
    """Raise the error for an argument that can't be used.

    Args:
        name: the argument's name, as callers know it.
        value: what was given; its own `__repr__` may fail.
        wanted: what to give instead, with an example.
        setting: makes it a ConfigError of this setting.
        secret: the value may hold a secret, so only its type is shown.

    >>> refuse("load_id", 7, 'a text, such as load_id="flights-2013"')
    UsageError: load_id=7 can't be used: give a text, such as load_id="flights-2013"
    """
    given = f"{name} of type {type(value).__name__}" if secret else f"{name}={shown(value)}"
    message = f"{given} can't be used: give {wanted}"
    raise UsageError(message) if setting is None else ConfigError(message, setting=setting)


def plain_text(value: Any, *, nul: bool = False) -> str | None:
    """Return a text as a plain `str`, None for anything else, and for one with a lone surrogate or NUL."""
    plain = any_text(value)
    if plain is None or has_surrogate(plain) or ("\0" in plain and not nul):
        return None
    return plain


def any_text(value: Any) -> str | None:
    """Return a text as a plain `str`, whatever it holds; None for anything else."""
    return str.__str__(value) if issubclass(type(value), str) else None


def plain_path(value: Any) -> str | None:
    """Return the text of a path, None for what can't be one: bytes, a NUL, what file systems can't encode."""
    try:
        given = os.fspath(value)
        plain = str.__str__(given)
        os.fsencode(plain)
    except Exception:  # noqa: BLE001  # a foreign __fspath__
        return None
    return None if "\0" in plain or not plain.strip() else plain


def plain_number(value: Any) -> float:
    """Return a number as a float, NaN for anything else, such as a bool or a span of time."""
    kind = type(value)
    if not issubclass(kind, Real) or issubclass(kind, _NO_NUMBERS) or kind.__name__ == "timedelta64":
        return math.nan
    try:
        return float(value)
    except Exception:  # noqa: BLE001  # a foreign __float__, or an integer that no float holds
        return math.nan


def text(name: str, value: Any, *, example: str, wanted: str = "a text", setting: str | None = None) -> str:
    """Return a text.

    Raises:
        UsageError: it is not a text, or holds a NUL or a lone surrogate, which URLs and SQL can't carry.
    """
    plain = plain_text(value)
    if plain is None:
        refuse(name, value, f"{wanted} without NUL and lone surrogates, such as {example}", setting=setting)
    return plain


def optional_text(name: str, value: Any, *, example: str, setting: str | None = None) -> str | None:
    """Return a text or None; raises as `text` does."""
    return None if value is None else text(name, value, example=example, setting=setting)


def path(name: str, value: Any, *, example: str) -> Path:
    """Return a path.

    Raises:
        UsageError: it is not a path.
    """
    plain = plain_path(value)
    if plain is None or has_surrogate(plain):
        refuse(name, value, f"the path of a file, such as {example}")
    return Path(plain)


def number(
    name: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = math.inf,
    example: str,
    wanted: str = "a number of seconds",
    setting: str | None = None,
) -> float:
    """Return a number from `low` to `high`.

    Raises:
        UsageError: it is not a number, or out of range, as NaN always is.
    """
    plain = plain_number(value)
    if not low <= plain <= high:
        refuse(name, value, f"{wanted}{_span(low, high)}, such as {example}", setting=setting)
    return plain


def whole(
    name: str,
    value: Any,
    *,
    low: int,
    high: int = sys.maxsize,
    example: str,
    setting: str | None = None,
) -> int:
    """Return a whole number from `low` to `high`.

    Raises:
        UsageError: it is not a whole number (nor are 1.0 and True), or out of range.
    """
    plain: int | None = None
    if issubclass(type(value), Integral) and not issubclass(type(value), _NO_NUMBERS):
        try:
            plain = operator.index(value)
        except Exception:  # noqa: BLE001  # a foreign __index__
            plain = None
    if plain is None or not low <= plain <= high:
        refuse(name, value, f"a whole number{_span(low, high)}, such as {example}", setting=setting)
    return plain


def flag(name: str, value: Any) -> bool:
    """Return True or False.

    Raises:
        UsageError: it is neither of them, nor one of NumPy's.
    """
    kind = type(value)
    if kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")):
        return bool(value)
    refuse(name, value, "True or False")


def choice(name: str, value: Any, choices: tuple[Text, ...]) -> Text:
    """Return which of some texts was chosen.

    Raises:
        UsageError: it is none of them.
    """
    plain = plain_text(value)
    for known in choices:
        if plain == known:
            return known
    refuse(name, value, " or ".join(f'"{known}"' for known in choices))


def instance(
    name: str,
    value: Any,
    kind: type[T],
    *,
    wanted: str,
    setting: str | None = None,
    secret: bool = False,
) -> T:
    """Return an object of a class.

    Raises:
        UsageError: it is of another class.
    """
    if not is_a(value, kind):
        refuse(name, value, wanted, setting=setting, secret=secret)
    return value


def is_a(value: Any, kind: type[T]) -> TypeGuard[T]:
    """Return whether a value is of a class, or is a proxy for an object of it."""
    try:
        return isinstance(value, kind)
    except Exception:  # noqa: BLE001  # a foreign __class__
        return False


def items(name: str, value: Any, *, wanted: str, setting: str | None = None) -> list[Any]:
    """Return what a collection or an iterator holds; a failure of the iterator itself is the caller's.

    Raises:
        UsageError: it can't be iterated, or is a text or a mapping.
    """
    iterator = None
    if not issubclass(type(value), str | bytes | Mapping):
        with suppress(Exception):  # a foreign __iter__, or no such method
            iterator = iter(value)
    if iterator is None:
        refuse(name, value, wanted, setting=setting)
    return list(iterator)


def texts_by_text(name: str, value: Any, *, wanted: str) -> dict[str, str]:
    """Return a mapping of texts to texts, which may hold any character.

    Raises:
        UsageError: it is not a mapping, or holds another object.
    """
    pairs: list[tuple[Any, Any]] | None = None
    with suppress(Exception):  # a foreign mapping
        pairs = list(value.items()) if isinstance(value, Mapping) else None
    if pairs is None:
        refuse(name, value, wanted)
    plain = [(any_text(key), any_text(found)) for key, found in pairs]
    known = {key: found for key, found in plain if key is not None and found is not None}
    if len(known) < len(pairs):
        refuse(name, value, wanted)
    return known


def has_surrogate(plain: str) -> bool:
    """Return whether a text holds a lone surrogate, which UTF-8 can't encode."""
    try:
        plain.encode()
    except UnicodeEncodeError:
        return True
    return False


def _span(low: float, high: float) -> str:
    """Return the range in words, with the bounds that it has."""
    if high < sys.maxsize:
        return f" from {low:,g} to {high:,g}"
    return f", {low:,g} or more" if low > -math.inf else ""
