"""What a client signs its control-plane requests with: a key pair, or an access token from elsewhere.

A credential makes headers and judges refusals; it does no network I/O of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, Protocol

from ..errors import ConfigError
from .jwt import BEARER, AuthConfig, account_claim, sign_jwt
from .tokens import Clock, Token, TokenCache

TOKEN_TYPE_HEADER = "X-Snowflake-Authorization-Token-Type"  # noqa: S105  # a header's name
KEYPAIR_JWT = "KEYPAIR_JWT"
PROGRAMMATIC_ACCESS_TOKEN = "PROGRAMMATIC_ACCESS_TOKEN"  # noqa: S105  # a kind's name
OAUTH = "OAUTH"


class Credential(Protocol):
    """What the control plane's requests are signed with."""

    kind: str
    account: str
    user: str

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint, empty for credentials without a key."""

    def token(self) -> Token:
        """Return the token to use now, renewed if it is near its end."""

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the token."""

    def refused(self, token: Token) -> bool:
        """Renew after the service refused `token`; return whether another try makes sense."""

    def hint(self, status: int) -> str:
        """Return the likely cause of a refusal that stays, and what to do, as the end of a sentence."""


class KeyPairCredential:
    """Signs JWTs with a private key.

    Args:
        config: who signs, with which key.
        clock: the time by the server.

    Raises:
        PrivateKeyError: the key can't be used.
    """

    kind = KEYPAIR_JWT

    def __init__(self, config: AuthConfig, clock: Clock) -> None:
        self.account = account_claim(config.account)
        self.user = config.user.strip().upper()
        self._config = config
        self._clock = clock
        self._key = config.key.load()
        self._signed_with_offset_s = 0.0
        self._cache = TokenCache(self._sign, clock)

    def __repr__(self) -> str:
        return f"<KeyPairCredential {self.account}.{self.user} {self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled; make a client where it is needed")

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint, as `DESC USER` shows it."""
        return self._key.fingerprint

    @property
    def public_key_base64(self) -> str:
        """The public key as `ALTER USER ... SET RSA_PUBLIC_KEY` takes it."""
        return self._key.public_key_base64

    def token(self) -> Token:
        """Return the JWT to use now."""
        return self._cache.token()

    def headers(self) -> dict[str, str]:
        """Return the headers of the configured scheme."""
        scheme = self._config.authorization_scheme
        headers = {"Authorization": f"{scheme} {self.token().value}"}
        return headers | {TOKEN_TYPE_HEADER: KEYPAIR_JWT} if scheme == BEARER else headers

    def refused(self, token: Token) -> bool:
        """Sign a new JWT; one that is as fresh as the refused one can't fare better."""
        stale = self._clock.now() - token.issued_at > (token.expires_at - token.issued_at) / 2
        clock_learned = self._clock.offset_s != self._signed_with_offset_s
        self._cache.invalidate(token)
        return stale or clock_learned

    def hint(self, status: int) -> str:
        """Name what a refused JWT mostly comes from."""
        if status == 403:
            return "; the user's role may lack the privilege for this"
        return (
            f"; check that {self.user} has this public key ({self.fingerprint}), and that account name and "
            "clock are right: `snowpipe-pandas doctor` tests each"
        )

    def _sign(self) -> Token:
        self._signed_with_offset_s = self._clock.offset_s
        return sign_jwt(self._config, self._key, now=self._clock.now())


class AccessTokenCredential:
    """Carries a token that was issued elsewhere: a programmatic access token, or an OAuth access token.

    Args:
        kind: `PROGRAMMATIC_ACCESS_TOKEN` or `OAUTH`.
        token: the token's text, or a function that returns a good one; it is called again after a refusal.
        account: the account, for messages.
        user: the user, for messages.
        clock: the time by the server.
    """

    fingerprint = ""

    def __init__(
        self, kind: str, token: str | Callable[[], str], *, account: str, user: str, clock: Clock
    ) -> None:
        if kind not in (PROGRAMMATIC_ACCESS_TOKEN, OAUTH):
            raise ConfigError(f"{kind!r} is no kind of access token", setting="authenticator")
        self.kind = kind
        self.account = account_claim(account)
        self.user = user.strip().upper()
        self._given = token
        self._clock = clock
        self._cache = TokenCache(self._take, clock)

    def __repr__(self) -> str:
        return f"<AccessTokenCredential {self.kind} {self.account}.{self.user}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled; make a client where it is needed")

    def token(self) -> Token:
        """Return the token to use now."""
        return self._cache.token()

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the token and its kind."""
        return {"Authorization": f"{BEARER} {self.token().value}", TOKEN_TYPE_HEADER: self.kind}

    def refused(self, token: Token) -> bool:
        """Ask the function for another token; a text that was given can't be renewed."""
        self._cache.invalidate(token)
        return callable(self._given) and self.token().value != token.value

    def hint(self, status: int) -> str:
        """Name what a refused access token mostly comes from."""
        return "; the access token may have expired or been revoked, or its role lacks the privilege"

    def _take(self) -> Token:
        text = self._given() if callable(self._given) else self._given
        if not text.strip():
            raise ConfigError("the access token is empty", setting="token")
        return Token(text.strip(), self._clock.now(), math.inf)
