"""The account's door: users with public keys, real checks of signed JWTs, scoped tokens that end.

It knows nothing of the client's auth room. What is checked follows Snowflake's key-pair page: RS256,
`iss` = account.user.fingerprint, `sub` = account.user, a life of at most an hour.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from ..clock import AccountClock
from ..refusals import Refused

MAX_JWT_LIFETIME_S = 3600
CLOCK_LEEWAY_S = 60
_MILLISECONDS_ABOVE = 10**11
"""A time above this is in milliseconds, as the official SDK sends it."""
_LATEST = 10**15
"""A time beyond this, before or after the epoch, is refused: it may not even fit into a float."""

_TYPE_HEADER = "x-snowflake-authorization-token-type"
_INVALID_JWT = "390144"
_EXPIRED_JWT = "390318"
_INVALID_SCOPED = "390303"
_EXPIRED_SCOPED = "390114"
_REQUIRED_CLAIMS = ["iss", "sub", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from."""

    account: str
    user: str


@dataclass(slots=True)
class _Issued:
    identity: Identity
    expires_at: float
    scope: str = field(default="")


class Door:
    """Registers keys, verifies what requests bring, and issues scoped tokens.

    Args:
        account: the account's name, upper case.
        clock: what lives are counted with, and signed times are compared with.
        token_lifetime_s: life of scoped tokens in seconds.
    """

    def __init__(self, account: str, clock: AccountClock, *, token_lifetime_s: float) -> None:
        self.account = account
        self._clock = clock
        self.token_lifetime_s = token_lifetime_s
        self._lock = threading.Lock()
        self._keys: dict[str, dict[str, RSAPublicKey]] = {}
        self._scoped: dict[str, _Issued] = {}
        self._access_tokens: dict[str, _Issued] = {}

    def register_key(self, user: str, slot: str, public_key_base64: str | None) -> None:
        """Set `RSA_PUBLIC_KEY` or `RSA_PUBLIC_KEY_2` (the slot) of a user; None unsets it.

        Raises:
            Refused: the text is no RSA public key.
        """
        with self._lock:
            keys = self._keys.setdefault(user.upper(), {})
            if public_key_base64 is None:
                keys.pop(slot.upper(), None)
            else:
                keys[slot.upper()] = _public_key(public_key_base64)

    def issue_access_token(self, user: str, *, lifetime_s: float = 3600.0) -> str:
        """Issue a programmatic access token (also taken as an OAuth access token)."""
        return self._issue(self._access_tokens, Identity(self.account, user.upper()), lifetime_s, "")

    def issue_scoped(self, identity: Identity, scope: str) -> str:
        """Issue a token for the ingest host named by `scope`."""
        return self._issue(self._scoped, identity, self.token_lifetime_s, scope)

    def revoke_scoped(self) -> None:
        """End every scoped token now."""
        with self._lock:
            self._scoped.clear()

    def admit_control(self, headers: Mapping[str, str]) -> Identity:
        """Check a request of the control plane: a JWT in either form, or an access token."""
        authorization = headers.get("authorization", "")
        if authorization.startswith("Snowflake JWT "):
            return self.verify_jwt(authorization.removeprefix("Snowflake JWT "))
        token = _bearer(authorization)
        kind = headers.get(_TYPE_HEADER, "")
        if kind == "KEYPAIR_JWT":
            return self.verify_jwt(token)
        if kind in ("PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"):
            return self._look_up(self._access_tokens, token).identity
        raise Refused(401, _INVALID_JWT, f"unknown or missing {_TYPE_HEADER}: {kind[:40]!r}")

    def admit_ingest(self, headers: Mapping[str, str], host: str) -> Identity:
        """Check a request of the ingest plane: a scoped token of this host."""
        token = _bearer(headers.get("authorization", ""))
        if headers.get(_TYPE_HEADER, "OAUTH") != "OAUTH":
            raise Refused(401, _INVALID_SCOPED, "the ingest host takes scoped tokens only")
        issued = self._look_up(self._scoped, token)
        if issued.identity.account != self.account:
            raise Refused(401, _INVALID_SCOPED, "the scoped token is of another account")
        if issued.scope != host:
            raise Refused(401, _INVALID_SCOPED, "the scoped token is for another host")
        return issued.identity

    def verify_jwt(self, token: str) -> Identity:
        """Check a key-pair JWT.

        Raises:
            Refused: 401 with a code, whatever is wrong with it.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, RecursionError):
            raise Refused(401, _INVALID_JWT, "JWT token is invalid: it can't be read") from None
        if header.get("alg") != "RS256":
            raise Refused(401, _INVALID_JWT, "JWT token is invalid: only RS256 is accepted")
        identity, key = self._claimed(claims)
        try:
            jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise Refused(401, _INVALID_JWT, "JWT token is invalid: the signature does not verify") from None
        _check_times(claims, self._clock.time())
        return identity

    def _claimed(self, claims: Mapping[str, Any]) -> tuple[Identity, RSAPublicKey]:
        """Find the key that the claims name, and check that they agree with each other."""
        for name in _REQUIRED_CLAIMS:
            if name not in claims:
                raise Refused(401, _INVALID_JWT, f"JWT token is invalid: the claim {name} is missing")
        subject, issuer = str(claims["sub"]), str(claims["iss"])
        account, _, user = subject.partition(".")
        if account != self.account:
            raise Refused(401, _INVALID_JWT, "JWT token is invalid: wrong account")
        with self._lock:
            keys = list(self._keys.get(user, {}).values())
        for key in keys:
            if issuer == f"{subject}.{fingerprint(key)}":  # nothing secret: both are public
                return Identity(account, user), key
        raise Refused(401, _INVALID_JWT, "JWT token is invalid: no such user and key fingerprint")

    def _issue(self, store: dict[str, _Issued], identity: Identity, lifetime_s: float, scope: str) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            store[token] = _Issued(identity, self._clock.monotonic() + lifetime_s, scope)
        return token

    def _look_up(self, store: dict[str, _Issued], token: str) -> _Issued:
        with self._lock:
            issued = store.get(token)
        if issued is None:
            raise Refused(401, _INVALID_SCOPED, "the token is invalid")
        if self._clock.monotonic() >= issued.expires_at:
            raise Refused(401, _EXPIRED_SCOPED, "the token has expired")
        return issued


def fingerprint(key: RSAPublicKey) -> str:
    """Return `SHA256:` and the digest of a public key, as `DESC USER` shows it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def _public_key(text: str) -> RSAPublicKey:
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split())))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise Refused(400, "390405", "the text is no RSA public key in base64")
    return key


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not token:
        raise Refused(401, _INVALID_JWT, "the Authorization header is missing or has an unknown scheme")
    return token


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued_at, expires_at = _seconds(claims["iat"]), _seconds(claims["exp"])
    if expires_at <= now - CLOCK_LEEWAY_S:
        raise Refused(401, _EXPIRED_JWT, "JWT token has expired")
    if issued_at > now + CLOCK_LEEWAY_S:
        raise Refused(401, _INVALID_JWT, "JWT token is invalid: it was issued in the future")
    if not 0 < expires_at - issued_at <= MAX_JWT_LIFETIME_S:
        raise Refused(401, _INVALID_JWT, "JWT token is invalid: its life is longer than an hour or negative")
    not_before = claims.get("nbf")
    if not_before is not None and _seconds(not_before) > now + CLOCK_LEEWAY_S:
        raise Refused(401, _INVALID_JWT, "JWT token is invalid: it is not valid yet")


def _seconds(value: Any) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not abs(value) <= _LATEST:  # NaN, which JSON of Python may hold, is refused as well
        raise Refused(401, _INVALID_JWT, "JWT token is invalid: its times are no numbers")
    return value / 1000 if value > _MILLISECONDS_ABOVE else float(value)
