"""The account's address: from a URL, from scheme, host and port, or from the account's name.

Plain http is for this machine only; whatever leaves it is encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..auth.accounts import Account
from ..errors import ConfigError
from ..hosts import DOMAIN, DOMAINS, host_name, is_loopback, port_number, split_port
from ..shown import shown

NAMES = frozenset({"url", "scheme", "host", "port", "region"})
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PATH = re.compile(r"[!-~]*")


def account_url(values: Mapping[str, Any], account: Account) -> str:
    """Return `scheme://host`, with the port where it is not the scheme's own.

    Args:
        values: settings; `url` overrides `host`, `scheme` and `port`.
        account: has the host, where the settings name none.

    Raises:
        ConfigError: not a URL, or plain http to another machine.

    >>> account_url({}, Account.parse("myorg-my_account"))
    'https://myorg-my-account.snowflakecomputing.com'
    """
    text = values.get("url") or values.get("host") or account.host
    scheme, named, given_port = _split(text, values.get("scheme") or "https")
    host = host_name(named)
    if scheme not in _DEFAULT_PORTS or host is None:
        raise ConfigError(
            f"{shown(text)} is not an account URL; take https://myorg-myaccount.{DOMAIN}", setting="url"
        )
    port = _port(given_port, values.get("port"), scheme)
    if port is None:
        raise ConfigError(f"the port in {shown(text)} is not a number from 1 to 65535", setting="url")
    if scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"{shown(text)} is not encrypted; plain http is for this machine only, take https://",
            setting="url",
        )
    if host.endswith(tuple(f".{domain}" for domain in DOMAINS)):
        host = host.replace("_", "-")  # certificates have no names with underscores
    return f"{scheme}://{host}" + (f":{port}" if port != _DEFAULT_PORTS[scheme] else "")


def token_url(text: str) -> str:
    """Return the URL of an OAuth token endpoint, on any host.

    Raises:
        ConfigError: not a URL, or plain http to another machine.

    >>> token_url("https://login.example.com/v1/token")
    'https://login.example.com/v1/token'
    """
    before, separator, rest = text.strip().partition("://")
    authority, slash, path = rest.partition("/")
    name, port = split_port(authority)
    scheme, host = before.lower(), host_name(name)
    fits = separator and scheme in _DEFAULT_PORTS and host is not None
    if not fits or (port is not None and port_number(port) is None) or not _PATH.fullmatch(path):
        wanted = "take the token endpoint's URL, such as https://login.example.com/v1/token"
        raise ConfigError(f"{shown(text)} is not a URL; {wanted}", setting="oauth_token_request_url")
    if scheme == "http" and not is_loopback(host or ""):
        raise ConfigError(
            f"{shown(text)} is not encrypted, and secrets are sent there; take https://",
            setting="oauth_token_request_url",
        )
    return f"{scheme}://{host}{'' if port is None else f':{port}'}{slash}{path}"


def same_host(url: str, host: str) -> bool:
    """Return whether a URL and a host name the same machine, regardless of scheme and port."""
    return _split(url, "https")[1].lower() == _split(host, "https")[1].lower()


def _split(text: str, scheme: str) -> tuple[str, str, str | None]:
    """Split a URL or host into scheme, host and port (None where there is none), without checking them."""
    before, separator, rest = text.strip().partition("://")
    given, rest = (before, rest) if separator else (scheme, before)
    return given.lower(), *split_port(rest.removesuffix("/"))


def _port(in_text: str | None, setting: float | None, scheme: str) -> int | None:
    """Return the port: the text's own, the setting, or the scheme's; None if it is invalid."""
    if in_text is not None:
        return port_number(in_text)
    if setting is None:
        return _DEFAULT_PORTS[scheme]
    return int(setting) if setting.is_integer() and 0 < setting <= 65535 else None
