"""Which settings sign: the kinds of credentials, what each needs, and what only one of them uses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..auth.credentials import OAUTH, PROGRAMMATIC_ACCESS_TOKEN
from ..errors import ConfigError
from .sources import PREFIX
from .spellings import Source

KEY_PAIR = "SNOWFLAKE_JWT"
CLIENT_CREDENTIALS = "OAUTH_CLIENT_CREDENTIALS"
SPCS = "SPCS"

AUTHENTICATORS = {
    KEY_PAIR: KEY_PAIR,
    "JWT": KEY_PAIR,
    PROGRAMMATIC_ACCESS_TOKEN: PROGRAMMATIC_ACCESS_TOKEN,
    "PAT": PROGRAMMATIC_ACCESS_TOKEN,
    OAUTH: OAUTH,
    CLIENT_CREDENTIALS: CLIENT_CREDENTIALS,
    SPCS: SPCS,
}
"""Spellings of the Python connector and, shorter, of the official streaming SDK."""

SESSION_TOKEN = "/snowflake/session/token"  # noqa: S105  # a path
SERVICE_TOKEN = "/snowflake/session/spcs_token"  # noqa: S105  # a path
"""Where Snowflake stores the tokens of a container's session; the variables `SNOWFLAKE_SPCS_TOKEN_PATH` and
`SNOWFLAKE_SPCS_SERVICE_TOKEN_PATH` name other places, as for the official SDK."""

_KEY = frozenset({"private_key", "private_key_file"})
_TOKEN = frozenset({"token", "token_file_path"})
_OAUTH = frozenset({"oauth_client_secret", "oauth_refresh_token"})
_OAUTH_ALL = _OAUTH | {
    *("oauth_client_id", "oauth_token_request_url", "oauth_scope"),
    *("oauth_credentials_in_body", "oauth_include_scope"),
}

_WHO = frozenset({"account", "user", "url", "host"})

SIGNING = _KEY | _TOKEN | _OAUTH
"""A source with any of these says how to sign."""

NAMES = SIGNING | _OAUTH_ALL | {"private_key_passphrase", "authenticator"}
"""These belong together, and come from one source."""


def session_token(values: Mapping[str, Any], origins: Mapping[str, str]) -> str | None:
    """Return the file of a container's session token, if it exists and nothing else is given.

    It is for the container's own account, which the container's variables name: it is not sent to an account
    or an address from any other source.
    """
    if values.keys() & (SIGNING | {"authenticator"}):
        return None
    if any(not origins[name].startswith(PREFIX) for name in values.keys() & _WHO):
        return None
    path = str(values.get("spcs_token_path") or SESSION_TOKEN)
    return path if os.path.isfile(path) else None


def authenticator(values: Mapping[str, Any]) -> str:
    """Return the kind of credential; without a key, whatever else is given must be meant to sign.

    Raises:
        ConfigError: the kind is unknown.
    """
    implied = KEY_PAIR
    if not values.keys() & _KEY:
        if values.keys() & _TOKEN:
            implied = PROGRAMMATIC_ACCESS_TOKEN
        elif values.keys() & _OAUTH:
            implied = OAUTH
    wanted = values.get("authenticator", implied)
    if wanted.upper() not in AUTHENTICATORS:
        raise ConfigError(
            f"authenticator {wanted!r} is not supported; take one of {', '.join(AUTHENTICATORS)}",
            setting="authenticator",
        )
    return AUTHENTICATORS[wanted.upper()]


def check(values: Mapping[str, Any], found: Sequence[Source]) -> None:
    """Check that a kind of credential has what it needs, and nothing that it would not use.

    Raises:
        ConfigError: names what is missing, or not used.
    """
    kind = values["authenticator"]
    if kind == SPCS:
        return
    if kind == CLIENT_CREDENTIALS or (kind == OAUTH and values.keys() & _OAUTH_ALL):
        _check_oauth(kind, values, found)
        return
    wanted = ("private_key_file", "private_key") if kind == KEY_PAIR else ("token_file_path", "token")
    if not values.keys() & set(wanted):
        what = (
            "a private key" if kind == KEY_PAIR else "an access token (text, or a function that returns it)"
        )
        raise missing(f"authenticator {kind} needs {what}", wanted, found)


def _check_oauth(kind: str, values: Mapping[str, Any], found: Sequence[Source]) -> None:
    for name in sorted(values.keys() & _TOKEN):
        raise ConfigError(
            f"{name} and OAuth's client are both given: a token is either given or fetched; keep one of them",
            setting=name,
        )
    if kind == CLIENT_CREDENTIALS and "oauth_refresh_token" in values:
        raise ConfigError(
            f"authenticator {kind} uses no oauth_refresh_token; take authenticator='{OAUTH}'",
            setting="oauth_refresh_token",
        )
    for name in ("oauth_client_id", "oauth_client_secret"):
        if name not in values:
            raise missing(f"authenticator {kind} without a token needs {name}", (name,), found)
    if "oauth_scope" in values and values.get("oauth_include_scope") is False:
        raise ConfigError(
            "oauth_scope is given, and oauth_include_scope leaves it out; keep one of them",
            setting="oauth_scope",
        )


def missing(problem: str, names: Sequence[str], found: Sequence[Source]) -> ConfigError:
    """Return the error for a setting that no source has, with the ways to give it."""
    ways = " or ".join(f"{name}=" for name in names)
    places = ", ".join(source.label for source in found)
    return ConfigError(
        f"{problem}; give {ways} or set {PREFIX}{names[0].upper()} (looked at: {places})", setting=names[0]
    )
