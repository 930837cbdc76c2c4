"""The settings of a client: collected in a fixed order, each with its source, and checked as a whole.

Order: arguments; the profile or connection that the call names (naming it is an argument too, so a stray
variable cannot mix two accounts); `SNOWFLAKE_*` variables; `profile.json`; the default connection.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..auth.accounts import Account
from ..auth.credentials import (
    OAUTH,
    PROGRAMMATIC_ACCESS_TOKEN,
    AccessTokenCredential,
    Credential,
    KeyPairCredential,
)
from ..auth.jwt import BEARER, DEFAULT_LIFETIME_S, AuthConfig
from ..auth.keys import KeySource
from ..auth.secret import MASK, Secret
from ..auth.tokens import Clock
from ..errors import ConfigError
from ..files import read_small
from . import address
from .sources import PREFIX, PROFILE_FILE, from_connection, from_environment, from_profile, variables
from .spellings import (
    SECRETS,
    Source,
    checked_pointers,
    gather,
    hidden,
    hidden_pointers,
    refuse_unknown,
)

KEY_PAIR = "SNOWFLAKE_JWT"
AUTHENTICATORS = {
    KEY_PAIR: KEY_PAIR,
    "JWT": KEY_PAIR,
    PROGRAMMATIC_ACCESS_TOKEN: PROGRAMMATIC_ACCESS_TOKEN,
    "PAT": PROGRAMMATIC_ACCESS_TOKEN,
    OAUTH: OAUTH,
}
"""Spellings of the Python connector and, shorter, of the official streaming SDK."""

MAX_CA_FILE_BYTES = 16_000_000
"""Collections of certificates are larger than what else is named; a system's own has 0.2 MB."""

_KEY = frozenset({"private_key", "private_key_file"})
_TOKEN = frozenset({"token", "token_file_path"})
_CREDENTIAL = _KEY | _TOKEN | {"private_key_passphrase", "authenticator"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client; secrets are masked wherever they could be shown.

    Settings with secrets in them can't be pickled or deep-copied; those that name files can.

    Attributes:
        account, user: who connects.
        account_url: scheme and host of the account; https, or http to loopback.
        private_key, private_key_file, private_key_passphrase: the key pair's private half.
        authenticator: "SNOWFLAKE_JWT" (default), "PROGRAMMATIC_ACCESS_TOKEN" or "OAUTH".
        token, token_file_path: the access token for the latter two; `token` may be a function.
        database, schema: parts that short table names leave out.
        warehouse, role: what SQL statements run with; the user's defaults where they are None.
        ca_file: PEM file of certificates to trust instead of the system's.
        authorization_scheme, jwt_lifetime_s, audience: how JWTs are made and carried; seconds.
        sources: where each value came from.
    """

    account: str
    user: str
    account_url: str
    private_key: Secret | None = None
    private_key_file: str | None = None
    private_key_passphrase: Secret | None = None
    authenticator: str = KEY_PAIR
    token: Secret | Callable[[], str] | None = None
    token_file_path: str | None = None
    database: str | None = None
    schema: str | None = None
    warehouse: str | None = None
    role: str | None = None
    ca_file: str | None = None
    authorization_scheme: str = BEARER
    jwt_lifetime_s: float = DEFAULT_LIFETIME_S
    audience: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def describe(self) -> dict[str, tuple[str, str]]:
        """Return each setting that has a value as `(value, source)`; secrets are masked."""
        shown: dict[str, tuple[str, str]] = {}
        for name in (f.name for f in fields(self) if f.name != "sources"):
            value = getattr(self, name)
            if value is not None:
                text = MASK if name in SECRETS else str(value)
                shown[name] = (text, self.sources.get(name, "default"))
        return shown

    def credential(self, clock: Clock) -> Credential:
        """Make the credential that these settings describe.

        Raises:
            PrivateKeyError: the key can't be used.
            ConfigError: `authorization_scheme` is unknown.
        """
        if self.authenticator != KEY_PAIR:
            return AccessTokenCredential(
                self.authenticator,
                self._read_token if self.token is None else self.token,
                account=self.account,
                user=self.user,
                clock=clock,
            )
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
        content = _token_or_problem(self.token_file_path or "")
        if isinstance(content, Secret):
            return content.as_text()
        raise ConfigError(f"the token file {self.token_file_path!r} {content}", setting="token_file_path")


def _token_or_problem(path: str) -> Secret | str:
    """Return what a token's file holds, or what is wrong with it."""
    content = read_small(path)
    return Secret(content) if isinstance(content, bytes) else content


def load_settings(
    profile: str | os.PathLike[str] | None = None,
    *,
    connection_name: str | None = None,
    env: Mapping[str, str] | None = None,
    **arguments: Any,
) -> Settings:
    """Collect the settings of a client, each from the first source that has it.

    Order: arguments; the profile or connection named here; `SNOWFLAKE_*` variables; the profile named by
    `SNOWFLAKE_PROFILE`, or `profile.json` in the working directory; the default connection of
    `connections.toml` or `config.toml` in `SNOWFLAKE_HOME`, `~/.snowflake` or the platform's folder. The
    last two are looked at only where the call names neither profile nor connection.

    What belongs together comes from one source: key, passphrase and token (a passphrase may also come from
    a source before its key's), and host, scheme and port. A source that names another account than the
    chosen one gives no address.

    Args:
        profile: path of a `profile.json`, in the official SDK's format.
        connection_name: a connection of `connections.toml` or `config.toml`.
        env: variables, those of the process by default.
        arguments: settings by name, as `Settings` has them, or `url`, `scheme`, `host`, `port`.

    Raises:
        ConfigError: a setting is missing, malformed, unknown, or given two ways in one source.

    >>> load_settings(account="myorg-dev", user="loader", private_key_file="rsa_key.p8").account_url
    'https://myorg-dev.snowflakecomputing.com'
    """
    # Bound anew before anything can raise: a traceback may show the variables of this frame.
    arguments, env = hidden(arguments), variables(os.environ if env is None else env)
    refuse_unknown(arguments)
    profile, connection_name = checked_pointers(*hidden_pointers(profile, connection_name))
    if profile is not None and connection_name is not None:
        raise ConfigError(
            "profile and connection_name are both given; keep one of them", setting="connection_name"
        )
    found = [gather("argument", arguments)]
    if profile is not None:
        found.append(from_profile(Path(profile)))
    if connection_name is not None:
        found.append(from_connection(env, connection_name))
    found.append(from_environment(env))
    if profile is None and connection_name is None:
        found += [_implicit_profile(env), from_connection(env, None)]
    return _settings(_merge(found), found)


def _implicit_profile(env: Mapping[str, Any]) -> Source:
    named = env.get("profile")
    if named or os.path.isfile(PROFILE_FILE):
        return from_profile(Path(named or PROFILE_FILE))
    return Source(f"{PROFILE_FILE} (none in the working directory)")


def _merge(found: Sequence[Source]) -> dict[str, tuple[Any, str]]:
    """Take each setting from the first source that has it, and what belongs together from one source."""
    merged: dict[str, tuple[Any, str]] = {}
    for source in found:
        left_out: set[str] = set()
        if merged.keys() & (_KEY | _TOKEN):
            left_out |= _CREDENTIAL
        if merged.keys() & {"url", "host"} or _names_another_account(source, merged):
            left_out |= address.NAMES
        for name, value in source.values.items():
            if name not in merged and name not in left_out:
                merged[name] = (value, source.origins[name])
    return merged


def _names_another_account(source: Source, merged: Mapping[str, tuple[Any, str]]) -> bool:
    """Two accounts never share an address: a JWT for one must not be sent to the other's host."""
    if "account" not in source.values or "account" not in merged:
        return False
    return _bare_name(source.values["account"]) != _bare_name(merged["account"][0])


def _bare_name(account: str) -> str:
    """Return what all forms of one account's name share; a malformed one is told later, if it is chosen."""
    try:
        return Account.parse(account).claim.replace("_", "-")
    except ConfigError:
        return account


def _settings(merged: Mapping[str, tuple[Any, str]], found: Sequence[Source]) -> Settings:
    values = {name: value for name, (value, _) in merged.items()}
    sources = {name: source for name, (_, source) in merged.items()}
    for name in ("account", "user"):
        if name not in values:
            raise _missing(f"the {name} is missing", (name,), found)
    values["authenticator"] = _authenticator(values)
    _check_credential(values, found)
    if "ca_file" in values:
        _check_certificates(values["ca_file"])
    account_url = address.account_url(values, Account.parse(values["account"]))
    sources["account_url"] = sources.get("url") or sources.get("host") or "derived from the account"
    chosen = {name: value for name, value in values.items() if name not in address.NAMES}
    return Settings(account_url=account_url, sources=sources, **chosen)


def _check_certificates(path: str) -> None:
    """Read the certificates once here: at the first request, a library's own error would tell of them."""
    content = read_small(path, limit=MAX_CA_FILE_BYTES)
    if isinstance(content, str):
        raise ConfigError(f"ca_file {path!r} {content}", setting="ca_file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=content.decode("ascii", "ignore")
        )
    except (ssl.SSLError, ValueError):
        raise ConfigError(
            f"ca_file {path!r} holds no certificate that can be read; "
            "name a PEM file with the certificates to trust",
            setting="ca_file",
        ) from None


def _authenticator(values: Mapping[str, Any]) -> str:
    """Return the kind of credential; a token without any key can only be meant as an access token."""
    implied = PROGRAMMATIC_ACCESS_TOKEN if values.keys() & _TOKEN and not values.keys() & _KEY else KEY_PAIR
    wanted = values.get("authenticator", implied)
    if wanted.upper() not in AUTHENTICATORS:
        raise ConfigError(
            f"authenticator {wanted!r} is not supported; take one of {', '.join(AUTHENTICATORS)}",
            setting="authenticator",
        )
    return AUTHENTICATORS[wanted.upper()]


def _check_credential(values: Mapping[str, Any], found: Sequence[Source]) -> None:
    kind = values["authenticator"]
    wanted = ("private_key_file", "private_key") if kind == KEY_PAIR else ("token_file_path", "token")
    if not values.keys() & set(wanted):
        what = (
            "a private key" if kind == KEY_PAIR else "an access token (text, or a function that returns it)"
        )
        raise _missing(f"authenticator {kind} needs {what}", wanted, found)


def _missing(problem: str, names: Sequence[str], found: Sequence[Source]) -> ConfigError:
    ways = " or ".join(f"{name}=" for name in names)
    places = ", ".join(source.label for source in found)
    return ConfigError(
        f"{problem}; give {ways} or set {PREFIX}{names[0].upper()} (looked at: {places})", setting=names[0]
    )
