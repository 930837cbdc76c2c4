"""Checks the way to an account step by step: one line each, and for what fails the fix."""

from __future__ import annotations

import json
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from ..auth.credentials import Credential, KeyPairCredential
from ..auth.tokens import SKEW_ALLOWANCE_S, Clock, ClockSkewWarning
from ..config import Settings, load_settings
from ..errors import ServiceError, SnowpipeError
from ..events import Hub
from ..names import ObjectName
from ..rest import paths
from ..rest.answers import Refusal
from ..rest.planes import Planes
from ..rest.policy import RetryPolicy
from ..rest.transport import Transport

CONNECT_TIMEOUT_S = 5.0
RETRY_BUDGET_S = 5.0
SECONDS_PER_DAY = 86400


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `fix` says what to do where it failed."""

    check: str
    ok: bool
    text: str
    fix: str = ""


class _FailedError(Exception):
    """Internal: a check failed in a way that has a fix."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.text = text
        self.fix = fix


def run(
    console: Console,
    *,
    profile: Path | None = None,
    connection_name: str | None = None,
    table: str | None = None,
    pipe: str | None = None,
) -> int:
    """Print the findings; return 0 if every check passed."""
    ok = True
    for finding in examine(profile=profile, connection_name=connection_name, table=table, pipe=pipe):
        ok = ok and finding.ok
        mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
        console.print(f"{mark} {finding.check:10} {finding.text}", soft_wrap=True)
        if finding.fix:
            console.print(f"     {'':10} {finding.fix}", soft_wrap=True)
    return 0 if ok else 1


def examine(
    *,
    profile: Path | None = None,
    connection_name: str | None = None,
    table: str | None = None,
    pipe: str | None = None,
) -> Iterator[Finding]:
    """Yield a finding per check, and end with the first failure: what comes after builds on it."""
    patient = _Patient()
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("settings", lambda: patient.read_settings(profile, connection_name)),
        ("key", patient.load_key),
        ("dns", patient.resolve),
        ("tls", patient.shake_hands),
        ("discovery", patient.discover),
        ("clock", patient.compare_clocks),
        ("token", patient.exchange),
    ]
    if table is not None or pipe is not None:
        checks.append(("pipe", lambda: patient.find_pipe(table, pipe)))
    try:
        for name, check in checks:
            finding = _outcome(name, check)
            yield finding
            if not finding.ok:
                return
    finally:
        patient.close()


def _outcome(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except _FailedError as failed:
        return Finding(name, False, failed.text, failed.fix)
    except SnowpipeError as error:
        text, _, fix = str(error).partition("; ")
        return Finding(name, False, text, fix)


class _Patient:
    """What the checks build, each on those before it."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._settings: Settings
        self._credential: Credential
        self._transport: Transport | None = None
        self._planes: Planes

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def read_settings(self, profile: Path | None, connection_name: str | None) -> Finding:
        self._settings = load_settings(profile, connection_name=connection_name)
        shown = self._settings.describe()
        account, user = shown["account"], shown["user"]
        return Finding("settings", True, f"account {account[0]} ({account[1]}), user {user[0]} ({user[1]})")

    def load_key(self) -> Finding:
        self._credential = self._settings.credential(self._clock)
        self._credential.token()
        if not isinstance(self._credential, KeyPairCredential):
            return Finding("key", True, f"no key: {self._credential.kind} is used")
        sql = (
            f"ALTER USER {self._credential.user} SET RSA_PUBLIC_KEY = '{self._credential.public_key_base64}';"
        )
        return Finding("key", True, f"{self._credential.fingerprint}; if the user has not got it yet:", sql)

    def resolve(self) -> Finding:
        host, port, _ = self._address()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise _FailedError(
                f"{host} does not resolve",
                "check the account name (myorg-myaccount), the network, and a VPN that may be needed",
            ) from None
        return Finding("dns", True, f"{host} is {found[0][4][0]}")

    def shake_hands(self) -> Finding:
        host, port, encrypted = self._address()
        try:
            with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain:
                if not encrypted:
                    return Finding("tls", True, "plain http, on this machine only")
                context = ssl.create_default_context(cafile=self._settings.ca_file)
                with context.wrap_socket(plain, server_hostname=host) as secured:
                    certificate = secured.getpeercert() or {}
                    version = secured.version()
        except ssl.SSLError as error:
            raise _FailedError(
                f"the certificate of {host} does not verify ({error.reason or 'TLS failed'})",
                "a proxy that inspects traffic signs its own: name its certificate with ca_file",
            ) from None
        except OSError as error:
            raise _FailedError(
                f"{host}:{port} does not take a connection ({type(error).__name__})",
                "check the firewall, a proxy, and the account's network policy",
            ) from None
        days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / SECONDS_PER_DAY
        return Finding("tls", True, f"{version}, certificate good for {days:.0f} days")

    def discover(self) -> Finding:
        events = Hub()
        self._transport = Transport(
            self._clock, events, ca_file=self._settings.ca_file, retry=RetryPolicy(budget_s=RETRY_BUDGET_S)
        )
        self._planes = Planes(
            self._transport, self._settings.account_url, self._credential, self._clock, events
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ClockSkewWarning)  # the next check tells it
            return Finding("discovery", True, f"the ingest host is {self._planes.ingest_url()}")

    def compare_clocks(self) -> Finding:
        offset = self._clock.offset_s
        if offset:
            direction = "behind" if offset > 0 else "ahead of"
            raise _FailedError(
                f"this machine's clock is {abs(offset):.0f} s {direction} the server's",
                "set the clock (tokens are signed with the server's time meanwhile)",
            )
        return Finding("clock", True, f"within {SKEW_ALLOWANCE_S:.0f} s of the server's")

    def exchange(self) -> Finding:
        token = self._planes.scoped.token()
        minutes = (token.expires_at - token.issued_at) / 60
        return Finding("token", True, f"a scoped token for {minutes:.0f} minutes")

    def find_pipe(self, table: str | None, pipe: str | None) -> Finding:
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
        )
        if answer.refusal is not Refusal.NONE:
            raise _missing_pipe(answer.error(action))
        return Finding("pipe", True, f"{target} is there")

    def _address(self) -> tuple[str, int, bool]:
        parts = urlsplit(self._settings.account_url)
        encrypted = parts.scheme == "https"
        return parts.hostname or "", parts.port or (443 if encrypted else 80), encrypted


def _missing_pipe(error: ServiceError) -> _FailedError:
    return _FailedError(
        str(error).partition("; ")[0],
        "check the name, and grant OPERATE on the pipe or INSERT on the table to the user's role",
    )
