"""The account's address: from a URL, from scheme, host and port, or from the account's name.

Plain http is for this machine only; what leaves it is encrypted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..auth.accounts import DOMAIN, Account
from ..errors import ConfigError

NAMES = frozenset({"url", "scheme", "host", "port"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


def account_url(values: Mapping[str, Any], account: Account) -> str:
    """Return `scheme://host`, with the port where it is not the scheme's own.

    Args:
        values: settings; of these `url` counts before `host`, `scheme` and `port`.
        account: gives the host where the settings name none.

    Raises:
        ConfigError: no URL, or plain http to another machine.

    >>> account_url({}, Account.parse("myorg-my_account"))
    'https://myorg-my-account.snowflakecomputing.com'
    """
    text = values.get("url") or values.get("host") or account.host
    parts = _split(text, scheme=values.get("scheme") or "https")
    try:
        port = parts.port or _whole(values.get("port"))
    except ValueError:
        raise ConfigError(f"the port in {text!r} is no number from 1 to 65535", setting="url") from None
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username is not None:
        raise ConfigError(f"{text!r} is no account URL; take https://myorg-myaccount.{DOMAIN}", setting="url")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"{text!r} is not encrypted; plain http is for this machine only, take https://", setting="url"
        )
    if host.endswith(f".{DOMAIN}"):
        host = host.replace("_", "-")  # certificates hold no names with underscores
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (
        f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    )


def same_host(url: str, host: str) -> bool:
    """Tell whether a URL and a host name the same machine; scheme and port aside."""
    return _split(url, scheme="https").hostname == _split(host, scheme="https").hostname


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: 127.0.0.0/8, ::1 or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(text: str, *, scheme: str) -> SplitResult:
    try:
        return urlsplit(text if "://" in text else f"{scheme}://{text}")
    except ValueError:
        raise ConfigError(
            f"{text!r} is no URL; take https://myorg-myaccount.{DOMAIN}", setting="url"
        ) from None


def _whole(port: float | None) -> int | None:
    if port is None:
        return None
    if not port.is_integer() or port > 65535:
        raise ValueError
    return int(port)
