"""Requests an access token from an OAuth token endpoint, which is the user's own, on any host.

Nothing of Snowflake's protocol applies: the request has no number, and its answer does not set the clock.
"""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ..auth.oauth import Granted, TokenRequest
from ..auth.tokens import Token
from ..errors import AuthenticationError, ServiceError
from .answers import Answer, Refusal
from .bounds import CONTROL_BYTES
from .caller import Caller
from .token_answers import access_token
from .transport import Request, Transport

BUDGET_S = 60.0
"""Seconds for all tries: a sign-in that takes longer is assumed to have failed."""

TRY_S = 30.0


def ask_endpoint(
    transport: Transport, asked: TokenRequest, caller: Any, budget_s: float | None = None
) -> Granted:
    """Send a request for an access token, again if it is not answered; return what was granted.

    Args:
        transport: sends it.
        asked: the request; no error holds its secrets.
        caller: a `Caller`: waits, and reports retries.
        budget_s: seconds for all tries, where that is less than usual.

    Raises:
        AuthenticationError: the endpoint refused (HTTP 400, 401 or 403).
        ServiceError: it answered something else, or nothing that holds a token.
        TransportError: it did not answer.
    """
    action = f"get an access token from {urlsplit(asked.url).netloc}"
    budget = min(BUDGET_S, math.inf if budget_s is None else budget_s)
    found = _ask(transport, asked, action, caller, budget)
    if isinstance(found, Granted):
        return found
    message = f"could not {action}: {found.text}"
    if found.status in (400, 401, 403):
        hint = "check oauth_client_id, oauth_client_secret, oauth_scope and the refresh token, if any"
        raise AuthenticationError(
            f"{message}; {hint}", status=found.status, code=found.code, request_id=found.request_id
        )
    raise ServiceError(message, status=found.status, code=found.code, request_id=found.request_id)


def _ask(transport: Transport, asked: TokenRequest, action: str, caller: Caller, budget_s: float) -> Any:
    parts = urlsplit(asked.url)
    request = Request(
        "POST",
        urlunsplit((*parts[:3], "", "")),
        action=action,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        body=asked.form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        total_s=min(TRY_S, budget_s),
        most_bytes=CONTROL_BYTES,
        judge=_judge,
        foreign=True,
    )
    answer = transport.send(request, _ClientSigner(asked), caller, budget_s=budget_s)
    return access_token(answer, transport.clock.now(), asked.secrets)


def _judge(answer: Answer) -> Refusal:
    """Try again only after transient refusals; the codes of Snowflake's own refusals mean nothing here."""
    passes = answer.status in (408, 429) or answer.status >= 500
    return Refusal.TRANSIENT if passes else Refusal.FINAL


class _ClientSigner:
    """Identifies the client to the endpoint, which takes no token of the account."""

    __slots__ = ("_asked",)

    def __init__(self, asked: TokenRequest) -> None:
        self._asked = asked

    def token(self, caller: Caller) -> Token:
        """Return a token without a value: the client has an id and a secret."""
        return Token("", 0.0, math.inf)

    def headers(self, token: Token) -> dict[str, str]:
        """Return the header that identifies the client, none where the form does."""
        authorization = self._asked.authorization
        return {} if authorization is None else {"Authorization": authorization}

    def refused(self, token: Token, caller: Caller) -> bool:
        """Return False: there is nothing to renew."""
        return False
