"""The one grammar of hosts: what is a valid host, what is this machine, and what belongs to an account.

Strict on purpose: a text that two readers could take for two hosts (blanks, `@`, `%`, other spellings of an
address) is not a host here. It knows no HTTP and no settings.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

DOMAIN = "snowflakecomputing.com"
DOMAIN_CHINA = "snowflakecomputing.cn"
DOMAINS = (DOMAIN, DOMAIN_CHINA)
"""Snowflake's own domains; accounts in the regions of China are under the second one."""

MAX_HOST_CHARACTERS = 253

_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A name whose last label has this form is an address, which resolvers read in many spellings."""


def split_port(text: str) -> tuple[str, str | None]:
    """Split `host:port`; the port is None where there is none, and neither is checked.

    >>> split_port("[::1]:80"), split_port("example.com")
    (('[::1]', '80'), ('example.com', None))
    """
    found = _AUTHORITY.fullmatch(text)
    return (text, None) if found is None else (found["host"], found["port"])


def host_name(text: str) -> str | None:
    """Return a host in lower case, None for a text that is not a host.

    Hosts are names of RFC 1123 (with underscores inside labels), IPv4 addresses in their usual form, and
    `[::1]`.

    >>> host_name("MyOrg-dev.snowflakecomputing.com"), host_name("0x7f.1"), host_name("localhost.")
    ('myorg-dev.snowflakecomputing.com', None, None)
    """
    name = text.lower() if text.isascii() else ""
    if name == "[::1]":
        return name
    if len(name) > MAX_HOST_CHARACTERS or not _NAME.fullmatch(name):
        return None
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return None
    return name


def port_number(text: str) -> int | None:
    """Return a port from 1 to 65535, None for a text that is not a port."""
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 0 < int(text) <= 65535:
        return None
    return int(text)


def is_loopback(host: str) -> bool:
    """Return whether a host (from `host_name`) is this machine: 127.0.0.0/8, `[::1]` or localhost."""
    if host in ("localhost", "[::1]"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def belongs(host: str, account_host: str, allowed: Sequence[str] = ()) -> bool:
    """Return whether an account may send its rows to a host.

    It may send them to its own host, within its own domain, and to hosts that its user has allowed; an
    account on this machine may send them to this machine.

    Args:
        host: the host in question.
        account_host: the account's own host.
        allowed: hosts, or `*.` and a domain for all hosts in it, as `allowed_host` returns them.

    >>> belongs("a1.snowflakecomputing.com", "myorg-dev.snowflakecomputing.com")
    True
    >>> belongs("snow.example.com", "myorg-dev.snowflakecomputing.com", ["*.example.com"])
    True
    """
    if host == account_host or (is_loopback(host) and is_loopback(account_host)):
        return True
    patterns = [f"*.{domain}" for domain in _domains(account_host)]
    return any(host == p or (p.startswith("*.") and host.endswith(p[1:])) for p in (*patterns, *allowed))


def allowed_host(text: str) -> str | None:
    """Return a host, or `*.` and a domain of at least two labels, in lower case; None for anything else."""
    domain = text.removeprefix("*.")
    name = host_name(domain)
    if name is None or domain == text:
        return name
    return f"*.{name}" if "." in name and not _is_address(name) else None


def _domains(account_host: str) -> list[str]:
    """Return an account's own domains: Snowflake's, or the one that its URL is in."""
    for domain in DOMAINS:
        if account_host.endswith(f".{domain}"):
            return [domain]
    if _is_address(account_host) or is_loopback(account_host):
        return []
    parent = account_host.partition(".")[2]
    return [account_host] if _is_public(parent) else [account_host, parent]


def _is_public(domain: str) -> bool:
    """Return whether anybody may be able to register names in a domain, such as `com` or `co.uk`."""
    labels = domain.split(".")
    return len(labels) < 2 or (len(labels) == 2 and len(labels[1]) == 2 and len(labels[0]) <= 3)


def _is_address(host: str) -> bool:
    return host.startswith("[") or bool(_NUMERIC.fullmatch(host.rpartition(".")[2]))
