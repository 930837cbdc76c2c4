"""The settings of a client: collected in a fixed order, each with its source, and checked as a whole.

Order: arguments; the profile or connection that the call names (naming it is an argument too, so a stray
variable can't mix two accounts); `SNOWFLAKE_*` variables; `profile.json`; the default connection.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypedDict

from ..auth.accounts import Account
from ..auth.credentials import OAUTH, AccessTokenCredential, Credential, KeyPairCredential
from ..auth.jwt import BEARER, DEFAULT_LIFETIME_S, AuthConfig, session_role
from ..auth.keys import KeySource
from ..auth.oauth import OAuthConfig, OAuthCredential
from ..auth.secret import MASK, Secret
from ..auth.token_file import TokenFile
from ..auth.tokens import Clock
from ..errors import ConfigError
from ..files import read_small
from ..shown import shown
from . import address, credentials
from .credentials import CLIENT_CREDENTIALS, KEY_PAIR, SERVICE_TOKEN, SESSION_TOKEN, SPCS, missing
from .foreign import REFUSED, refused
from .sources import PROFILE_FILE, from_connection, from_environment, from_profile, variables
from .spellings import (
    FLAGS,
    SECRETS,
    Source,
    checked_pointers,
    gather,
    hidden,
    hidden_pointers,
    refuse_unknown,
)

SYSTEM_TRUST = "system"
"""In place of a file: the certificates that the system itself trusts."""

MAX_CA_FILE_BYTES = 16_000_000
"""Certificate bundles are larger than the other files; a system's own has 0.2 MB."""

_APPLICATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client; secrets are masked wherever they could be shown.

    Settings with secrets in them can't be pickled or deep-copied; those that name files can.

    Attributes:
        account, user: who connects.
        account_url: scheme and host of the account; https, or http to loopback.
        private_key, private_key_file, private_key_passphrase: the private key of the key pair.
        authenticator: "SNOWFLAKE_JWT" (default), "PROGRAMMATIC_ACCESS_TOKEN", "OAUTH",
            "OAUTH_CLIENT_CREDENTIALS" or "SPCS".
        token, token_file_path: the access token for the second and third; `token` may be a function.
        oauth_client_id, oauth_client_secret, oauth_refresh_token, oauth_scope, oauth_token_request_url,
            oauth_credentials_in_body, oauth_include_scope: how OAuth access tokens are fetched.
        spcs_token_path, spcs_service_token_path: files of a container's session.
        database, schema: parts that short table names leave out.
        role: what keys and OAuth clients request, and SQL statements run with; the user's default where None.
        warehouse: what SQL statements run with; the user's default where None.
        ca_file: PEM file of certificates to trust, or "system" for what the system trusts.
        application: the name of the program, for the User-Agent.
        authorization_scheme, jwt_lifetime_s, audience: how JWTs are made and sent; seconds.
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
    oauth_client_id: str | None = None
    oauth_client_secret: Secret | None = None
    oauth_refresh_token: Secret | None = None
    oauth_token_request_url: str | None = None
    oauth_scope: str | None = None
    oauth_credentials_in_body: bool = False
    oauth_include_scope: bool = True
    spcs_token_path: str | None = None
    spcs_service_token_path: str | None = None
    database: str | None = None
    schema: str | None = None
    warehouse: str | None = None
    role: str | None = None
    ca_file: str | None = None
    application: str | None = None
    authorization_scheme: str = BEARER
    jwt_lifetime_s: float = DEFAULT_LIFETIME_S
    audience: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def describe(self) -> dict[str, tuple[str, str]]:
        """Return each setting that has a value as `(value, source)`; secrets are masked."""
        shown: dict[str, tuple[str, str]] = {}
        for name in (f.name for f in fields(self) if f.name != "sources"):
            value = getattr(self, name)
            if value not in (None, "") and not (name in FLAGS and name not in self.sources):
                text = MASK if name in SECRETS else str(value)
                shown[name] = (text, self.sources.get(name, "default"))
        return shown

    def credential(self, clock: Clock) -> Credential:
        """Make the credential that these settings describe.

        Raises:
            PrivateKeyError: the key can't be used.
            ConfigError: `authorization_scheme` is unknown.
        """
        who: _Who = {"account": self.account, "user": self.user, "clock": clock}
        if self.authenticator == SPCS:
            session = TokenFile(self.spcs_token_path or SESSION_TOKEN, setting="spcs_token_path")
            service = TokenFile(
                self.spcs_service_token_path or SERVICE_TOKEN, setting="spcs_service_token_path"
            )
            return AccessTokenCredential(OAUTH, session, service_token=service, **who)
        if self.oauth_client_id is not None and self.authenticator in (OAUTH, CLIENT_CREDENTIALS):
            return OAuthCredential(self._oauth(), **who)
        if self.authenticator != KEY_PAIR:
            given = self.token or TokenFile(self.token_file_path or "", setting="token_file_path")
            return AccessTokenCredential(self.authenticator, given, **who)
        key = KeySource(self.private_key_file, self.private_key, self.private_key_passphrase)
        config = AuthConfig(
            self.account,
            self.user,
            key,
            lifetime_s=self.jwt_lifetime_s,
            audience=self.audience,
            role=self.role,
            authorization_scheme=self.authorization_scheme,
        )
        return KeyPairCredential(config, clock)

    def _oauth(self) -> OAuthConfig:
        scope = self.oauth_scope or (session_role(self.role) if self.role else None)
        return OAuthConfig(
            self.oauth_token_request_url or f"{self.account_url}/oauth/token-request",
            self.oauth_client_id or "",
            self.oauth_client_secret or Secret(""),
            self.oauth_refresh_token,
            scope=scope if self.oauth_include_scope else None,
            credentials_in_body=self.oauth_credentials_in_body,
        )


class _Who(TypedDict):
    account: str
    user: str
    clock: Clock


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
    last two are read only where the call names neither profile nor connection. Where none of these has a key
    or a token, and a container's session token exists, that is used.

    What belongs together comes from one source: key, passphrase, token and OAuth client (a passphrase may
    also come from a source before its key's), and host, scheme, port and region. No address and no role is
    taken from a source that names another account, no role from one that names another user. Settings of
    other clients that would change address or rights are refused.

    Args:
        profile: path of a `profile.json`, in the official SDK's format.
        connection_name: a connection of `connections.toml` or `config.toml`.
        env: variables, those of the process by default.
        arguments: settings by name, as `Settings` has them, or `url`, `scheme`, `host`, `port`.

    Raises:
        ConfigError: a setting is missing, malformed, unknown, refused, or given two ways in one source.

    >>> load_settings(account="myorg-dev", user="loader", private_key_file="rsa_key.p8").account_url
    'https://myorg-dev.snowflakecomputing.com'
    """
    # Rebound before anything can raise: a traceback may show the variables of this frame.
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
        if merged.keys() & credentials.SIGNING:
            left_out |= credentials.NAMES
        if merged.keys() & {"url", "host"}:
            left_out |= address.NAMES
        if _names_another_account(source, merged):
            left_out |= address.NAMES | {"role", "warehouse"} | REFUSED.keys()
        if _names_another_user(source, merged):
            left_out |= {"role"}
        for name, value in source.values.items():
            if name not in merged and name not in left_out:
                merged[name] = (value, source.origins[name])
    return merged


def _names_another_account(source: Source, merged: Mapping[str, tuple[Any, str]]) -> bool:
    """Two accounts never share an address: a JWT for one must not be sent to the other's host."""
    if "account" not in source.values or "account" not in merged:
        return False
    return _bare_name(source.values["account"]) != _bare_name(merged["account"][0])


def _names_another_user(source: Source, merged: Mapping[str, tuple[Any, str]]) -> bool:
    """One user's role is not requested for another user."""
    if "user" not in source.values or "user" not in merged:
        return False
    return bool(source.values["user"].strip().upper() != merged["user"][0].strip().upper())


def _bare_name(account: str) -> str:
    """Return what all forms of one account's name share; a malformed one is refused later, if chosen."""
    try:
        return Account.parse(account).claim.replace("_", "-")
    except ConfigError:
        return account


def _settings(merged: Mapping[str, tuple[Any, str]], found: Sequence[Source]) -> Settings:
    values = {name: value for name, (value, _) in merged.items()}
    sources = {name: source for name, (_, source) in merged.items()}
    session = credentials.session_token(values, sources)
    if session is not None:
        values |= {"authenticator": credentials.SPCS, "spcs_token_path": session}
        sources |= dict.fromkeys(("authenticator", "spcs_token_path"), "the container's session token")
    _refuse_foreign(values, sources)
    if "account" not in values:
        raise missing("the account is missing", ("account",), found)
    values["authenticator"] = credentials.authenticator(values)
    if "user" not in values and values["authenticator"] == credentials.KEY_PAIR:
        raise missing("the user is missing", ("user",), found)
    credentials.check(values, found)
    if "ca_file" in values and values["ca_file"] != SYSTEM_TRUST:
        _check_certificates(values["ca_file"])
    _check_application(values.get("application"))
    account = Account.parse(
        values["account"], None if values.keys() & {"url", "host"} else values.get("region")
    )
    account_url = address.account_url(values, account)
    if "oauth_token_request_url" in values:
        values["oauth_token_request_url"] = address.token_url(values["oauth_token_request_url"])
    sources["account_url"] = sources.get("url") or sources.get("host") or "derived from the account"
    origins = {name: source for name, source in sources.items() if name not in REFUSED}
    chosen = {name: value for name, value in values.items() if name not in address.NAMES | REFUSED.keys()}
    return Settings(account_url=account_url, sources=origins, **{"user": ""} | chosen)


def _refuse_foreign(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Refuse what would change address, rights or checks in other clients, and has no effect here."""
    signed = bool(values.keys() & credentials.SIGNING)
    for name in values.keys() & REFUSED.keys():
        why = refused(name, values[name], signed=signed)
        if why is not None:
            raise ConfigError(f"{sources[name]}: {name} can't be used: {why}", setting=name)


def _check_application(name: str | None) -> None:
    if name is not None and not _APPLICATION.fullmatch(name):
        raise ConfigError(
            f"application={shown(name)} can't be used: take up to 50 letters, digits, '_', '-' and '.', "
            "such as application='nightly_load'",
            setting="application",
        )


def _check_certificates(path: str) -> None:
    """Read the certificates here: at the first request, a library's own error would report them."""
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
