"""The two hosts of an account: the control plane, where the credential signs, and the ingest plane.

The ingest host is discovered and its scoped token exchanged on first use, both through the control
plane (`GET /v2/streaming/hostname`, `POST /oauth/token`, as in Snowflake's REST reference).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import jwt

from ..auth.credentials import Credential
from ..auth.tokens import Clock, Token, TokenCache
from ..errors import AuthenticationError, ServiceError
from .answers import Answer, Refusal
from .transport import Request, Transport

DISCOVERY_BUDGET_S = 20.0
"""The first contact fails sooner than later requests: a wrong account name should not cost minutes."""

SCOPED_TOKEN_LIFETIME_S = 3600.0
"""Assumed where the scoped token does not tell its own end."""

_INGEST_HINT = (
    "; the account accepted the credential, but its ingest host does not accept the token issued for it: the "
    "user's role may lack the privilege for this, or a network policy may shut out this machine"
)
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Planes:
    """Sends requests to either host of an account and renews what each of them wants.

    Args:
        account_url: scheme, host and port of the account, without a path.
        credential: signs on the control plane.
    """

    def __init__(self, transport: Transport, account_url: str, credential: Credential, clock: Clock) -> None:
        self._transport = transport
        self._account_url = account_url
        self._credential = credential
        self._clock = clock
        self._ingest_url: str | None = None
        self._discovering = threading.Lock()
        self.scoped = ScopedSigner(TokenCache(self._exchange, clock))

    def ingest(
        self,
        method: str,
        path: str,
        *,
        action: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send to the ingest host; credentials that stay refused are an AuthenticationError."""
        request = Request(
            method, self.ingest_url() + path, query=query or {}, body=body, headers=headers or {}
        )
        return self._checked(self._transport.send(request, self.scoped), action, _INGEST_HINT)

    def ingest_url(self) -> str:
        """Return the ingest host's URL, discovered once."""
        with self._discovering:
            if self._ingest_url is None:
                self._ingest_url = self._discover()
            return self._ingest_url

    def _discover(self) -> str:
        action = "discover the ingest host"
        request = Request("GET", f"{self._account_url}/v2/streaming/hostname", counted=False)
        answer = self._control(request, action)
        host = answer.text_or_field("hostname").replace("_", "-")
        if not host or "/" in host:
            raise ServiceError(
                f"could not {action}: the answer names no host; "
                f"is {self._account_url} a Snowflake account URL?",
                status=answer.status,
                request_id=answer.request_id,
            )
        return f"{urlsplit(self._account_url).scheme}://{host}"

    def _exchange(self) -> Token:
        action = "exchange the credential for a scoped token"
        form = urlencode({"grant_type": _GRANT_TYPE, "scope": urlsplit(self.ingest_url()).netloc})
        request = Request(
            "POST",
            f"{self._account_url}/oauth/token",
            body=form.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            counted=False,
        )
        answer = self._control(request, action)
        text = answer.text_or_field("token") or answer.text_or_field("access_token")
        if not text:
            raise ServiceError(
                f"could not {action}: the answer holds no token",
                status=answer.status,
                request_id=answer.request_id,
            )
        now = self._clock.now()
        lifetime = answer.field("expires_in")
        return Token(text, now, _own_end(text) or now + float(lifetime or SCOPED_TOKEN_LIFETIME_S))

    def _control(self, request: Request, action: str) -> Answer:
        answer = self._transport.send(request, self._credential, budget_s=DISCOVERY_BUDGET_S)
        answer = self._checked(answer, action, self._credential.hint(answer.status))
        if answer.refusal is not Refusal.NONE:
            raise answer.error(action)
        return answer

    def _checked(self, answer: Answer, action: str, hint: str) -> Answer:
        if answer.refusal is not Refusal.CREDENTIALS:
            return answer
        who = self._credential
        raise AuthenticationError(
            f"could not {action}: the service refused user {who.user!r} of account {who.account!r} "
            f"(HTTP {answer.status} {answer.code}: {answer.message}){hint}",
            status=answer.status,
            code=answer.code,
            request_id=answer.request_id,
            account=who.account,
            user=who.user,
            fingerprint=who.fingerprint,
        )


class ScopedSigner:
    """Signs ingest requests with the scoped token; a refused one is always exchanged anew."""

    def __init__(self, cache: TokenCache) -> None:
        self.cache = cache

    def token(self) -> Token:
        """Return the scoped token, exchanged or renewed if needed."""
        return self.cache.token()

    def headers(self) -> dict[str, str]:
        """Return the headers seen from the official SDK on this host."""
        return {
            "Authorization": f"Bearer {self.cache.token().value}",
            "X-Snowflake-Authorization-Token-Type": "OAUTH",
        }

    def refused(self, token: Token) -> bool:
        """Drop the refused token, so that the next try exchanges a new one."""
        self.cache.invalidate(token)
        return True


def _own_end(text: str) -> float | None:
    """Read `exp` of a scoped token that is a JWT; the service's token is opaque to us otherwise."""
    try:
        end = jwt.decode(text, options={"verify_signature": False}).get("exp")
    except jwt.InvalidTokenError:
        return None
    return float(end) if isinstance(end, int | float) else None
