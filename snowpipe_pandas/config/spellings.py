"""Names of settings as people write them, checked and unified, one source at a time.

Whatever is not known to be harmless becomes a `Secret` here, before anything can fail: an error's
traceback may show the variables of its frames.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from ..arguments import any_text, plain_number, plain_path, plain_text
from ..auth.keys import is_path
from ..auth.secret import Secret, hide
from ..errors import ConfigError
from ..shown import shown
from .address import same_host
from .foreign import REFUSED, refused, slip

PATHS = frozenset(
    {*("private_key_file", "token_file_path", "ca_file"), *("spcs_token_path", "spcs_service_token_path")}
)
NUMBERS = frozenset({"port", "jwt_lifetime_s"})
FLAGS = frozenset({"oauth_credentials_in_body", "oauth_include_scope"})
SECRETS = frozenset(
    {"private_key", "private_key_passphrase", "token", "oauth_client_secret", "oauth_refresh_token"}
)
TEXTS = frozenset(
    {
        *("account", "user", "url", "scheme", "host", "region", "database", "schema"),
        *("warehouse", "role", "application"),
        *("authenticator", "authorization_scheme", "audience"),
        *("oauth_client_id", "oauth_token_request_url", "oauth_scope"),
    }
)
NAMES = PATHS | NUMBERS | FLAGS | SECRETS | TEXTS
POINTERS = frozenset({"home", "profile", "default_connection_name"})
"""These say where settings are; they are not settings themselves."""

ALIASES = {
    "private_key_path": "private_key_file",
    "private_key_file_pwd": "private_key_passphrase",
    "authorization_type": "authenticator",
    "protocol": "scheme",
    "personal_access_token": "token",
    "oauth_token_endpoint": "oauth_token_request_url",
    "snowflake.private.key.passphrase": "private_key_passphrase",
}
"""Other spellings: the Python connector's, and those of the official streaming SDK's profiles."""

_URLS = ("url", "host", "oauth_token_request_url")
_TRUTHS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}

CHOICES = (("private_key", "private_key_file"), ("token", "token_file_path"))
"""Two ways to give the same thing."""


@dataclass(frozen=True, slots=True)
class Source:
    """The settings of one source, under their own names.

    Attributes:
        label: its name in errors.
        values: the settings that it has.
        origins: for each of them the name of its source in `describe()`.
    """

    label: str
    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def hidden(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with every text as a `Secret` that is not known to be harmless.

    A list, a table and the like is replaced by its type: no setting is one, and it may hold a key.

    >>> hidden({"account": "myorg-dev", "private_key": "MIIE..."})
    {'account': 'myorg-dev', 'private_key': ***}
    """
    return {name: value if _is_harmless(name, value) else _hide(value) for name, value in given.items()}


def _is_harmless(name: str, value: object) -> bool:
    if value is None or callable(value) or isinstance(value, Secret | Real | os.PathLike):
        return True
    name = ALIASES.get(name, name)
    if name not in (NAMES | POINTERS) - SECRETS or not isinstance(value, str):
        return False
    return is_path(value) and not (name in _URLS and "@" in value)


def _hide(value: object) -> Secret | type:
    return hide(value) if isinstance(value, str | bytes) else type(value)


def hidden_pointers(profile: Any, connection_name: Any) -> tuple[Any, Any]:
    """Return what says where settings are, as `hidden` does: a key may have been given in its place."""
    pointers = hidden({"profile": profile, "default_connection_name": connection_name})
    return pointers["profile"], pointers["default_connection_name"]


def checked_pointers(profile: Any, connection_name: Any) -> tuple[str | None, str | None]:
    """Return where the call's settings are, each in its own type.

    Raises:
        ConfigError: the profile is not a path, or the connection's name is not a text.
    """
    file = None if profile is None else plain_path(profile)
    if profile is not None and file is None:
        wanted = 'give the path of a profile, such as connect("profile.json"); settings are given by name'
        raise ConfigError(f"profile can't be {_kind(profile)}: {wanted}", setting="profile")
    name = None if connection_name is None else plain_text(connection_name)
    if connection_name is not None and name is None:
        wanted = 'give the name of a connection, such as connection_name="default"'
        raise ConfigError(
            f"connection_name can't be {_kind(connection_name)}: {wanted}", setting="connection_name"
        )
    return file, name


def _kind(value: Any) -> str:
    """Return what kind of value `hidden` returned, and nothing of what it holds."""
    if isinstance(value, Secret | str):
        return "such a text"
    return f"of type {(value if isinstance(value, type) else type(value)).__name__}"


def refuse_unknown(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that are not settings; files and the environment may hold what other tools read.

    Raises:
        ConfigError: names the argument, and what was probably meant or what to do instead.
    """
    for name, value in arguments.items():
        if name in REFUSED:
            why = None if value is None else refused(name, value, signed=False)
            if why is not None:
                raise ConfigError(f"{name}= can't be used: {why}", setting=name)
        elif name not in NAMES and name not in ALIASES:
            close = difflib.get_close_matches(name, NAMES | set(ALIASES), n=1)
            hint = f"; did you mean {close[0]}=?" if close else ""
            raise ConfigError(f"connect() has no setting {name}={hint}", setting=name)


def gather(label: str, given: Mapping[str, Any], *, prefix: str = "") -> Source:
    """Unify one source's spellings. Empty texts count as not given.

    Settings of other clients that are refused here are kept unchanged: whether they matter is known once all
    sources are read. Names that mean nothing here are left out, unless they look like a setting's.

    Raises:
        ConfigError: one setting is given twice, a value is of the wrong type, or a name is a typing error.
    """
    values: dict[str, Any] = {}
    spelled: dict[str, str] = {}  # as the user wrote it
    for spelling, value in hidden(given).items():
        name = ALIASES.get(spelling, spelling)
        if value is None or _is_blank(value) or not _is_known(label, name):
            continue
        written = f"{prefix}{spelling.upper()}" if prefix else spelling
        if name in values:
            raise ConfigError(
                f"{label}: {spelled[name]} and {written} are the same setting; keep one of them",
                setting=name,
            )
        spelled[name] = written
        values[name] = _checked(label, name, value)
    for one, other in CHOICES:
        if one in values and other in values:
            raise ConfigError(
                f"{label}: {spelled[one]} and {spelled[other]} are both given; keep one of them", setting=one
            )
    # A profile of the official SDK has both, with the same host.
    if "url" in values and "host" in values and not same_host(values["url"], values["host"]):
        raise ConfigError(
            f"{label}: url {values['url']!r} and host {values['host']!r} differ; keep one of them",
            setting="url",
        )
    return Source(label, values, spelled if prefix else dict.fromkeys(values, label))


def _is_known(label: str, name: str) -> bool:
    if name in NAMES or name in REFUSED:
        return True
    meant = slip(name, NAMES | set(ALIASES))
    if meant is not None:
        raise ConfigError(f"{label}: there is no setting {shown(name)}; did you mean {meant}?", setting=meant)
    return False


def _is_blank(value: object) -> bool:
    return (isinstance(value, str) and not value.strip()) or (isinstance(value, Secret) and not value)


def _checked(label: str, name: str, value: Any) -> Any:
    """Return the value in its own type."""
    if name in REFUSED:
        return value
    if name in NUMBERS:
        return _number(label, name, value)
    if name in FLAGS:
        return _flag(label, name, value)
    plain: str | None = None
    if name in SECRETS:
        fits = isinstance(value, Secret) or (
            name == "token" and callable(value) and not isinstance(value, type)
        )
    else:
        plain = plain_path(value) if name in PATHS else plain_text(value)
        fits = plain is not None
    if not fits:
        found = value if isinstance(value, type) else type(value)
        instead = "" if issubclass(found, Secret | str) else f", not {found.__name__}"
        raise ConfigError(f"{label}: {name} must be {_expected(name)}{instead}", setting=name)
    if plain is None:
        return value
    return os.path.expanduser(plain) if name in PATHS else plain


def _expected(name: str) -> str:
    if name == "private_key_file":
        return "a path (the text of a key is given as private_key=)"
    if name in PATHS:
        return "a path"
    if name in _URLS:
        return "text without user and password"
    if name in SECRETS:
        return "text, or a function that returns it" if name == "token" else "text"
    return "one line of plain text"


def _number(label: str, name: str, value: Any) -> float:
    number = plain_number(value)
    written = any_text(value)
    if written is not None:
        with suppress(ValueError):
            number = float(written)
    # A lifetime out of range is clamped where JWTs are made; a port out of range is refused with the address.
    if math.isnan(number) or (name == "port" and number <= 0):
        unit = "port" if name == "port" else "number of seconds"
        raise ConfigError(f"{label}: {name}={shown(value)} is not a {unit}", setting=name)
    return number


def _flag(label: str, name: str, value: Any) -> bool:
    flag = value if isinstance(value, bool) else _TRUTHS.get((any_text(value) or "").strip().lower())
    if flag is None:
        raise ConfigError(f"{label}: {name}={shown(value)} is neither true nor false", setting=name)
    return flag
