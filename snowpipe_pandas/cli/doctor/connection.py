"""The way to an account: settings, key, hosts, tokens, and the pipe."""

from __future__ import annotations

import json
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from ...auth.credentials import Credential, KeyPairCredential
from ...auth.keys import KeyFileWarning
from ...auth.oauth import OAuthCredential
from ...auth.tokens import SKEW_ALLOWANCE_S, Clock, ClockSkewWarning
from ...config import Settings, load_settings
from ...config.settings import SYSTEM_TRUST
from ...errors import AuthenticationError, SnowpipeError
from ...events import Hub
from ...names import ObjectName, quote_identifier
from ...rest import paths
from ...rest.answers import Refusal
from ...rest.caller import Caller
from ...rest.planes import Planes
from ...rest.policy import RetryPolicy
from ...rest.transport import Transport
from ...rest.trust import system_context
from ...shown import counted
from .findings import FailedError, Finding

CONNECT_TIMEOUT_S = 5.0
RETRY_BUDGET_S = 5.0
SECONDS_PER_DAY = 86400


class Connection:
    """The checks of the way to an account, each built on those before it.

    Args:
        allow_ingest_hosts: hosts outside of the account's own domain that it may name as its ingest host.

    Attributes:
        reached: whether the account's host has answered, and accepted the credential.
    """

    def __init__(self, allow_ingest_hosts: Sequence[str]) -> None:
        self._allow_ingest_hosts = allow_ingest_hosts
        self._clock = Clock()
        self._events = Hub()
        self._caller = Caller(self._clock, self._events)
        self._settings: Settings
        self._credential: Credential
        self._key_file_warning: str | None = None
        self._transport: Transport | None = None
        self._planes: Planes
        self.reached = False

    def close(self) -> None:
        """Close the connections to both hosts."""
        if self._transport is not None:
            self._transport.close()

    def checks(
        self, profile: Path | None, connection_name: str | None, table: str | None, pipe: str | None
    ) -> list[tuple[str, Callable[[], Finding]]]:
        """Return the checks in their order, each with its name."""
        return [
            ("settings", lambda: self._read_settings(profile, connection_name)),
            ("key", self._load_key),
            ("key file", self._judge_key_file),
            ("dns", lambda: self._resolve("dns", self._settings.account_url)),
            ("tls", lambda: self._shake_hands("tls", self._settings.account_url)),
            ("discovery", self._discover),
            ("clock", self._compare_clocks),
            ("token", self._exchange),
            ("ingest", self._reach_ingest_host),
            ("pipe", lambda: self._find_pipe(table, pipe)),
        ]

    @property
    def settings(self) -> Settings:
        """What was read; there once the first check was done."""
        return self._settings

    @property
    def token_has_role(self) -> bool:
        """Whether the token asks for the role of the settings, so that rows are written with it too."""
        return self._settings.role is not None and isinstance(
            self._credential, KeyPairCredential | OAuthCredential
        )

    @property
    def planes(self) -> Planes:
        """The way to both hosts; there once the account was `reached`."""
        return self._planes

    @property
    def caller(self) -> Caller:
        """Whose requests these are."""
        return self._caller

    def _read_settings(self, profile: Path | None, connection_name: str | None) -> Finding:
        self._settings = load_settings(profile, connection_name=connection_name)
        shown = self._settings.describe()
        account = shown["account"]
        who, source = shown.get("user") or shown["authenticator"]
        named = f"user {who}" if "user" in shown else f"whom an {who} token names"
        return Finding("settings", "ok", f"account {account[0]} ({account[1]}), {named} ({source})")

    def _load_key(self) -> Finding:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", KeyFileWarning)
            self._credential = self._settings.credential(self._clock)
        for warned in caught:
            if warned.category is KeyFileWarning:
                self._key_file_warning = str(warned.message)  # the next check reports it
            else:
                warnings.warn_explicit(warned.message, warned.category, warned.filename, warned.lineno)
        if not self._credential.at_once:
            url = self._settings.oauth_token_request_url
            return Finding("key", "ok", f"no key: tokens come from {url}, from discovery on")
        self._credential.token(self._caller)
        if not isinstance(self._credential, KeyPairCredential):
            return Finding("key", "ok", f"no key: {self._credential.kind} is used")
        return Finding(
            "key",
            "ok",
            f"{self._credential.fingerprint}; if the user does not have it yet:",
            _alter_user(self._credential),
        )

    def _judge_key_file(self) -> Finding:
        if self._key_file_warning is not None:
            text, _, fix = self._key_file_warning.partition("; ")
            raise FailedError(text, fix, fatal=False)
        if self._settings.private_key_file is None:
            return Finding("key file", "skip", "none is used")
        return Finding("key file", "ok", "no permission for others to read it")

    def _resolve(self, check: str, url: str) -> Finding:
        host, port, _ = _address(url)
        if (proxy := _proxy(url)) is not None:
            return Finding(check, "skip", f"{host} is reached through the proxy {proxy}, which resolves it")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise FailedError(
                f"{host} does not resolve",
                "check the account name (myorg-myaccount), the network, and a VPN that may be needed",
            ) from None
        return Finding(check, "ok", f"{host} is {found[0][4][0]}")

    def _shake_hands(self, check: str, url: str) -> Finding:
        host, port, encrypted = _address(url)
        if (proxy := _proxy(url)) is not None:
            return Finding(check, "skip", f"{host} is reached through the proxy {proxy}; see what follows")
        try:
            with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain:
                if not encrypted:
                    return Finding(check, "ok", "plain http, on this machine only")
                with self._trust().wrap_socket(plain, server_hostname=host) as secured:
                    certificate = secured.getpeercert() or {}
                    version = secured.version()
        except ssl.SSLCertVerificationError as error:
            raise FailedError(
                f"the certificate of {host} does not verify ({error.verify_message})",
                "a proxy that inspects traffic, or a local account, signs its own: name its certificate "
                "with ca_file",
            ) from None
        except ssl.SSLError as error:
            raise FailedError(
                f"{host}:{port} does not speak TLS ({error.reason or type(error).__name__})",
                "check scheme and port of the account's URL",
            ) from None
        except OSError as error:
            raise FailedError(
                f"{host}:{port} does not take a connection ({error.strerror or type(error).__name__})",
                "check host and port, the firewall, a proxy, and the account's network policy",
            ) from None
        days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / SECONDS_PER_DAY
        return Finding(check, "ok", f"{version}, certificate good for {counted(round(days), 'day')}")

    def _trust(self) -> ssl.SSLContext:
        """Return whose certificates are trusted, as the client trusts them."""
        ca_file = self._settings.ca_file
        return system_context() if ca_file == SYSTEM_TRUST else ssl.create_default_context(cafile=ca_file)

    def _discover(self) -> Finding:
        self._transport = Transport(
            self._clock,
            ca_file=self._settings.ca_file,
            application=self._settings.application,
            retry=RetryPolicy(budget_s=RETRY_BUDGET_S),
        )
        self._planes = Planes(
            self._transport,
            self._settings.account_url,
            self._credential,
            self._clock,
            self._events,
            allow_ingest_hosts=self._allow_ingest_hosts,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ClockSkewWarning)  # the next check reports it
            ingest = self._planes.ingest_url(self._caller)
        self.reached = True
        return Finding("discovery", "ok", f"the ingest host is {ingest}")

    def _compare_clocks(self) -> Finding:
        offset = self._clock.offset_s
        if offset:
            direction = "behind" if offset > 0 else "ahead of"
            raise FailedError(
                f"this machine's clock is {abs(offset):.0f} s {direction} the server's",
                "set the clock (tokens are signed with the server's time meanwhile)",
                fatal=False,
            )
        return Finding("clock", "ok", f"within {SKEW_ALLOWANCE_S:.0f} s of the server's")

    def _exchange(self) -> Finding:
        token = self._planes.scoped.token(self._caller)
        minutes = (token.expires_at - token.issued_at) / 60
        return Finding("token", "ok", f"a scoped token for {counted(round(minutes), 'minute')}")

    def _reach_ingest_host(self) -> Finding:
        url = self._planes.ingest_url(self._caller)
        self._resolve("ingest", url)
        return self._shake_hands("ingest", url)

    def _find_pipe(self, table: str | None, pipe: str | None) -> Finding:
        if table is None and pipe is None:
            return Finding("pipe", "skip", "name one with --table or --pipe")
        name = ObjectName.parse(
            table or pipe or "", database=self._settings.database, schema=self._settings.schema
        )
        target = name if table is None else name.default_pipe()
        action = f"find pipe {target}"
        answer = self._planes.ingest(
            "POST",
            paths.pipe_info(target),
            action=action,
            body=json.dumps({"generate_new_token": False}).encode(),
            headers={"Content-Type": "application/json"},
            caller=self._caller,
        )
        if answer.refusal is not Refusal.NONE:
            raise FailedError(
                str(answer.error(action)).partition("; ")[0],
                "check the name, and grant OPERATE on the pipe or INSERT on the table to the user's role",
            )
        return Finding("pipe", "ok", f"{target} is there")

    def diagnose(self, error: SnowpipeError) -> tuple[str, str]:
        """Split an error of the client into what is wrong and what to do about it."""
        text, _, fix = str(error).partition("; ")
        if isinstance(error, AuthenticationError) and isinstance(self._credential, KeyPairCredential):
            hint = self._credential.hint(401)
            if str(error).endswith(hint):  # it sends its reader to this very command
                text = str(error).removesuffix(hint)
                fix = f"check account and user, or let an administrator run: {_alter_user(self._credential)}"
        return text, fix


def _alter_user(credential: KeyPairCredential) -> str:
    user = quote_identifier(credential.user)
    return f"ALTER USER {user} SET RSA_PUBLIC_KEY = '{credential.public_key_base64}';"


def _address(url: str) -> tuple[str, int, bool]:
    parts = urlsplit(url)
    encrypted = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if encrypted else 80), encrypted


def _proxy(url: str) -> str | None:
    """Return the proxy's host where requests to `url` go through one; without its password."""
    if url.startswith("http://"):
        return None  # requests to this machine never go through a proxy
    proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
    return urlsplit(proxy).hostname if proxy else None
