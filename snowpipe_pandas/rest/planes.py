"""The two hosts of an account: the control plane, where the credential signs, and the ingest plane.

The ingest host is discovered and its scoped token exchanged on first use, both through the control
plane (`GET /v2/streaming/hostname`, `POST /oauth/token`, as in Snowflake's REST reference).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from ..auth.credentials import Credential
from ..auth.oauth import OAuthCredential
from ..auth.single_flight import SingleFlight
from ..auth.tokens import Clock, Token, TokenCache
from ..errors import AuthenticationError, ServiceError
from ..events import Hub, TokenLife, TokenRenewed
from ..hosts import belongs, host_name, is_loopback, port_number, split_port
from ..shown import shown
from .answers import TOO_LONG, Answer, Refusal
from .bounds import CONTROL_BYTES
from .caller import Caller
from .oauth import ask_endpoint
from .token_answers import scoped_token
from .trail import Trail
from .transport import AS_USUAL, Request, Transport

DISCOVERY_BUDGET_S = 20.0
"""The first contact fails sooner than later requests: a wrong account name should not cost minutes."""

FAILOVERS = 3
"""How often in a row a request follows its ingest host to another one."""

_INGEST_HINT = (
    "; the account accepted the credential, but its ingest host does not accept the token issued for it: the "
    "user's role may lack the privilege for this, or a network policy may shut out this machine"
)


@dataclass(frozen=True, slots=True)
class _IngestHost:
    """The ingest host as discovered, which is a scoped token's scope, and the URL that is used."""

    name: str
    url: str


class Planes:
    """Sends requests to either host of an account and renews the token of each.

    Args:
        account_url: scheme, host and port of the account, without a path.
        credential: signs on the control plane.
        events: what happens with this client's requests and tokens.
        allow_ingest_hosts: hosts outside of the account's own domain that it may name as its ingest host.
    """

    def __init__(
        self,
        transport: Transport,
        account_url: str,
        credential: Credential,
        clock: Clock,
        events: Hub,
        *,
        allow_ingest_hosts: Sequence[str] = (),
    ) -> None:
        self.transport = transport
        self.events = events
        self._account_url = account_url
        self._credential = credential
        self._clock = clock
        self._allow_ingest_hosts = tuple(allow_ingest_hosts)
        self._ingest_host: _IngestHost | None = None
        self._forgetting = threading.Lock()
        self._discovery: SingleFlight[_IngestHost] = SingleFlight()
        self._met = False
        self.scoped = ScopedSigner(TokenCache(self._exchange, clock))
        if isinstance(credential, OAuthCredential):
            credential.ask = partial(ask_endpoint, transport)
        credential.cache.on_renewed = partial(self._report_renewed, "jwt")
        self.scoped.cache.on_renewed = partial(self._report_renewed, "scoped")

    def ingest(
        self,
        method: str,
        path: str,
        *,
        action: str,
        query: Mapping[str, str] | None = None,
        body: bytes | memoryview = b"",
        headers: Mapping[str, str] | None = None,
        caller: Caller,
        most_bytes: int = CONTROL_BYTES,
        judge: Callable[[Answer], Refusal] = AS_USUAL,
        trail: Trail | None = None,
    ) -> Answer:
        """Send to the ingest host for a caller; credentials that stay refused are an AuthenticationError.

        A 410 means that the host failed over: it is discovered again, with a new scoped token. A request
        that carries a continuation token is not sent again there: that token was lost with the old host.
        """
        trail = trail or Trail()
        for _ in range(FAILOVERS):
            host = self.ingest_url(caller)
            request = Request(
                method,
                host + path,
                action=action,
                query=query or {},
                body=body,
                headers=headers or {},
                most_bytes=most_bytes,
                judge=judge,
                trail=trail,
            )
            answer = self._checked(self.transport.send(request, self.scoped, caller), action, _INGEST_HINT)
            if answer.refusal is not Refusal.MOVED:
                break
            self._forget(host)
            if "continuationToken" in request.query:
                break
        return answer

    def account(
        self,
        method: str,
        path: str,
        *,
        action: str,
        caller: Caller,
        budget_s: float | None = None,
        **options: Any,
    ) -> Answer:
        """Send to the account's own host, signed with the credential itself; return the answer.

        Args:
            budget_s: seconds for all tries, where that is less than the policy's.
            options: further fields of the `Request`.

        Raises:
            TransportError: no answer within the budget.
        """
        request = Request(method, self._account_url + path, action=action, **options)
        return self.transport.send(request, self._credential, caller, budget_s=budget_s)

    def refused_by_account(self, answer: Answer, action: str) -> AuthenticationError | None:
        """Return the error where an answer of the account's host refuses the credential, else None."""
        if answer.refusal is not Refusal.CREDENTIALS:
            return None
        return self._not_let_in(answer, action, self._credential.hint(answer.status))

    @property
    def identity(self) -> tuple[str, str, str]:
        """Account, user and key fingerprint ("" without a key), as the credential claims them."""
        return self._credential.account, self._credential.user, self._credential.fingerprint

    @property
    def tokens(self) -> dict[str, TokenLife]:
        """The lives of the tokens: "jwt" (or what is used in its place), and "scoped" once exchanged."""
        lives = {"jwt": self._credential.cache.life, "scoped": self.scoped.cache.life}
        return {kind: life for kind, life in lives.items() if life is not None}

    def _report_renewed(self, kind: Literal["jwt", "scoped"], life: TokenLife) -> None:
        self.events.emit(TokenRenewed(kind=kind, life=life))

    def _forget(self, url: str) -> None:
        """Discover the ingest host again next time, unless that was done meanwhile."""
        with self._forgetting:
            if self._ingest_host is not None and self._ingest_host.url == url:
                self._ingest_host = None
                self.scoped.cache.clear()

    def ingest_url(self, caller: Caller) -> str:
        """Return the ingest host's URL, discovered once, by one thread for all that need it."""
        return self._discovered(caller).url

    def _discovered(self, caller: Caller) -> _IngestHost:
        return self._discovery.run(caller, lambda: self._ingest_host, lambda: self._discover(caller))

    def _discover(self, caller: Caller) -> _IngestHost:
        action = "discover the ingest host"
        request = Request("GET", f"{self._account_url}/v2/streaming/hostname", action=action)
        answer = self._control(request, caller)
        name, port = self._permitted_host(answer, action)
        account = urlsplit(self._account_url)
        # As the official SDK does it: a host without a port has the account's port.
        met_at = account.port if port is None else port
        url = f"{account.scheme}://{name}" + ("" if met_at is None else f":{met_at}")
        self._ingest_host = found = _IngestHost(name if port is None else f"{name}:{port}", url)
        return found

    def _exchange(self, caller: Caller, budget_s: float | None) -> Token:
        action = "exchange the credential for a scoped token"
        form = urlencode(self._credential.grant | {"scope": self._discovered(caller).name})
        request = Request(
            "POST",
            f"{self._account_url}/oauth/token",
            action=action,
            body=form.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            total_s=math.inf if budget_s is None else budget_s,
        )
        # The answer holds the token, so it is not held here, where an error may be raised.
        found = scoped_token(self._control(request, caller, budget_s), self._clock.now())
        if isinstance(found, Token):
            return found
        raise ServiceError(
            f"could not {action}: {found.text}", status=found.status, request_id=found.request_id
        )

    def _permitted_host(self, answer: Answer, action: str) -> tuple[str, int | None]:
        """Return the host that discovery names, and its port where it names one.

        Raises:
            ServiceError: it names none, or one that this account's rows must not go to.
        """
        text = answer.text_or_field("hostname").replace("_", "-")
        name, port = split_port(text)
        host, account = host_name(name), urlsplit(self._account_url)
        if host is None or (port is not None and port_number(port) is None):
            problem = (
                f"the answer names no host ({shown(text)}); is {self._account_url} a Snowflake account URL?"
            )
        elif account.scheme == "http" and not is_loopback(host):
            problem = f"the answer names {host}, and plain http is for this machine only"
        elif not belongs(host, split_port(account.netloc)[0], self._allow_ingest_hosts):
            problem = (
                f"the answer names {host}, which is not in the account's own domain; if that is right, "
                f'allow it: connect(allow_ingest_hosts=["{host}"])'
            )
        else:
            return host, None if port is None else port_number(port)
        raise ServiceError(
            f"could not {action}: {problem}", status=answer.status, request_id=answer.request_id
        )

    def _control(self, request: Request, caller: Caller, budget_s: float | None = None) -> Answer:
        if budget_s is None and not self._met:
            budget_s = DISCOVERY_BUDGET_S
        answer = self.transport.send(request, self._credential, caller, budget_s=budget_s)
        answer = self._checked(answer, request.action, self._credential.hint(answer.status))
        if answer.refusal is not Refusal.NONE:
            raise answer.error(request.action)
        if answer.payload is None:
            raise answer.unreadable(request.action, TOO_LONG)
        self._met = True
        return answer

    def _checked(self, answer: Answer, action: str, hint: str) -> Answer:
        if answer.refusal is Refusal.CREDENTIALS:
            raise self._not_let_in(answer, action, hint)
        return answer

    def _not_let_in(self, answer: Answer, action: str, hint: str) -> AuthenticationError:
        who = self._credential
        user = f"user {who.user!r}" if who.user else "the token for a user"
        return AuthenticationError(
            f"could not {action}: the service refused {user} of account {who.account!r} "
            f"(HTTP {answer.status} {answer.code}: {answer.message}){hint}",
            status=answer.status,
            code=answer.code,
            request_id=answer.request_id,
            account=who.account,
            user=who.user,
            fingerprint=who.fingerprint,
        )


class ScopedSigner:
    """Signs ingest requests with the scoped token; a refused one is always exchanged again."""

    def __init__(self, cache: TokenCache[Caller]) -> None:
        self.cache = cache

    def token(self, caller: Caller) -> Token:
        """Return the scoped token, exchanged or renewed if needed."""
        return self.cache.token(caller)

    def headers(self, token: Token) -> dict[str, str]:
        """Return the headers seen from the official SDK on this host."""
        return {
            "Authorization": f"Bearer {token.value}",
            "X-Snowflake-Authorization-Token-Type": "OAUTH",
        }

    def refused(self, token: Token, caller: Caller) -> bool:
        """Drop the refused token, so that the next try exchanges a new one."""
        self.cache.invalidate(token)
        return True
