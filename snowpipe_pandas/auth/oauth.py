"""A credential that fetches OAuth access tokens itself: by a refresh token, or by client credentials.

The token endpoint is the user's own identity provider, or Snowflake's `/oauth/token-request`. `rest/oauth.py`
sends the request; this module says what is requested, and keeps what is granted.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote, urlencode

from ..errors import ConfigError
from .accounts import Account
from .credentials import GRANTS, OAUTH, TOKEN_TYPE_HEADER
from .jwt import BEARER
from .secret import Secret
from .single_flight import Waits
from .tokens import Clock, Token, TokenCache


@dataclass(frozen=True, slots=True)
class OAuthConfig:
    """How access tokens are requested; the names are those of the Python connector's parameters.

    Attributes:
        token_url: the endpoint; https, or http to loopback.
        client_id, client_secret: the client that requests.
        refresh_token: the grant; without one the request is in the client's own name (client credentials).
        scope: what is requested, None for the endpoint's default.
        credentials_in_body: whether id and secret are in the form, and not in an `Authorization` header.
    """

    token_url: str
    client_id: str
    client_secret: Secret
    refresh_token: Secret | None = None
    scope: str | None = None
    credentials_in_body: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """What an endpoint granted: an access token, and the refresh token that replaces the last one, if any."""

    token: Token
    refresh_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for an access token; what is secret in it is not shown.

    Attributes:
        url: the endpoint.
        form: the body.
        authorization: the header, None where the form identifies the client.
        secrets: what must not be in an error if the endpoint echoes it.
    """

    url: str
    form: bytes = field(repr=False)
    authorization: str | None = field(repr=False)
    secrets: tuple[Secret, ...]


AskEndpoint = Callable[[TokenRequest, Waits, float | None], Granted]
"""Sends a request, for a caller, within a number of seconds; raises AuthenticationError if it is refused."""


class OAuthCredential:
    """Carries access tokens that it fetches and renews.

    Args:
        config: how they are requested.
        account: the account, for messages.
        user: the user, for messages; "" where only the token holds it.
        clock: the time by the server.

    Attributes:
        ask: the way to the endpoint; the planes set it, since they have the connections.
    """

    kind = OAUTH
    grant = GRANTS[OAUTH]
    fingerprint = ""
    at_once = False
    ask: AskEndpoint | None = None

    def __init__(self, config: OAuthConfig, *, account: str, user: str, clock: Clock) -> None:
        self.account = Account.parse(account).claim
        self.user = user.strip().upper()
        self._config = config
        self._refresh_token = config.refresh_token
        self.cache: TokenCache[Waits] = TokenCache(self._fetch, clock)

    def __repr__(self) -> str:
        return f"<OAuthCredential {self.account}.{self.user} by {self._config.token_url}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled; make a client where it is needed")

    def token(self, caller: Waits) -> Token:
        """Return the access token to use now, fetched or renewed if needed.

        Raises:
            AuthenticationError: the endpoint refused, or its answer holds no token.
            TransportError: it did not answer.
        """
        return self.cache.token(caller)

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers that carry the access token."""
        return {"Authorization": f"{BEARER} {token.value}", TOKEN_TYPE_HEADER: OAUTH}

    def refused(self, token: Token, caller: Waits) -> bool:
        """Drop the access token, so that the next try fetches another one."""
        self.cache.invalidate(token)
        return True

    def hint(self, status: int) -> str:
        """Return the usual cause of a refused access token."""
        return (
            f"; the access token of {self._config.token_url} was issued, but Snowflake refuses it: check "
            "the security integration, its scopes, and the role"
        )

    def _fetch(self, caller: Waits, budget_s: float | None) -> Token:
        if self.ask is None:
            raise ConfigError("this credential has no way to its token endpoint", setting="authenticator")
        granted = self.ask(_request(self._config, self._refresh_token), caller, budget_s)
        # Providers may accept each refresh token only once; this runs in one thread at a time.
        self._refresh_token = granted.refresh_token or self._refresh_token
        return granted.token


def _request(config: OAuthConfig, refresh_token: Secret | None) -> TokenRequest:
    """Return a request as in RFC 6749; nothing here can raise."""
    form = {"grant_type": "client_credentials" if refresh_token is None else "refresh_token"}
    if refresh_token is not None:
        form["refresh_token"] = refresh_token.as_text().strip()
    if config.scope:
        form["scope"] = config.scope
    secret = config.client_secret.as_text().strip()
    authorization = None
    if config.credentials_in_body:
        form |= {"client_id": config.client_id, "client_secret": secret}
    else:
        authorization = _basic(config.client_id, secret)
    hidden = (config.client_secret,) if refresh_token is None else (config.client_secret, refresh_token)
    return TokenRequest(config.token_url, urlencode(form).encode(), authorization, hidden)


def _basic(client_id: str, secret: str) -> str:
    """Return the header of RFC 6749, 2.3.1: both parts are encoded as in a form."""
    both = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"
