"""Where settings come from: arguments, the environment, a profile, connections.toml; first come, first kept.

Every value remembers its source. An explicitly named profile or connection counts as an argument: it
stands before the environment, so that a stray variable cannot mix two accounts.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from .auth.credentials import (
    OAUTH,
    PROGRAMMATIC_ACCESS_TOKEN,
    AccessTokenCredential,
    Credential,
    KeyPairCredential,
)
from .auth.jwt import BEARER, DEFAULT_LIFETIME_S, AuthConfig
from .auth.keys import KeySource
from .auth.tokens import Clock
from .errors import ConfigError

PROFILE_FILE = "profile.json"
ENVIRONMENT_PREFIX = "SNOWFLAKE_"
DOMAIN = "snowflakecomputing.com"
MASK = "***"

_SECRETS = frozenset({"private_key", "private_key_passphrase", "token"})
_ALIASES = {
    "private_key_path": "private_key_file",
    "private_key_file_pwd": "private_key_passphrase",
    "username": "user",
}
_EITHER_OR = (("private_key", "private_key_file"), ("token", "token_file_path"), ("url", "host"))
"""Two spellings of one thing: both at one level is an error, and the higher level's one hides the other."""

_AUTHENTICATORS = {
    "SNOWFLAKE_JWT": None,
    PROGRAMMATIC_ACCESS_TOKEN: PROGRAMMATIC_ACCESS_TOKEN,
    "OAUTH": OAUTH,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client; secrets are masked in repr and `describe()`.

    Attributes:
        account, user: who connects.
        account_url: scheme and host of the account; https, or http to loopback.
        private_key, private_key_file, private_key_passphrase: the key pair's private half.
        authenticator: "SNOWFLAKE_JWT" (default), "PROGRAMMATIC_ACCESS_TOKEN" or "OAUTH".
        token, token_file_path: the access token for the latter two; `token` may be a function.
        database, schema: parts that short table names leave out.
        ca_file: PEM file of certificates to trust instead of the system's.
        authorization_scheme, jwt_lifetime_s, audience: how JWTs are made and carried.
        sources: where each value came from.
    """

    account: str
    user: str
    account_url: str
    private_key: str | bytes | None = field(default=None, repr=False)
    private_key_file: str | None = None
    private_key_passphrase: str | None = field(default=None, repr=False)
    authenticator: str = "SNOWFLAKE_JWT"
    token: str | Callable[[], str] | None = field(default=None, repr=False)
    token_file_path: str | None = None
    database: str | None = None
    schema: str | None = None
    ca_file: str | None = None
    authorization_scheme: str = BEARER
    jwt_lifetime_s: float = DEFAULT_LIFETIME_S
    audience: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> Any:
        raise TypeError(
            "settings can hold secrets and are not copied or pickled; load them where they are needed"
        )

    def describe(self) -> dict[str, tuple[str, str]]:
        """Return each setting that has a value as `(value, source)`; secrets are masked."""
        shown: dict[str, tuple[str, str]] = {}
        for name in (f.name for f in fields(self) if f.name != "sources"):
            value = getattr(self, name)
            if value is not None:
                shown[name] = (
                    MASK if name in _SECRETS else str(value),
                    self.sources.get(name, "default"),
                )
        return shown

    def credential(self, clock: Clock) -> Credential:
        """Make the credential that these settings describe.

        Raises:
            PrivateKeyError: the key can't be used.
            ConfigError: the token file can't be read.
        """
        kind = _AUTHENTICATORS[self.authenticator]
        if kind is not None:
            token = self.token if self.token is not None else self._read_token
            return AccessTokenCredential(kind, token, account=self.account, user=self.user, clock=clock)
        key = KeySource(self.private_key_file, self.private_key, self.private_key_passphrase)
        config = AuthConfig(
            self.account,
            self.user,
            key,
            lifetime_s=self.jwt_lifetime_s,
            audience=self.audience,
            authorization_scheme=self.authorization_scheme,
        )
        return KeyPairCredential(config, clock)

    def _read_token(self) -> str:
        try:
            return Path(self.token_file_path or "").expanduser().read_text().strip()
        except OSError as error:
            raise ConfigError(
                f"the token file {self.token_file_path!r} can't be read: {error.strerror}",
                setting="token_file_path",
            ) from None


def load_settings(
    profile: str | os.PathLike[str] | None = None,
    *,
    connection_name: str | None = None,
    env: Mapping[str, str] | None = None,
    **arguments: Any,
) -> Settings:
    """Collect the settings of a client, each from the first source that has it.

    Order: arguments; the profile or connection named in the call; `SNOWFLAKE_*` variables;
    `profile.json` in the working directory; the default connection of `connections.toml` or `config.toml`.

    Raises:
        ConfigError: a setting is missing, malformed, unknown, or given two ways at one level.
    """
    environment = os.environ if env is None else env
    if profile is not None and connection_name is not None:
        raise ConfigError("give either a profile or a connection_name", setting="profile")
    levels = [_level("argument", _known_arguments(arguments))]
    if profile is not None:
        levels.append(_profile(Path(profile)))
    if connection_name is not None:
        levels.append(_connection(environment, connection_name, explicit=True))
    levels.append(_environment(environment))
    if profile is None and connection_name is None:
        if Path(PROFILE_FILE).is_file():
            levels.append(_profile(Path(PROFILE_FILE)))
        levels.append(_connection(environment, _default_connection(environment), explicit=False))
    return _settings(_merge(levels))


@dataclass(frozen=True, slots=True)
class _Level:
    source: str
    values: Mapping[str, Any] = field(repr=False)


def _level(source: str, given: Mapping[str, Any]) -> _Level:
    """Bring one source's spellings together; one setting given twice here is an error."""
    values: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for spelling, value in given.items():
        name = _ALIASES.get(spelling, spelling)
        if value is None or name not in _NAMES:
            continue
        if name in spelled:
            raise ConfigError(f"{source}: {spelled[name]} and {spelling} are the same setting", setting=name)
        spelled[name] = spelling
        values[name] = value
    for one, other in _EITHER_OR:
        if one in values and other in values:
            raise ConfigError(
                f"{source}: {spelled[one]} and {spelled[other]} are both given; keep one of them", setting=one
            )
    return _Level(source, values)


def _merge(levels: list[_Level]) -> dict[str, tuple[Any, str]]:
    merged: dict[str, tuple[Any, str]] = {}
    for level in levels:
        hidden = {b for a, b in _EITHER_OR if a in merged} | {a for a, b in _EITHER_OR if b in merged}
        for name, value in level.values.items():
            if name not in merged and name not in hidden:
                merged[name] = (value, level.source)
    return merged


_NAMES = frozenset(f.name for f in fields(Settings)) - {"account_url", "sources"} | {
    "url",
    "host",
    "scheme",
    "port",
}


def _known_arguments(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in arguments:
        if name not in _NAMES and name not in _ALIASES:
            close = difflib.get_close_matches(name, _NAMES | set(_ALIASES), n=1)
            hint = f"; did you mean {close[0]}=?" if close else ""
            raise ConfigError(f"connect() has no setting {name}={hint}", setting=name)
    return arguments


def _environment(environment: Mapping[str, str]) -> _Level:
    given = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and value
    }
    return _level("environment", given)


def _profile(path: Path) -> _Level:
    path = path.expanduser()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"profile {str(path)!r} can't be read: {error.strerror}", setting="profile"
        ) from None
    except ValueError:
        # Without the parser's text: it could quote the key.
        content = None
    if not isinstance(content, dict):
        raise ConfigError(f"profile {str(path)!r} is no JSON object", setting="profile")
    return _level(f"profile {path}", content)


def _folders(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders that Snowflake's tools look into, the first that exists counts."""
    named = environment.get("SNOWFLAKE_HOME")
    if named:
        return [Path(named).expanduser()]
    return [Path("~/.snowflake").expanduser(), Path(platformdirs.user_config_dir("snowflake"))]


def _read_toml(environment: Mapping[str, str], name: str) -> tuple[Path, dict[str, Any]] | None:
    for folder in _folders(environment):
        path = folder / name
        if path.is_file():
            try:
                return path, tomllib.loads(path.read_text(encoding="utf-8"))
            except tomllib.TOMLDecodeError:
                raise ConfigError(f"{path} is no valid TOML", setting="connection_name") from None
    return None


def _default_connection(environment: Mapping[str, str]) -> str:
    config = _read_toml(environment, "config.toml")
    configured = config[1].get("default_connection_name") if config else None
    return environment.get("SNOWFLAKE_DEFAULT_CONNECTION_NAME") or configured or "default"


def _connection(environment: Mapping[str, str], name: str, *, explicit: bool) -> _Level:
    """Read a connection; `connections.toml` stands before `config.toml`, as in Snowflake's own tools."""
    found: list[str] = []
    looked: list[str] = []
    for file, sections in (("connections.toml", None), ("config.toml", "connections")):
        read = _read_toml(environment, file)
        if read is None:
            continue
        path, content = read
        looked.append(str(path))
        connections = content.get(sections, {}) if sections else content
        if isinstance(connections.get(name), dict):
            return _level(f"connection {name!r} of {path}", connections[name])
        found += [key for key, value in connections.items() if isinstance(value, dict)]
    if not explicit:
        return _Level("connections", {})
    where = ", ".join(looked) or " and ".join(str(folder) for folder in _folders(environment))
    raise ConfigError(
        f"there is no connection {name!r} in {where}; known are: {', '.join(found) or 'none'}",
        setting="connection_name",
    )


def _settings(merged: dict[str, tuple[Any, str]]) -> Settings:
    values = {name: value for name, (value, _) in merged.items()}
    sources = {name: source for name, (_, source) in merged.items()}
    for name in ("account", "user"):
        if not str(values.get(name, "")).strip():
            raise ConfigError(
                f"the {name} is missing: looked for the argument {name}=, {ENVIRONMENT_PREFIX}{name.upper()}, "
                f"{PROFILE_FILE} and connections.toml",
                setting=name,
            )
    _check_authenticator(values)
    account_url = _account_url(values)
    sources["account_url"] = sources.get("url") or sources.get("host") or "derived from the account"
    if "jwt_lifetime_s" in values:
        values["jwt_lifetime_s"] = _number(values["jwt_lifetime_s"], "jwt_lifetime_s")
    for name in ("private_key_file", "ca_file", "token_file_path"):
        if name in values:
            values[name] = os.fspath(values[name])
    chosen = {name: value for name, value in values.items() if name not in ("url", "host", "scheme", "port")}
    return Settings(account_url=account_url, sources=sources, **chosen)


def _check_authenticator(values: dict[str, Any]) -> None:
    wanted = str(values.get("authenticator") or _implied_authenticator(values)).upper()
    if wanted not in _AUTHENTICATORS:
        raise ConfigError(
            f"authenticator {wanted!r} is not supported; take one of {', '.join(_AUTHENTICATORS)}",
            setting="authenticator",
        )
    values["authenticator"] = wanted
    pair = ("token", "token_file_path") if _AUTHENTICATORS[wanted] else ("private_key", "private_key_file")
    if not any(values.get(name) for name in pair):
        raise ConfigError(
            f"authenticator {wanted} needs {pair[0]}= or {pair[1]}=: looked for the arguments, "
            f"{ENVIRONMENT_PREFIX}{pair[1].upper()}, {PROFILE_FILE} and connections.toml",
            setting=pair[0],
        )


def _implied_authenticator(values: Mapping[str, Any]) -> str:
    """A token without any key can only be meant as an access token."""
    has_key = values.get("private_key") or values.get("private_key_file")
    has_token = values.get("token") or values.get("token_file_path")
    return PROGRAMMATIC_ACCESS_TOKEN if has_token and not has_key else "SNOWFLAKE_JWT"


def _account_url(values: Mapping[str, Any]) -> str:
    """Return scheme://host[:port]; from `url`, from `host` with `scheme` and `port`, or from the account."""
    text = str(values.get("url") or values.get("host") or f"{str(values['account']).lower()}.{DOMAIN}")
    if "://" not in text:
        text = f"{values.get('scheme') or 'https'}://{text}"
    parts = urlsplit(text)
    try:
        port = parts.port or (int(values["port"]) if values.get("port") else None)
    except ValueError:
        raise ConfigError(f"the port in {text!r} is no number", setting="url") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or parts.username:
        raise ConfigError(f"{text!r} is no account URL; take https://myorg-myaccount.{DOMAIN}", setting="url")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(
            f"{text!r} is not encrypted; plain http is for this machine only, take https://", setting="url"
        )
    if host.endswith(DOMAIN):
        host = host.replace("_", "-")  # certificates hold no names with underscores
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}" + (f":{port}" if port else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name}={value!r} is no number of seconds", setting=name) from None
