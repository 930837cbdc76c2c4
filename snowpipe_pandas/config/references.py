"""Secrets by reference: `file:/path`, `env:NAME`, `py:module:function`, read where they are needed.

A load on an engine is a graph that is pickled, shown and logged. It may hold a reference, but not a key.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..arguments import plain_text
from ..auth.keys import is_path
from ..auth.secret import Secret, hide
from ..errors import ConfigError
from ..files import read_small
from .spellings import ALIASES, SECRETS, hidden

_REFERENCE = re.compile(r"(file):(.+)|(env):([A-Za-z_][A-Za-z0-9_]*)|(py):([\w.]+:\w+)")
_POINTERS = {"connection_name": "default_connection_name"}
_WANTED = (
    'a reference, which is read where it is needed: "file:/path", "env:NAME" or "py:module:function"; the '
    "text of a secret would be in the engine's graph and logs"
)


def travelling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they may be pickled; others become a `Secret` or only their type. Never raises.

    >>> travelling({"user": "loader", "private_key": "env:LOADER_KEY", "token": "abc"})
    {'user': 'loader', 'private_key': 'env:LOADER_KEY', 'token': ***}
    """
    return {name: _kept(name, value) for name, value in settings.items()}


def refuse_to_travel(settings: Mapping[str, Any]) -> None:
    """Refuse settings of which `travelling` has hidden something.

    Raises:
        ConfigError: a secret is given as its text, or another setting holds what may be one.
    """
    for name, value in settings.items():
        if isinstance(value, Secret | type):
            wanted = _WANTED if _is_secret(name) else "one line of plain text"
            raise ConfigError(f"{name} can't travel to workers: give {wanted}", setting=name)


def _kept(name: str, value: Any) -> Any:
    if isinstance(value, type):
        return value
    if not _is_secret(name):
        known = _POINTERS.get(name, name)
        kept = hidden({known: value})[known]
        return type(value) if callable(kept) else kept
    plain = plain_text(value)
    if plain is not None and is_path(plain) and _REFERENCE.fullmatch(plain):
        return plain
    return hide(value) if isinstance(value, str | bytes | Secret) else type(value)


def _is_secret(name: str) -> bool:
    return ALIASES.get(name, name) in SECRETS


def resolved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as `connect()` takes them: keys and passphrases read now, tokens on demand.

    Raises:
        ConfigError: a reference can't be resolved.
    """
    return {name: _resolved(name, value) if _is_secret(name) else value for name, value in settings.items()}


def _resolved(name: str, reference: str) -> Secret | Callable[[], str]:
    if ALIASES.get(name, name) == "token":
        return lambda: _read(name, reference).as_text()
    return _read(name, reference)


def _read(name: str, reference: str) -> Secret:
    """Return the secret; errors are raised here, outside of any handler, without what was read."""
    kind, _, rest = reference.partition(":")
    found = {"file": _of_file, "env": _of_variable, "py": _of_function}[kind](rest)
    if isinstance(found, Secret):
        return found
    raise ConfigError(
        f"{name}={reference!r} does not lead to a secret on this machine: {found}", setting=name
    )


def _of_file(path: str) -> Secret | str:
    content = read_small(os.path.expanduser(path))
    return Secret(content.strip()) if isinstance(content, bytes) else f"the file {content}"


def _of_variable(name: str) -> Secret | str:
    value = os.environ.get(name)
    return Secret(value) if value else "the variable is not set in this process"


def _of_function(path: str) -> Secret | str:
    module, _, function = path.partition(":")
    try:
        value = getattr(importlib.import_module(module), function)()
    except Exception as error:  # noqa: BLE001  # the user's code, whose error may hold the secret
        return f"it raised {type(error).__name__}"
    return hide(value) if isinstance(value, str | bytes | Secret) else "it did not return a text"
