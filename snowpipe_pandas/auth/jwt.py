"""Builds and signs the key-pair JWT on this machine: RS256, with the claims that Snowflake documents."""

from __future__ import annotations

import uuid
import warnings
from dataclasses import dataclass

import jwt

from ..errors import ConfigError
from ..names import stored_part
from .accounts import Account
from .keys import KeySource, PrivateKey
from .tokens import Token

DEFAULT_LIFETIME_S = 3600.0
MIN_LIFETIME_S = 30.0
MAX_LIFETIME_S = 3600.0
"""Snowflake refuses tokens that live longer than an hour."""

BEARER = "Bearer"
SNOWFLAKE_JWT = "Snowflake JWT"


class LifetimeWarning(UserWarning):
    """A JWT lifetime was outside of the service's range, and was clamped."""


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Who signs, with what, and how.

    Attributes:
        account: any form that `Account.parse` takes.
        user: the login name.
        key: where the private key comes from.
        lifetime_s: life of a JWT in seconds, clamped to 30 to 3600 with one warning.
        audience: the `aud` claim, left out by default.
        role: the role that the token is for, written as in SQL; the user's default role where it is None.
        authorization_scheme: "Bearer" (with the token-type header) or "Snowflake JWT".

    Raises:
        ConfigError: account or user is empty or malformed, or the scheme is unknown.

    >>> AuthConfig("myorg-dev", "loader", KeySource("rsa_key.p8")).lifetime_s
    3600.0
    """

    account: str
    user: str
    key: KeySource
    lifetime_s: float = DEFAULT_LIFETIME_S
    audience: str | None = None
    role: str | None = None
    authorization_scheme: str = BEARER

    def __post_init__(self) -> None:
        Account.parse(self.account)
        if not self.user.strip():
            raise ConfigError("the user is empty; give user= or SNOWFLAKE_USER", setting="user")
        if self.authorization_scheme not in (BEARER, SNOWFLAKE_JWT):
            raise ConfigError(
                f"authorization_scheme={self.authorization_scheme!r} is unknown; "
                f"take {BEARER!r} or {SNOWFLAKE_JWT!r}",
                setting="authorization_scheme",
            )
        clamped = min(MAX_LIFETIME_S, max(MIN_LIFETIME_S, self.lifetime_s))
        if clamped != self.lifetime_s:
            warnings.warn(
                f"a JWT lifetime of {self.lifetime_s:g} s is outside of {MIN_LIFETIME_S:g} to "
                f"{MAX_LIFETIME_S:g} s; {clamped:g} s is used",
                LifetimeWarning,
                stacklevel=3,
            )
            object.__setattr__(self, "lifetime_s", clamped)


def sign_jwt(config: AuthConfig, key: PrivateKey, *, now: float) -> Token:
    """Build and sign a JWT; return it with its times (whole seconds).

    Claims as in Snowflake's key-pair page: `iss` = account.user.fingerprint, `sub` = account.user, `iat`
    and `exp` in seconds, `jti` new each time, `aud` where one is configured. A role is the claim `scp`, as
    seen from the official SDK.

    Args:
        config: identity and lifetime.
        key: the private key that belongs to the user's registered public key.
        now: seconds since the epoch by the server's clock.

    >>> token = sign_jwt(config, config.key.load(), now=1_800_000_000)
    >>> token.issued_at, token.expires_at
    (1800000000, 1800003600)
    """
    subject = f"{Account.parse(config.account).claim}.{config.user.strip().upper()}"
    issued_at = int(now)
    expires_at = issued_at + int(config.lifetime_s)
    claims = {
        "iss": f"{subject}.{key.fingerprint}",
        "sub": subject,
        "iat": issued_at,
        "exp": expires_at,
        "jti": str(uuid.uuid4()),
    }
    if config.audience is not None:
        claims["aud"] = config.audience
    if config.role is not None:
        claims["scp"] = session_role(config.role)
    return Token(jwt.encode(claims, key.signing_key(), algorithm="RS256"), issued_at, expires_at)


def session_role(role: str) -> str:
    """Return the scope that requests a role, with its name as the service stores it.

    >>> session_role("loader"), session_role('"night loader"')
    ('session:role:LOADER', 'session:role:night loader')
    """
    return f"session:role:{stored_part(role)}"
