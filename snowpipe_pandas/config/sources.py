"""Reads the places where settings are stored: the environment, a profile, connections.toml and config.toml.

Each gives a `Source`; which one wins is decided in `settings.py`. A parser's own error is never raised: it
holds the text that it failed on, and that text may be a key.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import ConfigError
from ..files import read_small
from ..shown import visible
from .foreign import REFUSED
from .spellings import ALIASES, NAMES, POINTERS, Source, gather, hidden

PROFILE_FILE = "profile.json"
CONNECTIONS_FILE = "connections.toml"
CONFIG_FILE = "config.toml"
PREFIX = "SNOWFLAKE_"
DEFAULT_CONNECTION = "default"


def variables(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the `SNOWFLAKE_*` variables that are used here, by lower-case name without the prefix."""
    wanted = {f"{PREFIX}{name.upper()}": name for name in (*NAMES, *ALIASES, *REFUSED, *POINTERS)}
    return hidden({wanted[name]: environment[name] for name in wanted if environment.get(name)})


def from_environment(given: Mapping[str, Any]) -> Source:
    """Return the settings from the variables."""
    return gather("the environment", given, prefix=PREFIX)


def from_profile(path: Path) -> Source:
    """Read a profile in the official SDK's format.

    Raises:
        ConfigError: not a file, not a JSON object, or one setting given two ways.
    """
    path = Path(os.path.expanduser(path))
    label = f"profile {visible(str(path))}"
    form = "a JSON object that names each setting once"
    return gather(label, _read(path, _read_json, form, setting="profile"))


def from_connection(given: Mapping[str, Any], name: str | None) -> Source:
    """Read a connection; `connections.toml` comes before `config.toml`, as in Snowflake's own tools.

    Args:
        given: variables; `home` and `default_connection_name` are used.
        name: the connection, which must exist; None for the default one, which need not.

    Raises:
        ConfigError: no such connection, or a file that can't be read.
    """
    folder = _folder(given)
    config = _read_toml(folder / CONFIG_FILE)
    configured = config.get("default_connection_name")
    chosen = str(name or given.get("default_connection_name") or configured or DEFAULT_CONNECTION)
    known: list[str] = []
    for file, connections in (
        (CONNECTIONS_FILE, _read_toml(folder / CONNECTIONS_FILE)),
        (CONFIG_FILE, config.get("connections")),
    ):
        given_tables = connections if isinstance(connections, dict) else {}
        tables = {key: value for key, value in given_tables.items() if isinstance(value, dict)}
        if chosen in tables:
            return gather(f"connection {chosen!r} of {folder / file}", tables[chosen])
        known += tables
    if name is None:
        return Source(f"connections in {folder} (no {chosen!r} there)")
    raise ConfigError(
        f"there is no connection {name!r} in {CONNECTIONS_FILE} or {CONFIG_FILE} of {folder}; "
        f"known are: {visible(', '.join(known)) or 'none'}",
        setting="connection_name",
    )


def _folder(given: Mapping[str, Any]) -> Path:
    """Return the one folder that Snowflake's tools use: the platform's, unless their own exists."""
    home = Path(os.path.expanduser(given.get("home") or "~/.snowflake"))
    return home if os.path.exists(home) else Path(platformdirs.user_config_dir("snowflake", appauthor=False))


def _read_toml(path: Path) -> dict[str, Any]:
    return _read(path, tomllib.loads, "TOML", setting="connection_name") if os.path.lexists(path) else {}


def _read(path: Path, parse: Callable[[str], Any], form: str, *, setting: str) -> dict[str, Any]:
    """Read and parse a file; its content is hidden before anything can fail."""
    content = _content(path, parse)
    if isinstance(content, dict):
        return content
    # Raised here, outside of any handler: a parser's error would become the context of ours.
    raise ConfigError(f"{str(path)!r} {content or f'is not {form}'}", setting=setting)


def _content(path: Path, parse: Callable[[str], Any]) -> dict[str, Any] | str | None:
    """Return the tables of a file, hidden; None where it holds none; or what is wrong with the file."""
    read = read_small(path)
    if isinstance(read, str):
        return read
    try:
        return _hidden_tables(parse(read.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return None


def _read_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_named_once)


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict; JSON would silently take the last of two values, and a JWT might go to another account."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError
    return named


def _hidden_tables(content: object) -> dict[str, Any] | None:
    """Hide what a file holds, with the tables and sub-tables of TOML; None where it is not a table."""
    if not isinstance(content, dict):
        return None
    return {
        key: _hidden_tables(value) if isinstance(value, dict) else hidden({key: value})[key]
        for key, value in content.items()
    }
