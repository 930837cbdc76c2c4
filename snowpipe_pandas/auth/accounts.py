"""The one parser of account names: from every form in use it returns the host and the name that a JWT claims.

Source: Snowflake's pages on account identifiers and on key-pair authentication. No settings, no network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError
from ..hosts import DOMAIN, DOMAIN_CHINA, DOMAINS

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")


_FIRST_REGION = "us-west-2"
"""Host names of accounts in this region have no region in them."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        claim: its name as `iss` and `sub` of a JWT have it: upper case, without the region.
        host: its host: lower case, underscores as hyphens (certificates hold no underscores).
    """

    claim: str
    host: str

    @classmethod
    def parse(cls, text: str, region: str | None = None) -> Account:
        """Read an account name.

        Args:
            text: the name.
            region: the region, where it is a separate setting, as in the Python connector.

        | form | claim | host, before `.snowflakecomputing.com` (`.cn` in the regions of China) |
        |---|---|---|
        | `myorg-my_account` | `MYORG-MY_ACCOUNT` | `myorg-my-account` |
        | `myorg.my_account` | `MYORG-MY_ACCOUNT` | `myorg-my-account` |
        | `xy12345` | `XY12345` | `xy12345` |
        | `xy12345.eu-central-1.aws` | `XY12345` | `xy12345.eu-central-1.aws` |
        | `xy12345.cn-northwest-1.aws` | `XY12345` | `xy12345.cn-northwest-1.aws` |
        | `xy-a1b2.global` | `XY` | `xy-a1b2.global` |
        | `myorg-dev.privatelink` | `MYORG-DEV` | `myorg-dev.privatelink` |

        `org.account` and `locator.region` look alike. Every region of every cloud has a hyphen
        (`us-east-1`, `west-europe`, `us-central1`), no account name has one: that distinguishes them.

        Raises:
            ConfigError: the text is not an account name (a URL or a host, say), or contradicts the region.

        >>> Account.parse("myorg.dev").claim
        'MYORG-DEV'
        """
        name = text.strip()
        if not _FORM.fullmatch(name) or name.lower().endswith(tuple(f".{domain}" for domain in DOMAINS)):
            raise ConfigError(f"account {text[:80]!r} is not an account name{_hint(name)}", setting="account")
        first, *rest = name.split(".")
        if region is not None:
            rest = _rest_with(region.strip(), text, first, rest)
            name = ".".join([first, *rest])
        domain = DOMAIN_CHINA if rest and rest[0].lower().startswith("cn-") else DOMAIN
        if _is_org_and_account(first, rest):
            name = first = f"{first}-{rest[0]}"
        elif rest and rest[0].lower() == "global":
            first = first.partition("-")[0]
        return cls(first.upper(), f"{name.lower().replace('_', '-')}.{domain}")


def _is_org_and_account(first: str, rest: list[str]) -> bool:
    return (
        len(rest) == 1
        and "-" not in first
        and "-" not in rest[0]
        and rest[0].lower() not in ("global", "privatelink")
    )


def _rest_with(region: str, text: str, first: str, rest: list[str]) -> list[str]:
    """Return what follows an account's locator, where name and region are given separately."""
    given = region.lower().split(".")
    if [part.lower() for part in rest] == given:
        return rest
    if rest or "-" in first:
        problem = f"region {region[:80]!r} does not go with account {text[:80]!r}"
        raise ConfigError(f"{problem}: keep one of them, or give url=", setting="region")
    if not _FORM.fullmatch(region) or "_" in region:
        wanted = "take the form eu-central-1, or west-europe.azure"
        raise ConfigError(f"region {region[:80]!r} is not a region; {wanted}", setting="region")
    return [] if given == [_FIRST_REGION] else given


def _hint(name: str) -> str:
    for domain in DOMAINS:
        host = re.search(rf"([A-Za-z0-9_.-]+)\.{re.escape(domain)}", name, re.IGNORECASE)
        if host:
            return f"; take {host[1]!r}, the part before .{domain}"
    return "; take the form myorg-myaccount"
