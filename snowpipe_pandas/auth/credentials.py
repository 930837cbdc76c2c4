"""What a client signs its control-plane requests with: a key pair, or an access token issued elsewhere.

A credential makes headers and judges refusals; it does no network I/O of its own. Header names and
token types: Snowflake's pages on authenticating to the REST and SQL APIs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, Protocol

from ..errors import ConfigError
from ..shown import visible
from .accounts import Account
from .jwt import BEARER, AuthConfig, sign_jwt
from .secret import Secret, hide
from .single_flight import Waits
from .token_file import TokenFile
from .token_text import unusable
from .tokens import Clock, Token, TokenCache

TOKEN_TYPE_HEADER = "X-Snowflake-Authorization-Token-Type"  # noqa: S105  # a header's name
SERVICE_TOKEN_HEADER = "X-Snowflake-Spcs-Token"  # noqa: S105  # a header's name
"""Carries a container's service token, in addition to its session token, as seen from the official SDK."""

KEYPAIR_JWT = "KEYPAIR_JWT"
PROGRAMMATIC_ACCESS_TOKEN = "PROGRAMMATIC_ACCESS_TOKEN"  # noqa: S105  # a kind's name
OAUTH = "OAUTH"

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a grant's name
GRANTS: dict[str, dict[str, str]] = {
    KEYPAIR_JWT: {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"},
    PROGRAMMATIC_ACCESS_TOKEN: {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token_type": "programmatic_access_token",
    },
    OAUTH: {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    },
}
"""How each kind of credential requests a scoped token, as seen from the official SDK; the credential itself
stays in the `Authorization` header."""


class Credential(Protocol):
    """What signs the requests to the control plane."""

    @property
    def kind(self) -> str:
        """The token type, in Snowflake's words."""

    @property
    def grant(self) -> dict[str, str]:
        """The fields with which this kind of credential requests a scoped token."""

    @property
    def account(self) -> str:
        """The account as JWTs claim it."""

    @property
    def user(self) -> str:
        """The user as JWTs claim it."""

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint, "" where there is none."""

    @property
    def cache(self) -> TokenCache[Waits]:
        """Where the token is kept until it is renewed."""

    @property
    def at_once(self) -> bool:
        """Whether a token is made without any request, so that its client has one at once."""

    def token(self, caller: Waits) -> Token:
        """Return the token to use now, renewed if it is near its end."""

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers that carry this token."""

    def refused(self, token: Token, caller: Waits) -> bool:
        """Renew after the service refused `token`; return whether another try makes sense."""

    def hint(self, status: int) -> str:
        """Return the likely cause of a persistent refusal, and what to do, as the end of a sentence."""


class KeyPairCredential:
    """Signs JWTs with a private key.

    Args:
        config: who signs, with which key.
        clock: the time by the server.

    Raises:
        PrivateKeyError: the key can't be used.

    >>> credential = KeyPairCredential(AuthConfig("myorg-dev", "loader", KeySource("rsa_key.p8")), Clock())
    >>> sorted(credential.headers(credential.token(caller)))
    ['Authorization', 'X-Snowflake-Authorization-Token-Type']
    """

    kind = KEYPAIR_JWT
    grant = GRANTS[KEYPAIR_JWT]
    at_once = True
    account = user = fingerprint = ""  # so that it has a repr even if its key can't be loaded

    def __init__(self, config: AuthConfig, clock: Clock) -> None:
        self.account = Account.parse(config.account).claim
        self.user = config.user.strip().upper()
        self._config = config
        self._clock = clock
        self._key = config.key.load()
        self.fingerprint = self._key.fingerprint
        self.cache: TokenCache[Waits] = TokenCache(self._sign, clock)

    def __repr__(self) -> str:
        return visible(f"<KeyPairCredential {self.account}.{self.user} {self.fingerprint}>")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled; make a client where it is needed")

    @property
    def public_key_base64(self) -> str:
        """The public key as `ALTER USER ... SET RSA_PUBLIC_KEY` takes it."""
        return self._key.public_key_base64

    def token(self, caller: Waits) -> Token:
        """Return the JWT to use now."""
        return self.cache.token(caller)

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers of the configured scheme."""
        scheme = self._config.authorization_scheme
        headers = {"Authorization": f"{scheme} {token.value}"}
        return headers | {TOKEN_TYPE_HEADER: KEYPAIR_JWT} if scheme == BEARER else headers

    def refused(self, token: Token, caller: Waits) -> bool:
        """Forget the JWT, so that the next try signs a new one.

        Another try always makes sense: signing costs nothing, this very refusal may have set the clock, and
        a key or grant that was just set takes a moment to be known everywhere.
        """
        self.cache.invalidate(token)
        return True

    def hint(self, status: int) -> str:
        """Return the usual cause of a refused JWT."""
        if status == 403:
            return f"; the role of {self.user} may lack the privilege for this: have it granted"
        return (
            f"; check that {self.user} has this public key ({self.fingerprint}), and that account name and "
            "clock are right: `snowpipe-pandas doctor` tests each"
        )

    def _sign(self, caller: Waits, budget_s: float | None) -> Token:
        return sign_jwt(self._config, self._key, now=self._clock.now())


class AccessTokenCredential:
    """Carries a token that was issued elsewhere: a programmatic access token, or an OAuth access token.

    Args:
        kind: `PROGRAMMATIC_ACCESS_TOKEN` or `OAUTH`.
        token: the token's text; a function that returns a good one, which is called again after a refusal; or
            its file, which is read again after a refusal, and when it has changed.
        account: the account, for messages.
        user: the user, for messages; "" where only the token holds it.
        clock: the time by the server.
        service_token: a file whose text is sent too, if it exists: containers have one.

    Raises:
        ConfigError: the kind is unknown, or the account's name malformed.
    """

    kind = account = user = fingerprint = ""
    at_once = True

    def __init__(
        self,
        kind: str,
        token: str | Secret | TokenFile | Callable[[], str],
        *,
        account: str,
        user: str,
        clock: Clock,
        service_token: TokenFile | None = None,
    ) -> None:
        token = token if callable(token) or isinstance(token, TokenFile) else hide(token)
        if kind not in (PROGRAMMATIC_ACCESS_TOKEN, OAUTH):
            raise ConfigError(f"{kind!r} is not a kind of access token", setting="authenticator")
        self.kind = kind
        self.grant = GRANTS[kind]
        self.account = Account.parse(account).claim
        self.user = user.strip().upper()
        self._given = token
        self._service_token = service_token
        self._clock = clock
        self.cache: TokenCache[Waits] = TokenCache(self._take, clock)

    def __repr__(self) -> str:
        return visible(f"<AccessTokenCredential {self.kind} {self.account}.{self.user}>")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled; make a client where it is needed")

    def token(self, caller: Waits) -> Token:
        """Return the token to use now.

        Raises:
            ConfigError: the text is empty, the function returned no text, or the file can't be read.
        """
        token = self.cache.token(caller)
        if not isinstance(self._given, TokenFile) or not self._given.changed:
            return token
        written = self._given.read_if_there()
        if written is not None and unusable(written) is None:  # else it is being written
            self.cache.invalidate(token)
        return self.cache.token(caller)

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers that carry the token and its kind."""
        headers = {"Authorization": f"{BEARER} {token.value}", TOKEN_TYPE_HEADER: self.kind}
        along = None if self._service_token is None else self._service_token.read_if_there()
        if along is not None and unusable(along) is None:
            headers[SERVICE_TOKEN_HEADER] = along.as_text().strip()
        return headers

    def refused(self, token: Token, caller: Waits) -> bool:
        """Call the function or read the file again; a token given as text can't be renewed."""
        if isinstance(self._given, Secret):
            return False
        self.cache.invalidate(token)
        return self.token(caller).value != token.value

    def hint(self, status: int) -> str:
        """Return the usual cause of a refused access token."""
        return (
            "; the access token may have expired or been revoked, or its role lacks the privilege: give "
            "another one as token="
        )

    def _take(self, caller: Waits, budget_s: float | None) -> Token:
        text = self._text()
        if isinstance(text, str):
            raise ConfigError(f"the function given as token= returned {text}, not text", setting="token")
        problem = unusable(text)
        if problem is not None:
            raise ConfigError(f"the access token {problem}; give another one as token=", setting="token")
        return Token(text.as_text().strip(), self._clock.now(), math.inf)

    def _text(self) -> Secret | str:
        """Return the token's text, or the type of what the function returned instead."""
        if isinstance(self._given, Secret):
            return self._given
        return self._given.read() if isinstance(self._given, TokenFile) else _hidden_text(self._given())


def _hidden_text(given: object) -> Secret | str:
    """Hide a text; for anything else return the name of its type."""
    return Secret(given) if isinstance(given, str) else type(given).__name__
